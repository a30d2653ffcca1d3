"""Tokens with scopes, an end and a reach; organizations with names of their own; the audit.

A token of before keeps what it could do: everything in its organization, without end. The audit
begins here: what was made before has no line of its making.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new to the tables that are there."""
    scopes = sa.Column("scopes", sa.String(64), nullable=False, server_default="admin")
    op.add_column("tokens", scopes)
    op.add_column("tokens", sa.Column("artifacts", sa.Text))
    op.add_column("tokens", sa.Column("expires_at", sa.BigInteger))
    op.create_index("ix_organizations_name", "organizations", ["name"], unique=True)
    _make_audit()


def _make_audit() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    owner = sa.ForeignKey("organizations.row", name="fk_audit_lines_organization_row")
    op.create_table(
        "audit_lines",
        sa.Column("row", number, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("inserted_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("organization_row", number, owner, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_audit_lines"),
        sa.UniqueConstraint(
            "organization_row", "sequence", name="uq_audit_lines_organization_row_sequence"
        ),
    )
    postgres = op.get_bind().dialect.name == "postgresql"
    for statement in _POSTGRES_GUARD if postgres else _SQLITE_GUARD:
        op.execute(statement)


_REFUSAL = "audit lines are never changed"
_SQLITE_GUARD = tuple(
    f"CREATE TRIGGER audit_lines_no_{verb} BEFORE {verb} ON audit_lines"
    f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for verb in ("UPDATE", "DELETE")
)
_POSTGRES_GUARD = (
    f"""CREATE FUNCTION signkit_refuse_change() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$""",
    """CREATE TRIGGER audit_lines_no_change BEFORE UPDATE OR DELETE ON audit_lines
        FOR EACH ROW EXECUTE FUNCTION signkit_refuse_change()""",
    """CREATE TRIGGER audit_lines_no_truncate BEFORE TRUNCATE ON audit_lines
        FOR EACH STATEMENT EXECUTE FUNCTION signkit_refuse_change()""",
)
