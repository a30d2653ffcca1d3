"""Indexes for every list and search, so that they cost the same however many binaries there are.

The index of a list holds what is searched for too: a search that no other index narrows reads that
index alone, not the records. Of two indexes that serve equally SQLite takes the one made last: the
one that leaves the fewest records is made last.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_PLACE = ["inserted_at", "id"]
_OWNER = "organization_row"


def upgrade() -> None:
    """Make the new ones, and take away those that they replace."""
    op.drop_index("ix_binaries_organization_row_inserted_at_id", "binaries")
    along = ["updated_at", "state", "size", "target", "description"]
    op.create_index("ix_binaries_listed", "binaries", [_OWNER, *_PLACE, *along])
    op.create_index("ix_binaries_by_state", "binaries", [_OWNER, "state", *_PLACE])
    op.create_index("ix_binaries_by_hash", "binaries", [_OWNER, "hash", *_PLACE])
    op.create_index("ix_binaries_by_version", "binaries", [_OWNER, "artifact_version_row", *_PLACE])
    artifact = ["artifact_row", *_PLACE]
    op.create_index("ix_artifact_versions_by_artifact", "artifact_versions", artifact)
    _replace_those_of_signatures()


def _replace_those_of_signatures() -> None:
    table = "binary_signatures"
    op.drop_index("ix_binary_signatures_organization_row_inserted_at_id", table)
    op.drop_index("ix_binary_signatures_signing_key_row", table)
    along = ["updated_at", "signing_key_row"]
    op.create_index("ix_binary_signatures_listed", table, [_OWNER, *_PLACE, *along])
    op.create_index("ix_binary_signatures_by_key", table, ["signing_key_row", *_PLACE])
    op.create_index("ix_binary_signatures_by_binary", table, ["binary_row", *_PLACE])
