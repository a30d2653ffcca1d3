"""The tables of bundles, as SQLAlchemy maps them; what every table shares is in `tables`."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from signkit.registry.tables import Base, SigningKey, owned


class Bundle(Base):
    """An ordered set of signed binaries; nothing but its name changes."""

    __tablename__ = "bundles"
    __table_args__ = owned(UniqueConstraint("organization_row", "name"))
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    name: Mapped[str | None] = mapped_column(String(256))
    hash: Mapped[str] = mapped_column(String(64))
    members: Mapped[list[BundleMember]] = relationship(
        lazy="selectin", order_by="BundleMember.index", passive_deletes="all"
    )
    signatures: Mapped[list[BundleSignature]] = relationship(
        back_populates="bundle", order_by="BundleSignature.row", passive_deletes="all"
    )


class BundleMember(Base):
    """One binary of a bundle, with the ids that are sent and the metadata settled for it."""

    __tablename__ = "bundle_members"
    __table_args__ = (UniqueConstraint("bundle_row", "index"), Index(None, "binary_row"))
    bundle_row: Mapped[int] = mapped_column(ForeignKey("bundles.row", ondelete="CASCADE"))
    index: Mapped[int] = mapped_column(Integer)
    binary_row: Mapped[int] = mapped_column(ForeignKey("binaries.row"))
    binary_id: Mapped[UUID] = mapped_column(Uuid)
    artifact_version_id: Mapped[UUID] = mapped_column(Uuid)
    custom_metadata: Mapped[str | None] = mapped_column(Text)


class BundleSignature(Base):
    """A signature over a bundle's hash, verified before it was stored."""

    __tablename__ = "bundle_signatures"
    __table_args__ = owned(
        UniqueConstraint("bundle_row", "signing_key_row"), Index(None, "signing_key_row")
    )
    organization_row: Mapped[int] = mapped_column(ForeignKey("organizations.row"))
    bundle_row: Mapped[int] = mapped_column(ForeignKey("bundles.row", ondelete="CASCADE"))
    signing_key_row: Mapped[int] = mapped_column(ForeignKey("signing_keys.row"))
    signature: Mapped[str] = mapped_column(String(128))
    bundle: Mapped[Bundle] = relationship(back_populates="signatures")
    signing_key: Mapped[SigningKey] = relationship(lazy="joined", innerjoin=True)
