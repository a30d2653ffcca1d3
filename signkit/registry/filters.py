"""What the keys of a search mean: clauses to conditions with bound parameters.

Spec: docs/formats/registry-protocol.md section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, ScalarSelect, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from signkit.errors import MalformedError
from signkit.registry import bundle_tables, tables
from signkit.registry.database import Position
from signkit.registry.prn import Kind, parse_organization_prn, parse_prn
from signkit.registry.search import Clause, Operator
from signkit.registry.states import BinaryState
from signkit.registry.tokens import Caller
from signkit.verify.encoding import check_time

Condition = ColumnElement[bool]
Key = Callable[[Clause, Caller], Condition]
Keys = Mapping[str, Key]

_SECOND = 1_000_000
_ORDERED = (
    Operator.EQUAL,
    Operator.LESS,
    Operator.LESS_EQUAL,
    Operator.GREATER,
    Operator.GREATER_EQUAL,
)
_LARGEST = 2**63 - 1


def compile_search(clauses: tuple[Clause, ...], keys: Keys, caller: Caller) -> list[Condition]:
    """Turn clauses into conditions.

    Args:
        clauses: From `parse_search`.
        keys: What the resource can be searched by.
        caller: Whose resources they are.

    Raises:
        MalformedError: an unknown key, an operator that the key does not have, or a value of
            the wrong type.
    """
    conditions = []
    for clause in clauses:
        key = keys.get(clause.key)
        if key is None:
            message = f"unknown key {clause.key!r}, expected one of: {', '.join(sorted(keys))}"
            raise MalformedError(message)
        conditions.append(key(clause, caller))
    return conditions


@dataclass(frozen=True, slots=True)
class _Text:
    """A text column."""

    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
    operators: tuple[Operator, ...] = (Operator.EQUAL, Operator.CONTAINS)

    def __call__(self, clause: Clause, _caller: Caller) -> Condition:
        _check_operator(clause, self.operators)
        value = _text(clause)
        if clause.operator is Operator.EQUAL:
            return self.column == value
        # Not LIKE: its case and its wildcards depend on the database.
        if clause.operator is Operator.CONTAINS:
            return Position(self.column, value) > 0
        return Position(func.lower(self.column), func.lower(value)) > 0


@dataclass(frozen=True, slots=True)
class _Number:
    """A column of sizes."""

    column: InstrumentedAttribute[int]

    def __call__(self, clause: Clause, _caller: Caller) -> Condition:
        _check_operator(clause, _ORDERED)
        if type(clause.value) is not int or abs(clause.value) > _LARGEST:
            message = f"{clause.key}: expected a number"
            raise MalformedError(message)
        return _compare(self.column, clause.operator, clause.value)


@dataclass(frozen=True, slots=True)
class _Time:
    """A column of times: asked in whole seconds, stored in microseconds."""

    column: InstrumentedAttribute[int]

    def __call__(self, clause: Clause, _caller: Caller) -> Condition:
        _check_operator(clause, _ORDERED)
        text = check_time(_text(clause), what=clause.key)
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        start = int(moment.timestamp()) * _SECOND
        end = start + _SECOND
        match clause.operator:
            case Operator.LESS:
                return self.column < start
            case Operator.LESS_EQUAL:
                return self.column < end
            case Operator.GREATER:
                return self.column >= end
            case Operator.GREATER_EQUAL:
                return self.column >= start
            case _:
                return (self.column >= start) & (self.column < end)


@dataclass(frozen=True, slots=True)
class _Own:
    """The resource's own name."""

    table: type[tables.Base]
    kind: Kind

    def __call__(self, clause: Clause, caller: Caller) -> Condition:
        _check_operator(clause, (Operator.EQUAL,))
        prn = parse_prn(_text(clause), kind=self.kind, what=clause.key)
        return self.table.id == prn.id if prn.organization == caller.organization else false()


@dataclass(frozen=True, slots=True)
class _Other:
    """The name of another resource that this one refers to."""

    column: InstrumentedAttribute[int]
    table: type[
        tables.Artifact
        | tables.ArtifactVersion
        | tables.Binary
        | bundle_tables.Bundle
        | tables.SigningKey
    ]
    kind: Kind

    def __call__(self, clause: Clause, caller: Caller) -> Condition:
        _check_operator(clause, (Operator.EQUAL,))
        prn = parse_prn(_text(clause), kind=self.kind, what=clause.key)
        if prn.organization != caller.organization:
            return false()
        row: ScalarSelect[int] = (
            select(self.table.row)
            .where(self.table.organization_row == caller.organization_row, self.table.id == prn.id)
            .scalar_subquery()
        )
        return self.column == row


def match_keyid(keyid: str) -> Condition:
    """Return the condition that a signing key has a keyid, in any of its three spellings."""
    text = keyid.lower()
    key = tables.SigningKey
    return or_(key.keyid == text, key.keyid_short == text, key.keyid_tuf == text)


