"""The tables, as SQLAlchemy maps them; the migrations make them (a test compares the two).

Rows refer to one another by `row`, a number that never leaves the server. The outside knows a
resource by its organization and its `id`. Times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from signkit.registry.states import BinaryState, PartState

_ROW = BigInteger().with_variant(Integer, "sqlite")
_HASH = String(64)
_LABEL = String(128)
_DESCRIPTION = String(256)


def now() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1000


class Base(DeclarativeBase):
    """What every table shares; constraints are named so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    row: Mapped[int] = mapped_column(_ROW, primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, default=uuid4)
    inserted_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)

    def __init__(self, **values: object) -> None:
        """Make a new row: inserted and updated at the same instant."""
        self.inserted_at = self.updated_at = now()
        for name, value in values.items():
            setattr(self, name, value)


class Organization(Base):
    """A namespace: nothing is shared between two."""

    __tablename__ = "organizations"
    __table_args__ = (UniqueConstraint("id"), Index(None, "name", unique=True))
    name: Mapped[str] = mapped_column(_LABEL)


class User(Base):
    """Who holds tokens."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("id"), UniqueConstraint("username"))
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    username: Mapped[str] = mapped_column(_LABEL)
    email: Mapped[str] = mapped_column(_DESCRIPTION)
    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)


class Token(Base):
    """An API key, of which only the SHA-256 is kept.

    `artifacts` holds the ids of those that it is limited to, as hexadecimal digits with spaces
    between, or None: so what an artifact's removal takes away never opens the others.
    """

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("name"), UniqueConstraint("hash"))
    user_row: Mapped[int] = mapped_column(ForeignKey("users.row"))
    name: Mapped[str] = mapped_column(_LABEL)
    hash: Mapped[str] = mapped_column(_HASH)
    scopes: Mapped[str] = mapped_column(String(64))
    artifacts: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


_PLACE = ("inserted_at", "id")  # in a list


def owned(*more: Any, listed: Index | None = None) -> tuple[Any, ...]:  # noqa: ANN401  (what __table_args__ takes)
    """Return the constraints of a table of resources: found by id, listed by time.

    Args:
        more: Others.
        listed: The list's index; where it holds what is searched for too, a search that no other
            index narrows reads the index alone.
    """
    listed = Index(None, "organization_row", *_PLACE) if listed is None else listed
    return UniqueConstraint("organization_row", "id"), listed, *more


class Artifact(Base):
    """A named thing that has versions."""

    __tablename__ = "artifacts"
    __table_args__ = owned(UniqueConstraint("organization_row", "name"))
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    name: Mapped[str] = mapped_column(_LABEL)
    description: Mapped[str | None] = mapped_column(_DESCRIPTION)
    custom_metadata: Mapped[str | None] = mapped_column(Text)


class ArtifactVersion(Base):
    """One version of an artifact."""

    __tablename__ = "artifact_versions"
    __table_args__ = owned(
        UniqueConstraint("artifact_row", "version"),
        Index("ix_artifact_versions_by_artifact", "artifact_row", *_PLACE),
    )
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    artifact_row: Mapped[int] = mapped_column(ForeignKey("artifacts.row"))
    version: Mapped[str] = mapped_column(_LABEL)
    description: Mapped[str | None] = mapped_column(_DESCRIPTION)
    custom_metadata: Mapped[str | None] = mapped_column(Text)
    artifact: Mapped[Artifact] = relationship(lazy="joined", innerjoin=True)

    @property
    def artifact_id(self) -> UUID:
        """Of the artifact that it is a version of."""
        return self.artifact.id


class SigningKey(Base):
    """An Ed25519 public key; the three keyids are the three spellings that clients use."""

    __tablename__ = "signing_keys"
    __table_args__ = owned(UniqueConstraint("organization_row", "keyid"))
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    name: Mapped[str] = mapped_column(_LABEL)
    value: Mapped[str] = mapped_column(_LABEL)
    keyid: Mapped[str] = mapped_column(_HASH)
    keyid_short: Mapped[str] = mapped_column(_HASH)
    keyid_tuf: Mapped[str] = mapped_column(_HASH)


class Binary(Base):
    """Content for one target of a version, and how far it has come."""

    __tablename__ = "binaries"
    __table_args__ = owned(
        Index(
            "uq_binaries_living",
            "artifact_version_row",
            "target",
            unique=True,
            sqlite_where=text("state != 'destroyed'"),
            postgresql_where=text("state != 'destroyed'"),
        ),
        Index(None, "state"),
        Index("ix_binaries_by_state", "organization_row", "state", *_PLACE),
        Index("ix_binaries_by_hash", "organization_row", "hash", *_PLACE),
        Index("ix_binaries_by_version", "organization_row", "artifact_version_row", *_PLACE),
        listed=Index(
            "ix_binaries_listed",
            "organization_row",
            *_PLACE,
            *("updated_at", "state", "size", "target", "description"),
        ),
    )
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    artifact_version_row: Mapped[int] = mapped_column(ForeignKey("artifact_versions.row"))
    target: Mapped[str] = mapped_column(_LABEL)
    state: Mapped[str] = mapped_column(String(16), default=BinaryState.UPLOADABLE)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    hash: Mapped[str] = mapped_column(_HASH)
    size: Mapped[int] = mapped_column(BigInteger)
    # What the store calls the upload under way; none before the first part is declared.
    upload: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(_DESCRIPTION)
    custom_metadata: Mapped[str | None] = mapped_column(Text)
    organization: Mapped[Organization] = relationship(lazy="joined", innerjoin=True)
    artifact_version: Mapped[ArtifactVersion] = relationship(lazy="joined", innerjoin=True)
    signatures: Mapped[list[BinarySignature]] = relationship(
        back_populates="binary", lazy="selectin", order_by="BinarySignature.row"
    )

    @property
    def artifact_version_id(self) -> UUID:
        """Of the artifact version that it belongs to."""
        return self.artifact_version.id


class BinaryPart(Base):
    """A piece of content, by index from 1."""

    __tablename__ = "binary_parts"
    __table_args__ = (UniqueConstraint("binary_row", "index"),)
    binary_row: Mapped[int] = mapped_column(ForeignKey("binaries.row", ondelete="CASCADE"))
    index: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(_HASH)
    size: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default=PartState.UPLOADABLE)


class BinarySignature(Base):
    """A signature over a binary's hash, verified before it was stored."""

    __tablename__ = "binary_signatures"
    __table_args__ = owned(
        UniqueConstraint("binary_row", "signing_key_row"),
        Index("ix_binary_signatures_by_key", "signing_key_row", *_PLACE),
        Index("ix_binary_signatures_by_binary", "binary_row", *_PLACE),
        listed=Index(
            "ix_binary_signatures_listed",
            "organization_row",
            *_PLACE,
            *("updated_at", "signing_key_row"),
        ),
    )
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    binary_row: Mapped[int] = mapped_column(ForeignKey("binaries.row", ondelete="CASCADE"))
    signing_key_row: Mapped[int] = mapped_column(ForeignKey("signing_keys.row"))
    signature: Mapped[str] = mapped_column(_LABEL)
    binary: Mapped[Binary] = relationship(back_populates="signatures")
    signing_key: Mapped[SigningKey] = relationship(lazy="joined", innerjoin=True)

    @property
    def binary_id(self) -> UUID:
        """Of what it signs."""
        return self.binary.id
