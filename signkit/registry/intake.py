"""One part from its presigned URL into the store and on record.

The order is: the record allows it, the headers fit, the body is taken in, its digest is the one
declared, the bytes are durable, the record still allows it and says valid, the answer goes out. A
small part is taken in before the record is asked, which happens once then. A part is on record
as valid only while its bytes are durable; a crash between the two leaves a file and no record.

Spec: docs/formats/registry-protocol.md section 7.
"""

from __future__ import annotations

import errno
from base64 import b64encode

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, lazyload

from signkit.registry.clean_up import discard
from signkit.registry.content import LEAN, find_dead
from signkit.registry.context import Parts
from signkit.registry.database import hold
from signkit.registry.edge import note_bytes
from signkit.registry.presign import PartGrant
from signkit.registry.problems import (
    BAD_REQUEST,
    CONFLICT,
    DISK_FULL,
    LENGTH_REQUIRED,
    NOT_FOUND,
    RefusedError,
    refuse,
)
from signkit.registry.states import BinaryState, PartState
from signkit.registry.tables import Binary, BinaryPart, Organization, now
from signkit.registry.upload import Received

# A part of no more bytes is here sooner than a record is looked up that would not take it.
_SOON = 1024 * 1024
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _PartError(RefusedError):
    """What arrived is not what was declared."""

    def __init__(self, state: PartState, detail: str) -> None:
        super().__init__(BAD_REQUEST, {"detail": detail})
        self.state = state


async def take_part(request: Request, grant: PartGrant, registry: Parts) -> None:
    """Take one part in.

    Args:
        request: The PUT; its body is read here.
        grant: What its URL allows.
        registry: The application's parts.

    Raises:
        RefusedError: 404 or 409, where the record does not wait for this part; 411 without a length;
            400, where length, checksum header or content are not those declared; 408, where the
            sender paused too long; 507, where the disk is full.
    """
    if registry.receiver is None:
        raise refuse(NOT_FOUND, "parts are sent to the store itself")
    if grant.size > _SOON:
        await run_in_threadpool(_check_wanted, registry, grant)
    try:
        _check_headers(request, grant)
        received = await registry.receiver.receive(request, grant.key, size=grant.size)
        note_bytes(request, grant.size)
        row, whole = await run_in_threadpool(_keep, registry, grant, received)
    except _PartError as error:
        await run_in_threadpool(_mark, registry, grant, error.state)
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise refuse(DISK_FULL, "there is no room for the part") from error
        raise
    if not whole:  # what is of one part is hashed when the verdict is asked for
        registry.jobs.follow(row)
        await registry.jobs.keep_pace(row)


def _check_wanted(registry: Parts, grant: PartGrant) -> None:
    with registry.database.read() as session:
        _find_part(session, grant)


def _find_part(session: Session, grant: PartGrant) -> tuple[Binary, BinaryPart]:
    """Return the records that wait for this part."""
    key = grant.key
    query = hold(session, _RECORDS, Binary, BinaryPart)
    names = {
        "organization": key.content.organization,
        "binary": key.content.binary,
        "part": key.index,
    }
    found = session.execute(query, names).first()
    if found is None:
        raise refuse(NOT_FOUND, "no such part; declare it again")
    binary, part = found
    declared = (binary.revision, part.hash, part.size)
    if declared != (key.content.revision, key.digest, grant.size):
        raise refuse(CONFLICT, "the part was declared anew since; use its new URL")
    if binary.state != BinaryState.UPLOADABLE:
        raise refuse(CONFLICT, f"the binary is {binary.state}, expected uploadable")
    return binary, part


_RECORDS = (
    select(Binary, BinaryPart)
    .join(Organization, Organization.row == Binary.organization_row)
    .join(BinaryPart, BinaryPart.binary_row == Binary.row)
    .where(
        Organization.id == bindparam("organization"),
        Binary.id == bindparam("binary"),
        BinaryPart.index == bindparam("part"),
    )
    .options(*LEAN, lazyload(Binary.organization))
)


def _check_headers(request: Request, grant: PartGrant) -> None:
    length = request.headers.get("content-length")
    if length is None:
        detail = "expected the header content-length"
        raise refuse(LENGTH_REQUIRED, detail, headers={"connection": "close"})
    if length != str(grant.size):
        detail = f"content-length: expected {grant.size}, got {length[:20]}"
        raise _PartError(PartState.INVALID_SIZE, detail)
    checksum = request.headers.get("x-amz-checksum-sha256")
    expected = b64encode(bytes.fromhex(grant.key.digest)).decode("ascii")
    if checksum is not None and checksum != expected:
        detail = f"x-amz-checksum-sha256: expected {expected}, as declared"
        raise _PartError(PartState.INVALID_HASH, detail)


def _keep(registry: Parts, grant: PartGrant, received: Received) -> tuple[int, bool]:
    """Make the part durable and put it on record.

    Returns:
        The binary's row, and whether the part is all of its content.
    """
    try:
        if received.size != grant.size:
            detail = f"expected {grant.size} bytes, got {received.size}"
            raise _PartError(PartState.INVALID_SIZE, detail)
        if received.digest != grant.key.digest:
            detail = f"expected the SHA-256 {grant.key.digest}, got {received.digest}"
            raise _PartError(PartState.INVALID_HASH, detail)
        received.writer.keep()
    except FileNotFoundError:
        # Its folder was removed under it: the record says why, where it does not wait any more.
        _check_wanted(registry, grant)
        raise
    finally:
        received.writer.drop()
    try:
        with registry.database.write() as session:
            binary, part = _find_part(session, grant)
            if part.state != PartState.VALID:
                part.state = PartState.VALID
                part.updated_at = now()
            return binary.row, part.size == binary.size
    except RefusedError:
        _clear(registry, grant)
        raise


def _clear(registry: Parts, grant: PartGrant) -> None:
    """Remove what was kept for a binary that was reset, destroyed or deleted meanwhile."""
    with registry.database.read() as session:
        dead = find_dead(session, [grant.key.content])
    for content in dead:
        discard(registry.store, content)


def _mark(registry: Parts, grant: PartGrant, state: PartState) -> None:
    """Say on the record what is wrong; a part that is valid stays so."""
    try:
        with registry.database.write() as session:
            _, part = _find_part(session, grant)
            if part.state != PartState.VALID:
                part.state = state
                part.updated_at = now()
    except RefusedError:
        return  # declared anew meanwhile: the new declaration stands
