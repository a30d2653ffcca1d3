"""The plan: bytes to values and back.

Spec: docs/formats/plan-and-journal.md section 2.
"""

from __future__ import annotations

import re
from hashlib import sha256

from signkit.errors import (
    FileError,
    FormatError,
    JournalError,
    MalformedError,
    NotCanonicalError,
    TooLargeError,
)
from signkit.model.plan import FileIdentity, Plan, PlannedItem
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, decode_hex, encode_text, parse_json

FORMAT = "signkit.plan.v1"

_NATURAL = r"(0|[1-9][0-9]{0,19})"
_TIME = r"(0|-?[1-9][0-9]{0,18})"
_IDENTITY = re.compile(rf"{_NATURAL} {_NATURAL} {_TIME} (?:{_TIME}|-)", re.ASCII)
_IDENTITY_LENGTH = 100
_TAIL = b',"checksum":{"sha256":"%b"}}'
_TAIL_SIZE = len(_TAIL % bytes(64))


class PlanWriter:
    """A plan on its way into its file: an item is encoded at once and need not be kept."""

    def __init__(self) -> None:
        self._items = bytearray()

    def add(self, item: PlannedItem) -> None:
        """Add one item; they stand in the order of the request's.

        Raises:
            FileError: its path is not UTF-8, so it cannot be written down.
        """
        if self._items:
            self._items += b","
        try:
            self._items += _encode_item(item).encode("utf-8")
        except UnicodeEncodeError as error:
            message = f"the path {item.path!r} is not UTF-8, so the plan cannot be written"
            raise FileError(message, hint="rename the file") from error

    def encode(self, request: Sha256) -> bytes:
        """Return the plan file.

        Args:
            request: SHA-256 of the request file.

        Raises:
            TooLargeError: it is longer than limits.PLAN_SIZE.
        """
        head = f'{{"format":"{FORMAT}","request":{{"sha256":"{request.hex()}"}},"items":['
        body = b"".join((head.encode("ascii"), self._items, b"]"))
        data = body + _TAIL % sha256(body).hexdigest().encode("ascii")
        if len(data) > limits.PLAN_SIZE:
            message = (
                f"the plan is too large: expected at most {limits.PLAN_SIZE} bytes, got {len(data)}"
            )
            raise TooLargeError(message, hint="split the release into several requests")
        return data


def encode_plan(plan: Plan) -> bytes:
    """Return the file of a plan that is at hand as a whole.

    Raises:
        FileError, TooLargeError: as `PlanWriter`.
    """
    writer = PlanWriter()
    for item in plan.items:
        writer.add(item)
    return writer.encode(plan.request)


def _encode_item(item: PlannedItem) -> str:
    """Write one item; by hand, because of 100,000 items that is three times as fast."""
    identity = item.identity
    ctime = "-" if identity.ctime_ns is None else identity.ctime_ns
    parts = b"".join(item.parts).hex() if len(item.parts) > 1 else ""
    return (
        f'{{"path":{encode_text(item.path)},"size":{identity.size},'
        f'"identity":"{identity.device} {identity.inode} {identity.mtime_ns} {ctime}",'
        f'"digest":{{"sha256":"{item.digest.hex()}"}},'
        f'"part_size":{item.part_size},"parts":"{parts}"}}'
    )


def parse_plan(data: bytes) -> Plan:
    """Parse a plan file.

    Args:
        data: The file, at most limits.PLAN_SIZE bytes.

    Raises:
        JournalError: torn, edited or malformed; the message says where.
    """
    try:
        plan = _parse(data)
        if encode_plan(plan) != data:
            message = "plan: expected the one spelling that prepare writes, got another"
            raise NotCanonicalError(message)
    except FormatError as error:
        hint = "prepare again: a plan is never repaired"
        raise JournalError(f"the plan cannot be used: {error}", hint=hint) from error
    return plan


def _parse(data: bytes) -> Plan:
    body = data[:-_TAIL_SIZE]
    if data != body + _TAIL % sha256(body).hexdigest().encode("ascii"):
        message = "plan: the checksum does not fit, so the file is torn or was edited"
        raise MalformedError(message)
    fields = Fields(parse_json(data, limit=limits.PLAN_SIZE, what="plan"), "plan")
    fields.constant("format", FORMAT)
    request = Sha256(fields.sha256("request"))
    items = tuple(
        _parse_item(member, f"plan.items[{index}]")
        for index, member in enumerate(fields.array("items", least=1, most=limits.ITEM_COUNT))
    )
    fields.take("checksum")
    fields.done()
    return Plan(request=request, items=items)


def _parse_item(value: object, where: str) -> PlannedItem:
    fields = Fields(value, where)
    path = _parse_path(fields, where)
    size = fields.integer("size", most=limits.CONTENT_SIZE)
    identity = _parse_identity(fields, where, size)
    digest = Sha256(fields.sha256("digest"))
    part_size = fields.integer("part_size", least=1, most=limits.PART_SIZE)
    parts = _parse_parts(fields, where, digest, count=-(-size // part_size))
    fields.done()
    return PlannedItem(
        path=path, identity=identity, digest=digest, part_size=part_size, parts=parts
    )


def _parse_path(fields: Fields, where: str) -> str:
    path = fields.text("path", limit=limits.PATH_SIZE)
    if not path.startswith("/") or "\0" in path or len(path.encode("utf-8")) > limits.PATH_SIZE:
        message = (
            f"{where}.path: expected an absolute path of at most {limits.PATH_SIZE} bytes without NUL,"
            f" got {path[:80]!r}"
        )
        raise MalformedError(message)
    return path


def _parse_identity(fields: Fields, where: str, size: int) -> FileIdentity:
    text = fields.text("identity", limit=_IDENTITY_LENGTH)
    match = _IDENTITY.fullmatch(text)
    if match is None:
        message = f"{where}.identity: expected device, inode, mtime and ctime or -, got {text!r}"
        raise MalformedError(message)
    device, inode, mtime, ctime = match.groups()
    return FileIdentity(
        device=int(device),
        inode=int(inode),
        size=size,
        mtime_ns=int(mtime),
        ctime_ns=None if ctime is None else int(ctime),
    )


def _parse_parts(fields: Fields, where: str, digest: Sha256, *, count: int) -> tuple[Sha256, ...]:
    if count > limits.PART_COUNT:
        message = f"{where}.part_size: expected at most {limits.PART_COUNT} parts, got {count}"
        raise MalformedError(message)
    written = count if count > 1 else 0
    raw = decode_hex(fields.text("parts"), size=32 * written, what=f"{where}.parts")
    if not written:
        return (digest,) * count
    return tuple(Sha256(raw[start : start + 32]) for start in range(0, len(raw), 32))
