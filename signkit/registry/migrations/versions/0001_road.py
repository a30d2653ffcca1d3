"""The tables of the road: organizations, people, artifacts, keys, binaries, parts, signatures.

Written out here and never changed again: a later step alters what this one made.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_HASH = sa.String(64)
_LABEL = sa.String(128)
_DESCRIPTION = sa.String(256)
_STATE = sa.String(16)
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_Items = sa.schema.SchemaItem
_Type = sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]


def upgrade() -> None:
    """Make the tables, those that others refer to first."""
    _make_people()
    _make_artifacts()
    _make_signing_keys()
    _make_binaries()
    _make_parts_and_signatures()


def _make_people() -> None:
    _make("organizations", _field("name", _LABEL), _unique("organizations", "id"))
    _make(
        "users",
        _reference("users", "organization_row", "organizations"),
        _field("username", _LABEL),
        _field("email", _DESCRIPTION),
        _unique("users", "id"),
        _unique("users", "username"),
    )
    _make(
        "tokens",
        _reference("tokens", "user_row", "users"),
        _field("name", _LABEL),
        _field("hash", _HASH),
        sa.Column("revoked_at", sa.BigInteger),
        _unique("tokens", "name"),
        _unique("tokens", "hash"),
    )


def _make_artifacts() -> None:
    _make_owned(
        "artifacts",
        _field("name", _LABEL),
        *_described(),
        _unique("artifacts", "organization_row", "name"),
    )
    _make_owned(
        "artifact_versions",
        _reference("artifact_versions", "artifact_row", "artifacts"),
        _field("version", _LABEL),
        *_described(),
        _unique("artifact_versions", "artifact_row", "version"),
    )


def _make_signing_keys() -> None:
    _make_owned(
        "signing_keys",
        _field("name", _LABEL),
        _field("value", _LABEL),
        _field("keyid", _HASH),
        _field("keyid_short", _HASH),
        _field("keyid_tuf", _HASH),
        _unique("signing_keys", "organization_row", "keyid"),
    )


def _make_binaries() -> None:
    _make_owned(
        "binaries",
        _reference("binaries", "artifact_version_row", "artifact_versions"),
        _field("target", _LABEL),
        _field("state", _STATE),
        _field("revision", sa.Integer),
        _field("hash", _HASH),
        _field("size", sa.BigInteger),
        *_described(),
    )
    op.create_index("ix_binaries_state", "binaries", ["state"])
    living = sa.text("state != 'destroyed'")
    op.create_index(
        "uq_binaries_living",
        "binaries",
        ["artifact_version_row", "target"],
        unique=True,
        sqlite_where=living,
        postgresql_where=living,
    )


def _make_parts_and_signatures() -> None:
    _make(
        "binary_parts",
        _reference("binary_parts", "binary_row", "binaries", ondelete="CASCADE"),
        _field("index", sa.Integer),
        _field("hash", _HASH),
        _field("size", sa.BigInteger),
        _field("state", _STATE),
        _unique("binary_parts", "binary_row", "index"),
    )
    _make_owned(
        "binary_signatures",
        _reference("binary_signatures", "binary_row", "binaries", ondelete="CASCADE"),
        _reference("binary_signatures", "signing_key_row", "signing_keys"),
        _field("signature", _LABEL),
        _unique("binary_signatures", "binary_row", "signing_key_row"),
    )
    op.create_index(
        "ix_binary_signatures_signing_key_row", "binary_signatures", ["signing_key_row"]
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


def _described() -> tuple[_Items, ...]:
    return sa.Column("description", _DESCRIPTION), sa.Column("custom_metadata", sa.Text)


def _reference(table: str, name: str, other: str, *, ondelete: str | None = None) -> sa.Column[Any]:
    key = sa.ForeignKey(f"{other}.row", name=f"fk_{table}_{name}", ondelete=ondelete)
    return sa.Column(name, _NUMBER, key, nullable=False)


def _unique(table: str, *names: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*names, name=f"uq_{table}_{'_'.join(names)}")
