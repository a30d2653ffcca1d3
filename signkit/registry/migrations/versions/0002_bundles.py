"""The tables of bundles: what stands in them, and who signed them.

Written out here and never changed again: a later step alters what this one made.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_Items = sa.schema.SchemaItem
_Type = sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]


def upgrade() -> None:
    """Make the tables, the one that others refer to first."""
    _make_owned(
        "bundles",
        sa.Column("name", sa.String(256)),
        _field("hash", sa.String(64)),
        _unique("bundles", "organization_row", "name"),
    )
    _make(
        "bundle_members",
        _reference("bundle_members", "bundle_row", "bundles", ondelete="CASCADE"),
        _field("index", sa.Integer),
        _reference("bundle_members", "binary_row", "binaries"),
        _field("binary_id", sa.Uuid),
        _field("artifact_version_id", sa.Uuid),
        sa.Column("custom_metadata", sa.Text),
        _unique("bundle_members", "bundle_row", "index"),
    )
    op.create_index("ix_bundle_members_binary_row", "bundle_members", ["binary_row"])
    _make_owned(
        "bundle_signatures",
        _reference("bundle_signatures", "bundle_row", "bundles", ondelete="CASCADE"),
        _reference("bundle_signatures", "signing_key_row", "signing_keys"),
        _field("signature", sa.String(128)),
        _unique("bundle_signatures", "bundle_row", "signing_key_row"),
    )
    op.create_index(
        "ix_bundle_signatures_signing_key_row", "bundle_signatures", ["signing_key_row"]
    )


def _make(name: str, *items: _Items) -> None:
    op.create_table(
        name,
        sa.Column("row", _NUMBER, nullable=False),
        _field("id", sa.Uuid),
        _field("inserted_at", sa.BigInteger),
        _field("updated_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("row", name=f"pk_{name}"),
        *items,
    )


def _make_owned(name: str, *items: _Items) -> None:
    """Make a table of resources: found by id, listed by time."""
    owner = _reference(name, "organization_row", "organizations")
    _make(name, owner, *items, _unique(name, "organization_row", "id"))
    listed = ["organization_row", "inserted_at", "id"]
    op.create_index(f"ix_{name}_{'_'.join(listed)}", name, listed)


def _field(name: str, kind: _Type) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _reference(table: str, name: str, other: str, *, ondelete: str | None = None) -> sa.Column[Any]:
    key = sa.ForeignKey(f"{other}.row", name=f"fk_{table}_{name}", ondelete=ondelete)
    return sa.Column(name, _NUMBER, key, nullable=False)


def _unique(table: str, *names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*names, name=f"uq_{table}_{'_'.join(names)}")
