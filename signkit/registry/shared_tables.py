"""The table that only servers which share their records use (see `tables`)."""

from __future__ import annotations

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signkit.registry.tables import Base


class Secret(Base):
    """A secret that the servers of one registry share, where no folder has it."""

    __tablename__ = "secrets"
    __table_args__ = (UniqueConstraint("name"),)
    name: Mapped[str] = mapped_column(String(128))
    value: Mapped[str] = mapped_column(String(64))
