"""Content files: opened once, regular files only, and known again later.

prepare, the station and submit all read content through this module, and here is decided when a
digest that was taken earlier is still believed. What a content file may be is decided in
`regular_file.py`; which digest is the right one is not decided here.

Spec: docs/formats/plan-and-journal.md section 4.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from signkit.errors import DigestMismatchError
from signkit.formats.regular_file import (
    check_read,
    look_at,
    open_content,
    telling_ctime,
    unreadable,
)
from signkit.model.plan import FileIdentity, PlannedItem
from signkit.verify.digest import Sha256, compute_stream_digest

if TYPE_CHECKING:
    from signkit.verify.digest import ReadInto

Advance = Callable[[int], None]
Result = TypeVar("Result")


def hash_content(path: str, *, advance: Advance) -> tuple[Sha256, FileIdentity]:
    """Compute the SHA-256 of a content file, reading each byte once.

    Args:
        path: The file; symbolic links are followed.
        advance: Called with the bytes just hashed.

    Returns:
        The digest, and the file it was taken from.

    Raises:
        FileError: as `read_content`.
    """

    def compute(read_into: ReadInto, size: int) -> tuple[Sha256, int]:
        return compute_stream_digest(read_into, size=size, sink=lambda piece: advance(len(piece)))

    return read_content(path, compute)


def check_unchanged(planned: PlannedItem, *, advance: Advance) -> FileIdentity:
    """Check that a content file still is what was prepared.

    A file whose identity is the planned one is believed; any other is hashed again.

    Args:
        planned: What prepare wrote down.
        advance: Called with the bytes just hashed; not at all where nothing needs to be.

    Returns:
        The file as it is now.

    Raises:
        FileError: it is gone, cannot be read, is no regular file, or changes while it is read.
        DigestMismatchError: its content is another one; both digests are named.

    Spec: docs/formats/plan-and-journal.md section 4.
    """
    descriptor, status = open_content(planned.path)
    os.close(descriptor)
    if _is_same(planned.identity, status):
        return planned.identity
    digest, identity = hash_content(planned.path, advance=advance)
    if digest != planned.digest:
        message = (
            f"{planned.path} changed since it was prepared: expected SHA-256"
            f" {planned.digest.hex()}, got {digest.hex()}"
        )
        hint = "bring the prepared file back, or prepare and sign it again"
        raise DigestMismatchError(message, hint=hint)
    return identity


def read_content(
    path: str, consume: Callable[[ReadInto, int], tuple[Result, int]]
) -> tuple[Result, FileIdentity]:
    """Open a content file, read it, and check that it stayed the same meanwhile.

    Args:
        path: The file; symbolic links are followed.
        consume: Given a function that reads into a buffer, and the size in bytes; reads to the
            end or to one byte more than the size, and returns a result and the bytes read.

    Returns:
        The result, and the file it was taken from.

    Raises:
        FileError: missing, unreadable, no regular file, or changed while it was read.
    """
    opened_ns = time.time_ns()
    descriptor, before = open_content(path)

    def read_into(view: memoryview) -> int:
        try:
            return os.readv(descriptor, (view,))
        except OSError as error:
            raise unreadable(path, error) from error

    try:
        result, count = consume(read_into, before.st_size)
        check_read(path, before, after=look_at(path), count=count)
    finally:
        os.close(descriptor)
    return result, identify(before, opened_ns=opened_ns)


def identify(status: os.stat_result, *, opened_ns: int) -> FileIdentity:
    """Return a file's identity, as far as it can show a later write.

    Args:
        status: What the system said once the file was open.
        opened_ns: The time just before that, in nanoseconds since 1970.
    """
    return FileIdentity(
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=telling_ctime(status.st_ctime_ns, opened_ns=opened_ns),
    )


def _is_same(identity: FileIdentity, status: os.stat_result) -> bool:
    return (
        identity.device == status.st_dev
        and identity.inode == status.st_ino
        and identity.size == status.st_size
        and identity.mtime_ns == status.st_mtime_ns
        and identity.ctime_ns == status.st_ctime_ns  # never so where it is None
    )
