"""Audit: a line for every change of a record, chained, in the transaction that makes the change.

Lines are made where the session flushes records to the database, so that no route, job or command
can change something and forget to say so. Who acts is a context variable, which follows a request
into the thread that serves it.

Spec: docs/formats/registry-audit.md.
Controls: SK-REGISTRY-AUDIT (docs/design/assurance.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    insert,
    inspect,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from signkit.formats.chain import EMPTY_HEAD, encode_line
from signkit.formats.registry_audit import AUDIT_SHAPE
from signkit.model.audit import Actor, ActorKind, AuditEvent, LedgerPoint, Value, Values
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.database import wait_for_turn
from signkit.registry.log import current_request
from signkit.registry.prn import Kind
from signkit.registry.tables import (
    Artifact,
    ArtifactVersion,
    Base,
    Binary,
    BinarySignature,
    Organization,
    SigningKey,
    Token,
    now,
)
from signkit.verify.digest import Sha256

_LINES_AT_ONCE = 1000
REGISTRY = Actor(kind=ActorKind.REGISTRY, name="registry")
"""The registry itself, where nobody asked for the change: a verdict, a clean-up."""


class AuditLine(Base):
    """One line of an organization's audit, as it is exported; never changed and never removed."""

    __tablename__ = "audit_lines"
    __table_args__ = (UniqueConstraint("organization_row", "sequence"),)
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[str] = mapped_column(String(64))
    line: Mapped[str] = mapped_column(Text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who makes the changes of this context.

    Attributes:
        actor: Who.
        ledger: Where the station's ledger stood, as the request says, or None.
    """

    actor: Actor = REGISTRY
    ledger: LedgerPoint | None = None


current_acting: ContextVar[Acting] = ContextVar("signkit_acting", default=Acting())  # noqa: B039


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Say who makes the changes of the block."""
    token = current_acting.set(Acting(actor=actor))
    try:
        yield
    finally:
        current_acting.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Audited:
    """What of a table is written down.

    Attributes:
        kind: The kind of resource.
        columns: Columns that are written as they are.
        owner: The row of the organization.
        others: What else is written when a record is made or removed, and never changes.
    """

    kind: str
    columns: tuple[str, ...]
    owner: Callable[..., int]
    others: Mapping[str, Callable[..., str]] = field(default_factory=dict)


def _owned(kind: Kind, *columns: str, **others: Callable[..., str]) -> _Audited:
    return _Audited(
        kind=kind, columns=columns, owner=lambda row: row.organization_row, others=others
    )


_DESCRIBED = ("description", "custom_metadata")
_TABLES: Mapping[type[Base], _Audited] = {
    Organization: _Audited(kind="organization", columns=("name",), owner=lambda row: row.row),
    Token: _Audited(
        kind="token",
        columns=("name", "scopes", "artifacts", "expires_at", "revoked_at"),
        owner=lambda row: row.user.organization_row,
    ),
    Artifact: _owned(Kind.ARTIFACT, "name", *_DESCRIBED),
    ArtifactVersion: _owned(
        Kind.ARTIFACT_VERSION,
        "version",
        *_DESCRIBED,
        artifact=lambda row: str(row.artifact.id),
    ),
    SigningKey: _owned(Kind.SIGNING_KEY, "name", "keyid"),
    Binary: _owned(
        Kind.BINARY,
        "target",
        "state",
        "revision",
        "hash",
        "size",
        *_DESCRIBED,
        artifact_version=lambda row: str(row.artifact_version.id),
    ),
    BinarySignature: _owned(
        Kind.BINARY_SIGNATURE,
        "signature",
        binary=lambda row: str(row.binary.id),
        keyid=lambda row: row.signing_key.keyid,
    ),
    Bundle: _owned(Kind.BUNDLE, "name", "hash"),
    BundleSignature: _owned(
        Kind.BUNDLE_SIGNATURE,
        "signature",
        bundle=lambda row: str(row.bundle.id),
        keyid=lambda row: row.signing_key.keyid,
    ),
}


def record_changes(session: Session, _context: object) -> None:
    """Write a line for everything that was flushed just now; called after each flush."""
    for row in session.new:
        _record(session, row, before=False, after=True)
    for row in session.dirty:
        _record(session, row, before=True, after=True)
    for row in session.deleted:
        _record(session, row, before=True, after=False)


def list_lines(session: Session, organization: Organization) -> Iterator[bytes]:
    """Yield the lines of an organization's audit with their line feeds, many in a piece."""
    query = select(AuditLine.sequence, AuditLine.line).where(
        AuditLine.organization_row == organization.row
    )
    query, last = query.order_by(AuditLine.sequence).limit(_LINES_AT_ONCE), 0
    while rows := session.execute(query.where(AuditLine.sequence > last)).all():
        yield "".join(f"{row.line}\n" for row in rows).encode("utf-8")
        last = rows[-1].sequence


def _record(session: Session, row: object, *, before: bool, after: bool) -> None:
    audited = _TABLES.get(type(row))  # type: ignore[arg-type]
    if audited is None or not isinstance(row, Base):
        return
    if before and after:
        values: tuple[Values | None, Values | None] = _changes(row, audited)
        if not values[1]:
            return
    else:
        whole = _whole(row, audited)
        values = (whole, None) if before else (None, whole)
    _append(session, audited.owner(row), kind=audited.kind, identity=row.id, values=values)


def _whole(row: Base, audited: _Audited) -> Values:
    others = {name: read(row) for name, read in audited.others.items()}
    return {**others, **{name: _shown(name, getattr(row, name)) for name in audited.columns}}


def _changes(row: Base, audited: _Audited) -> tuple[Values, Values]:
    """Return what differs, before and after, by the same names."""
    old: dict[str, Value] = {}
    new: dict[str, Value] = {}
    for name in audited.columns:
        history = inspect(row).attrs[name].history
        if history.has_changes():
            old[name] = _shown(name, history.deleted[0] if history.deleted else None)
            new[name] = _shown(name, history.added[0] if history.added else None)
    return old, new


def _shown(name: str, value: Value) -> Value:
    if name == "custom_metadata" and isinstance(value, str):
        return "sha256:" + sha256(value.encode("utf-8")).hexdigest()
    return str(value) if isinstance(value, str) else value  # a state is a text of its own class


def _append(
    session: Session,
    organization: int,
    *,
    kind: str,
    identity: UUID,
    values: tuple[Values | None, Values | None],
) -> None:
    connection = session.connection()
    wait_for_turn(session, organization)
    name, sequence, head = connection.execute(_END, {"organization": organization}).one()
    who = current_acting.get()
    event = AuditEvent(
        organization=str(name),
        time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        actor=who.actor,
        request=current_request.get(),
        kind=kind,
        id=str(identity),
        before=values[0],
        after=values[1],
        ledger=who.ledger,
    )
    number = (sequence or 0) + 1
    previous = EMPTY_HEAD if number == 1 else Sha256(bytes.fromhex(head))
    line = encode_line(AUDIT_SHAPE, event, number, previous)
    moment = now()
    made = {
        "id": uuid4(),
        "inserted_at": moment,
        "updated_at": moment,
        "organization_row": organization,
        "sequence": number,
        "head": sha256(line).hexdigest(),
        "line": line.decode("utf-8"),
    }
    connection.execute(_INSERT, made)


# Made once: each change costs as little as it can, since writers wait for one another.
_ROW = bindparam("organization", type_=BigInteger)
_END = (
    select(Organization.id, AuditLine.sequence, AuditLine.head)
    .outerjoin(AuditLine, AuditLine.organization_row == Organization.row)
    .where(Organization.row == _ROW)
    .order_by(AuditLine.sequence.desc())
    .limit(1)
)
_INSERT = insert(AuditLine)
