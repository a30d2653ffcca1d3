"""What servers that share their records need: the names of uploads, and a common secret.

Written out here and never changed again: a later step alters what this one made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("binaries", sa.Column("upload", sa.Text))
    op.create_table(
        "secrets",
        sa.Column("row", _NUMBER, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("inserted_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("row", name="pk_secrets"),
        sa.UniqueConstraint("name", name="uq_secrets_name"),
    )
