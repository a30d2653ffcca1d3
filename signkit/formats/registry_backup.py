"""The two documents of a registry's backup: what it is, and the digest of everything in it.

Spec: docs/formats/registry-backup.md sections 3 and 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from signkit.errors import MalformedError, NotCanonicalError, TooLargeError
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, encode_json, parse_json

FORMAT = "signkit.registry-backup.v1"
RECORD_SIZE = 64 * 1024
SUMS_SIZE = 4 * 1024 * 1024 * 1024
DATABASE_NAME = "registry.sqlite3"
_OBJECT = re.compile(rb"([0-9a-f]{64})  objects/([0-9a-f]{2})/([0-9a-f]{64})\n")
_DATABASE = re.compile(rb"([0-9a-f]{64})  registry\.sqlite3\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecord:
    """What a backup is.

    Attributes:
        created: RFC 3339 UTC text; the moment that it holds.
        signkit: Version that wrote it.
        step: Of the schema that the records are at.
        object_count: Objects.
        object_size: Their bytes in all.
        sums: Of SHA256SUMS.
    """

    created: str
    signkit: str
    step: str
    object_count: int
    object_size: int
    sums: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The digest of everything.

    Attributes:
        database: SHA-256 of the records' file.
        objects: SHA-256 of each object, rising.
    """

    database: Sha256
    objects: tuple[Sha256, ...]


def object_path(digest: Sha256) -> str:
    """Return where an object lies within a backup."""
    text = digest.hex()
    return f"objects/{text[:2]}/{text}"


def encode_backup(record: BackupRecord) -> bytes:
    """Return the bytes of backup.json."""
    return encode_json(
        {
            "format": FORMAT,
            "created": record.created,
            "signkit": record.signkit,
            "step": record.step,
            "object_count": record.object_count,
            "object_size": record.object_size,
            "sums": {"sha256": record.sums.hex()},
        }
    )


def parse_backup(data: bytes) -> BackupRecord:
    """Parse backup.json.

    Raises:
        FormatError: a field is unknown, missing or wrong, or spelled in another way.
    """
    fields = Fields(parse_json(data, limit=RECORD_SIZE, what="backup.json"), "backup.json")
    fields.constant("format", FORMAT)
    record = BackupRecord(
        created=fields.time("created"),
        signkit=fields.label("signkit"),
        step=fields.label("step"),
        object_count=fields.integer("object_count"),
        object_size=fields.integer("object_size"),
        sums=Sha256(fields.sha256("sums")),
    )
    fields.done()
    if encode_backup(record) != data:
        message = "backup.json is spelled in another way than signkit writes it"
        raise NotCanonicalError(message)
    return record


def encode_sums(database: Sha256, objects: Iterable[Sha256]) -> bytes:
    """Return the bytes of SHA256SUMS.

    Args:
        database: SHA-256 of the records' file.
        objects: In any order, each once.
    """
    lines = [f"{digest.hex()}  {object_path(digest)}\n" for digest in sorted(objects, key=bytes)]
    return "".join([*lines, f"{database.hex()}  {DATABASE_NAME}\n"]).encode("ascii")


def parse_sums(data: bytes) -> Sums:
    """Parse SHA256SUMS.

    Raises:
        TooLargeError: more than SUMS_SIZE bytes.
        MalformedError: a line that is none, stands twice, or is out of its order.
    """
    if len(data) > SUMS_SIZE:
        message = f"SHA256SUMS is too large: expected at most {SUMS_SIZE} bytes, got {len(data)}"
        raise TooLargeError(message)
    objects: list[Sha256] = []
    place, last = 0, b""
    while line := _OBJECT.match(data, place):
        digest, folder, name = line.groups()
        if name != digest or folder != digest[:2] or digest <= last:
            _refuse(len(objects))
        objects.append(Sha256(bytes.fromhex(digest.decode("ascii"))))
        place, last = line.end(), digest
    end = _DATABASE.fullmatch(data, place)
    if end is None:
        _refuse(len(objects))
    database = Sha256(bytes.fromhex(end.group(1).decode("ascii")))
    return Sums(database=database, objects=tuple(objects))


def _refuse(line_count: int) -> NoReturn:
    message = f"SHA256SUMS: line {line_count + 1} is not what stands there in a backup"
    raise MalformedError(message)
