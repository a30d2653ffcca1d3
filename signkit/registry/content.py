"""From records to what is stored: the keys of a binary's content, and what a reset does."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, lazyload

from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, PartKey
from signkit.registry.tables import Binary, BinaryPart, Organization, now

# For a look at a binary's state and content alone: its version and signatures cost three joins.
LEAN = (lazyload(Binary.artifact_version), lazyload(Binary.signatures))


def content_key(binary: Binary) -> ContentKey:
    """Return where the content of a binary is kept."""
    return ContentKey(
        organization=binary.organization.id, binary=binary.id, revision=binary.revision
    )


def is_alive(session: Session, key: ContentKey) -> bool:
    """Say whether a record speaks of content; what is not alive never comes back to life."""
    query = (
        select(Binary.row)
        .join(Organization, Organization.row == Binary.organization_row)
        .where(
            Organization.id == key.organization,
            Binary.id == key.binary,
            Binary.revision == key.revision,
            Binary.state != BinaryState.DESTROYED,
        )
    )
    return session.scalar(query) is not None


def part_key(binary: Binary, part: BinaryPart) -> PartKey:
    """Return where a part is kept."""
    return PartKey(content=content_key(binary), index=part.index, digest=part.hash)


def load_parts(session: Session, binary: Binary) -> list[BinaryPart]:
    """Return the parts of a binary in order."""
    query = select(BinaryPart).where(BinaryPart.binary_row == binary.row)
    return list(session.scalars(query.order_by(BinaryPart.index)))


def remove_parts(session: Session, binary: Binary) -> ContentKey:
    """Forget the parts of a binary and begin its next revision.

    Returns:
        What the caller has to discard from the store after the commit, not before: until then
        the records still speak of it.
    """
    old = content_key(binary)
    session.execute(delete(BinaryPart).where(BinaryPart.binary_row == binary.row))
    binary.revision += 1
    binary.updated_at = now()
    return old


def reset_content(session: Session, binary: Binary) -> ContentKey:
    """Take a binary back to where its content is sent anew; returns as `remove_parts`."""
    binary.state = BinaryState.UPLOADABLE
    return remove_parts(session, binary)