def _keyid(clause: Clause, _caller: Caller) -> Condition:
    _check_operator(clause, (Operator.EQUAL,))
    return match_keyid(_text(clause))


def _signed_by(clause: Clause, caller: Caller) -> Condition:
    rows = select(tables.SigningKey.row).where(
        tables.SigningKey.organization_row == caller.organization_row, _keyid(clause, caller)
    )
    return tables.BinarySignature.signing_key_row.in_(rows)


def _organization(clause: Clause, caller: Caller) -> Condition:
    # Sent by clients of before May 2025; the token says it already (contract section 1.5).
    _check_operator(clause, (Operator.EQUAL,))
    found = parse_organization_prn(_text(clause), what=clause.key)
    return true() if found == caller.organization else false()


def _state(clause: Clause, caller: Caller) -> Condition:
    if clause.value not in set(BinaryState):
        message = f"state: expected one of {', '.join(BinaryState)}"
        raise MalformedError(message)
    return _Text(tables.Binary.state, (Operator.EQUAL,))(clause, caller)


def _check_operator(clause: Clause, operators: tuple[Operator, ...]) -> None:
    if clause.operator not in operators:
        known = " ".join(operators)
        message = f"{clause.key}: expected one of {known} got {clause.operator}"
        raise MalformedError(message)


def _text(clause: Clause) -> str:
    if not isinstance(clause.value, str):
        message = f"{clause.key}: expected a text in single quotes"
        raise MalformedError(message)
    if "\0" in clause.value:
        message = f"{clause.key}: holds the character U+0000"
        raise MalformedError(message)
    return clause.value


def _compare(column: InstrumentedAttribute[int], operator: Operator, value: int) -> Condition:
    match operator:
        case Operator.LESS:
            return column < value
        case Operator.LESS_EQUAL:
            return column <= value
        case Operator.GREATER:
            return column > value
        case Operator.GREATER_EQUAL:
            return column >= value
        case _:
            return column == value


def _common(table: type[tables.Base], kind: Kind) -> dict[str, Key]:
    return {
        "prn": _Own(table, kind),
        "organization_prn": _organization,
        "inserted_at": _Time(table.inserted_at),
        "updated_at": _Time(table.updated_at),
    }


_ANY_TEXT = (Operator.EQUAL, Operator.CONTAINS, Operator.CONTAINS_ANY_CASE)

ARTIFACT_KEYS: Keys = {
    **_common(tables.Artifact, Kind.ARTIFACT),
    "name": _Text(tables.Artifact.name, _ANY_TEXT),
    "description": _Text(tables.Artifact.description),
}
ARTIFACT_VERSION_KEYS: Keys = {
    **_common(tables.ArtifactVersion, Kind.ARTIFACT_VERSION),
    "artifact_prn": _Other(tables.ArtifactVersion.artifact_row, tables.Artifact, Kind.ARTIFACT),
    "version": _Text(tables.ArtifactVersion.version, _ANY_TEXT),
    "description": _Text(tables.ArtifactVersion.description),
}
SIGNING_KEY_KEYS: Keys = {
    **_common(tables.SigningKey, Kind.SIGNING_KEY),
    "name": _Text(tables.SigningKey.name),
    "value": _Text(tables.SigningKey.value, (Operator.EQUAL,)),
    "keyid": _keyid,
}
BINARY_KEYS: Keys = {
    **_common(tables.Binary, Kind.BINARY),
    "artifact_version_prn": _Other(
        tables.Binary.artifact_version_row, tables.ArtifactVersion, Kind.ARTIFACT_VERSION
    ),
    "description": _Text(tables.Binary.description),
    "hash": _Text(tables.Binary.hash, (Operator.EQUAL,)),
    "size": _Number(tables.Binary.size),
    "state": _state,
    "target": _Text(tables.Binary.target),
}
SIGNATURE_KEYS: Keys = {
    **_common(tables.BinarySignature, Kind.BINARY_SIGNATURE),
    "binary_prn": _Other(tables.BinarySignature.binary_row, tables.Binary, Kind.BINARY),
    "signing_key_prn": _Other(
        tables.BinarySignature.signing_key_row, tables.SigningKey, Kind.SIGNING_KEY
    ),
    "signature.signing_key.keyid": _signed_by,
}
BUNDLE_KEYS: Keys = {
    **_common(bundle_tables.Bundle, Kind.BUNDLE),
    "name": _Text(bundle_tables.Bundle.name, _ANY_TEXT),
}
BUNDLE_SIGNATURE_KEYS: Keys = {
    **_common(bundle_tables.BundleSignature, Kind.BUNDLE_SIGNATURE),
    "bundle_prn": _Other(
        bundle_tables.BundleSignature.bundle_row, bundle_tables.Bundle, Kind.BUNDLE
    ),
    "signing_key_prn": _Other(
        bundle_tables.BundleSignature.signing_key_row, tables.SigningKey, Kind.SIGNING_KEY
    ),
}
