"""Reads what is sent: columns, where changes and the console load records.

A record with everything that belongs to it costs three times as much to load as its columns, and
reads are most of what a registry is asked. What a binary is comes in two queries, whether one is
read or a page of a hundred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, bindparam, select

from signkit.registry.access import visible
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, BinarySignature, SigningKey
from signkit.registry.tokens import Caller
from signkit.registry.views import (
    Columns,
    view_artifact,
    view_artifact_version,
    view_binary,
    view_signature,
    view_signing_key,
)

Read = (
    type[Artifact] | type[ArtifactVersion] | type[Binary] | type[BinarySignature] | type[SigningKey]
)
"""A table that is read by columns."""

_CALLERS = 256
_MADE = (
    BinarySignature.signature,
    SigningKey.id.label("key_id"),
    SigningKey.keyid,
    SigningKey.value,
)
_SIGNATURES = (
    select(BinarySignature.binary_row, *_MADE)
    .join(SigningKey, SigningKey.row == BinarySignature.signing_key_row)
    .where(BinarySignature.binary_row.in_(bindparam("binaries", expanding=True)))
    .order_by(BinarySignature.row)
)


def _columns(table: Read) -> Sequence[Any]:
    return tuple(table.__table__.columns)


_QUERIES: Mapping[Read, Select[Any]] = {
    Artifact: select(*_columns(Artifact)),
    ArtifactVersion: select(*_columns(ArtifactVersion), Artifact.id.label("artifact_id")).join(
        Artifact, Artifact.row == ArtifactVersion.artifact_row
    ),
    SigningKey: select(*_columns(SigningKey)),
    Binary: select(*_columns(Binary), ArtifactVersion.id.label("artifact_version_id")).join(
        ArtifactVersion, ArtifactVersion.row == Binary.artifact_version_row
    ),
    BinarySignature: select(*_columns(BinarySignature), Binary.id.label("binary_id"), *_MADE[1:])
    .join(Binary, Binary.row == BinarySignature.binary_row)
    .join(SigningKey, SigningKey.row == BinarySignature.signing_key_row),
}


@lru_cache(_CALLERS)
def query_visible(table: Read, caller: Caller) -> Select[Any]:
    """Return the query of everything in a table that exists for a caller; made once for each."""
    return _QUERIES[table].where(*visible(table, caller))


@lru_cache(_CALLERS)
def _query_one(table: Read, caller: Caller) -> Select[Any]:
    return query_visible(table, caller).where(table.id == bindparam("id"))


def read_one(connection: Connection, table: Read, identity: UUID, caller: Caller) -> object | None:
    """Return one resource as it is sent, or None where it does not exist for the caller."""
    rows = connection.execute(_query_one(table, caller), {"id": identity}).all()
    return show(connection, table, rows, caller.organization)[0] if rows else None


def show(
    connection: Connection, table: Read, rows: Sequence[Columns], organization: UUID
) -> Sequence[object]:
    """Return resources as they are sent.

    Args:
        connection: Where the rows come from.
        table: Of what.
        rows: From a query that `query_visible` returned.
        organization: Whose they are.
    """
    return _VIEWS[table](connection, rows, str(organization))


def _show_binaries(
    connection: Connection, rows: Sequence[Columns], organization: str
) -> Sequence[object]:
    signatures: dict[int, list[Any]] = defaultdict(list)
    binaries = [row.row for row in rows]
    for row in connection.execute(_SIGNATURES, {"binaries": binaries}):
        signatures[row.binary_row].append(row)
    return [view_binary(row, organization, signatures[row.row]) for row in rows]


def _each(view: Callable[[Columns, str], object]) -> _View:
    return lambda _connection, rows, organization: [view(row, organization) for row in rows]


_View = Callable[[Connection, Sequence[Columns], str], Sequence[object]]
_VIEWS: Mapping[Read, _View] = {
    Artifact: _each(view_artifact),
    ArtifactVersion: _each(view_artifact_version),
    SigningKey: _each(view_signing_key),
    Binary: _show_binaries,
    BinarySignature: _each(view_signature),
}
