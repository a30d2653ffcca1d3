"""Records in bulk, as years of use leave them: for works that ask what the number of them costs.

Every row that submissions make is there, with the audit's chain; the content is not, and the
signatures are of the right form only. Of each ten binaries one waits for its content and one for
its signature, and one is signed by two keys.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256, sha512
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, insert, select

from signkit.formats.chain import EMPTY_HEAD, encode_line
from signkit.formats.registry_audit import AUDIT_SHAPE
from signkit.model.audit import Actor, ActorKind, AuditEvent, Values
from signkit.registry.audit import AuditLine
from signkit.registry.database import Database
from signkit.registry.prn import Kind
from signkit.registry.records import open_records
from signkit.registry.states import BinaryState, PartState
from signkit.registry.tables import (
    Artifact,
    ArtifactVersion,
    Base,
    Binary,
    BinaryPart,
    BinarySignature,
    Organization,
    SigningKey,
    now,
)
from signkit.verify.digest import Sha256
from tests.support.keys import PROD, SPARE

TARGETS = VERSIONS = 10
SIZE = 1024 * 1024
_APART = 500_000  # microseconds between two binaries
_NAMES = UUID("5f0c3c5e-6d1b-4a53-9b8c-3a1f6f6c2d10")
_METADATA = '{"signkit":{"statement":"' + "A" * 900 + '"}}'
_METADATA_DIGEST = "sha256:" + sha256(_METADATA.encode("ascii")).hexdigest()
_SEEDER = Actor(kind=ActorKind.TOKEN, name="seed")
_CHUNK = 10_000
_WAITING, _UNSIGNED, _TWICE = 9, 8, 7  # by the last digit of a binary's place

Row = dict[str, Any]


def seed_folder(data: Path, count: int) -> None:
    """Fill the data folder of a registry that does not run.

    Args:
        data: The folder.
        count: Binaries, a multiple of 100; without other records there.
    """
    database = open_records(data)
    seed(database, count)
    database.close()


def seed(database: Database, count: int) -> None:
    """Fill a database that holds nothing but its first organization and tokens."""
    with database.read() as session:
        organization = session.scalars(select(Organization)).one()
    begin = now() - count * _APART
    with database.set_up() as connection:
        for table, rows in _records(organization, count, begin):
            _insert(connection, table, rows)
        _insert(connection, AuditLine, _audit(connection, organization, count, begin))


def named(kind: Kind, place: int) -> UUID:
    """Return the id of the record of a kind at a place."""
    return uuid5(_NAMES, f"{kind} {place}")


def content_hash(place: int) -> str:
    """Return the hash of the binary at a place."""
    return sha256(b"content %d" % place).hexdigest()


def _insert(connection: Connection, table: type[Base], rows: Iterable[Row]) -> None:
    rows = iter(rows)
    while some := list(islice(rows, _CHUNK)):
        connection.execute(insert(table), some)


def _records(
    organization: Organization, count: int, begin: int
) -> Iterator[tuple[type[Base], Iterable[Row]]]:
    def row(kind: Kind, place: int, moment: int, **values: object) -> Row:
        common = {"row": place + 1, "id": named(kind, place), "updated_at": moment + 1}
        return {**common, "inserted_at": moment, "organization_row": organization.row, **values}

    def moment(place: int) -> int:
        return begin + place * _APART

    binaries = range(count)
    versions = range(count // TARGETS)
    described = {"description": None, "custom_metadata": None}
    yield (
        SigningKey,
        (
            row(Kind.SIGNING_KEY, place, begin, name=key.name, **_key(key.public_key.raw))
            for place, key in enumerate((PROD, SPARE))
        ),
    )
    yield (
        Artifact,
        (
            row(Kind.ARTIFACT, n, begin + n, name=f"Model {n:06}", **described)
            for n in range(len(versions) // VERSIONS)
        ),
    )
    yield (
        ArtifactVersion,
        (
            row(
                Kind.ARTIFACT_VERSION,
                n,
                moment(n * TARGETS),
                artifact_row=n // VERSIONS + 1,
                version=f"{n % VERSIONS}.0.0",
                **described,
            )
            for n in versions
        ),
    )
    yield (
        Binary,
        (
            row(
                Kind.BINARY,
                n,
                moment(n),
                artifact_version_row=n // TARGETS + 1,
                target=f"target-{n % TARGETS}",
                state=_state(n),
                revision=0,
                hash=content_hash(n),
                size=SIZE + n,
                upload=None,
                description=f"build {n}",
                custom_metadata=_METADATA if n % 10 < _UNSIGNED else None,
            )
            for n in binaries
        ),
    )
    yield (
        BinaryPart,
        (
            {
                "id": named(Kind.BINARY_PART, n),
                "inserted_at": moment(n),
                "updated_at": moment(n),
                "binary_row": n + 1,
                "index": 1,
                "hash": content_hash(n),
                "size": SIZE + n,
                "state": PartState.UPLOADABLE if _is_waiting(n) else PartState.VALID,
            }
            for n in binaries
        ),
    )
    yield (
        BinarySignature,
        (
            row(
                Kind.BINARY_SIGNATURE,
                2 * n + second,
                moment(n),
                binary_row=n + 1,
                signing_key_row=second + 1,
                signature=sha512(b"%d %d" % (n, second)).hexdigest().upper(),
            )
            for n in binaries
            for second in range(_signatures(n))
        ),
    )


def _key(raw: bytes) -> Row:
    value = b64encode(raw).decode("ascii")
    digest = sha256(raw).hexdigest()
    return {"value": value, "keyid": digest, "keyid_short": digest[:16], "keyid_tuf": digest}


def _is_waiting(place: int) -> bool:
    return place % 10 == _WAITING


def _signatures(place: int) -> int:
    return {_WAITING: 0, _UNSIGNED: 0, _TWICE: 2}.get(place % 10, 1)


def _state(place: int) -> BinaryState:
    if _is_waiting(place):
        return BinaryState.UPLOADABLE
    return BinaryState.SIGNED if _signatures(place) else BinaryState.SIGNABLE


def _audit(
    connection: Connection, organization: Organization, count: int, begin: int
) -> Iterator[Row]:
    query = select(AuditLine.sequence, AuditLine.head).order_by(AuditLine.sequence.desc())
    last = connection.execute(query.limit(1)).first()
    sequence, head = (0, EMPTY_HEAD) if last is None else (last[0], Sha256(bytes.fromhex(last[1])))
    for place in range(count):
        moment = begin + place * _APART
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment / 1_000_000))
        for kind, before, after in _changes(place):
            sequence += 1
            event = AuditEvent(
                organization=str(organization.id),
                time=when,
                actor=_SEEDER,
                request="0123456789abcdefghij",
                kind=kind,
                id=str(named(kind, place)),
                before=before,
                after=after,
                ledger=None,
            )
            line = encode_line(AUDIT_SHAPE, event, sequence, head)
            head = Sha256(sha256(line).digest())
            yield {
                "id": uuid5(_NAMES, f"line {sequence}"),
                "inserted_at": moment,
                "updated_at": moment,
                "organization_row": organization.row,
                "sequence": sequence,
                "head": head.hex(),
                "line": line.decode("ascii"),
            }


def _changes(place: int) -> Iterator[tuple[Kind, Values | None, Values]]:
    """Yield what the audit says of a binary and its signatures."""
    made: Values = {
        "artifact_version": str(named(Kind.ARTIFACT_VERSION, place // TARGETS)),
        "target": f"target-{place % TARGETS}",
        "state": "uploadable",
        "revision": 0,
        "hash": content_hash(place),
        "size": SIZE + place,
        "description": f"build {place}",
        "custom_metadata": None,
    }
    yield Kind.BINARY, None, made
    if _is_waiting(place):
        return
    states = ("uploadable", "hashable", "hashing", "signable")
    for before, after in pairwise(states):
        yield Kind.BINARY, {"state": before}, {"state": after}
    for second in range(_signatures(place)):
        signed: Values = {
            "binary": str(named(Kind.BINARY, place)),
            "keyid": "0" * 64,
            "signature": sha512(b"%d %d" % (place, second)).hexdigest().upper(),
        }
        yield Kind.BINARY_SIGNATURE, None, signed
        if second == 0:
            old: Values = {"state": "signable", "custom_metadata": None}
            new: Values = {"state": "signed", "custom_metadata": _METADATA_DIGEST}
            yield Kind.BINARY, old, new
