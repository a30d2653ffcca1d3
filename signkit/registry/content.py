"""From records to what is stored: the keys of a binary's content, and what a reset does."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session, joinedload, lazyload

from signkit.registry.database import hold
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, PartKey
from signkit.registry.tables import ArtifactVersion, Binary, BinaryPart, Organization, now

# For a look at a binary's state and content alone: its version and signatures cost three joins.
LEAN = (lazyload(Binary.artifact_version), lazyload(Binary.signatures))
# For a change: what is shown of it, and its signatures only where somebody looks at them.
CHANGING = (
    joinedload(Binary.artifact_version)
    .load_only(ArtifactVersion.id)
    .lazyload(ArtifactVersion.artifact),
    lazyload(Binary.signatures),
)


def content_key(binary: Binary) -> ContentKey:
    """Return where the content of a binary is kept."""
    return ContentKey(
        organization=binary.organization.id, binary=binary.id, revision=binary.revision
    )


def find_dead(session: Session, keys: Iterable[ContentKey]) -> list[ContentKey]:
    """Return the content that no record speaks of; it never comes back to life."""
    keys = list(keys)
    query = (
        select(Organization.id, Binary.id, Binary.revision)
        .join(Organization, Organization.row == Binary.organization_row)
        .where(
            Binary.id.in_({key.binary for key in keys}),
            Binary.state != BinaryState.DESTROYED,
        )
    )
    alive = {tuple(row) for row in session.execute(query)}
    return [key for key in keys if (key.organization, key.binary, key.revision) not in alive]


def find_binary(session: Session, row: int) -> Binary | None:
    """Return a binary by its row, held until the end of a writing transaction."""
    query = select(Binary).where(Binary.row == row).options(*LEAN)
    return session.scalar(hold(session, query, Binary))


def part_key(binary: Binary, part: BinaryPart) -> PartKey:
    """Return where a part is kept."""
    return PartKey(content=content_key(binary), index=part.index, digest=part.hash)


def load_parts(session: Session, binary: Binary) -> list[BinaryPart]:
    """Return the parts of a binary in order."""
    return list(session.scalars(_PARTS, {"binary": binary.row}))


_PARTS = (
    select(BinaryPart)
    .where(BinaryPart.binary_row == bindparam("binary"))
    .order_by(BinaryPart.index)
)


def remove_parts(session: Session, binary: Binary) -> ContentKey:
    """Forget the parts of a binary and begin its next revision.

    Returns:
        What the caller has to discard from the store after the commit, not before: until then
        the records still speak of it.
    """
    old = content_key(binary)
    session.execute(delete(BinaryPart).where(BinaryPart.binary_row == binary.row))
    binary.revision += 1
    binary.upload = None
    binary.updated_at = now()
    return old


def reset_content(session: Session, binary: Binary) -> ContentKey:
    """Take a binary back to where its content is sent anew; returns as `remove_parts`."""
    binary.state = BinaryState.UPLOADABLE
    return remove_parts(session, binary)


def conclude(session: Session, binary: Binary, digest: str, size: int) -> ContentKey | None:
    """Put the verdict on record: the digest and the size of what is stored.

    Returns:
        None where the content is the declared one; else what `remove_parts` returns.
    """
    if (digest, size) != (binary.hash, binary.size):
        return reset_content(session, binary)
    binary.state = BinaryState.SIGNABLE
    binary.updated_at = now()
    return None
