"""What a change of state does to the records, and what has to follow the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.orm import Session

from signkit.registry.content import content_key, load_parts, reset_content
from signkit.registry.problems import CONFLICT, INVALID, refuse
from signkit.registry.states import (
    BinaryState,
    IllegalTransitionError,
    PartState,
    Step,
    plan_transition,
)
from signkit.registry.store import ContentKey
from signkit.registry.tables import Binary, BinaryPart, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What to do once the change is on record.

    Attributes:
        removed: Content to discard.
        hash: Whether the content is to be hashed.
    """

    removed: tuple[ContentKey, ...] = ()
    hash: bool = False


def apply_transition(
    session: Session, binary: Binary, wanted: BinaryState, *, smallest: int
) -> Consequence:
    """Take a binary to the state that a client asks for.

    Args:
        session: A writing session.
        binary: On record, held.
        wanted: What the client asks for.
        smallest: Bytes that every part but the last has at least.

    Raises:
        RefusedError: 409, where there is no way from its state; 422, where something is missing.

    Spec: docs/formats/registry-protocol.md section 6.
    """
    try:
        step = plan_transition(BinaryState(binary.state), wanted)
    except IllegalTransitionError as error:
        raise refuse(CONFLICT, str(error)) from None
    if step is Step.STAY:
        return Consequence()
    if step is Step.RESET:
        return Consequence(removed=(reset_content(session, binary),))
    if step is Step.FINALIZE:
        check_parts(load_parts(session, binary), size=binary.size, smallest=smallest)
    if step is Step.SIGN and not binary.signatures:
        raise refuse(INVALID, "the binary has no signature yet")
    removed: tuple[ContentKey, ...] = ()
    if step is Step.DESTROY:
        session.execute(delete(BinaryPart).where(BinaryPart.binary_row == binary.row))
        removed = (content_key(binary),)
    _move(binary, wanted)
    return Consequence(removed=removed, hash=step is Step.HASH)


def _move(binary: Binary, state: BinaryState) -> None:
    if binary.state != state:
        binary.state = state
        binary.updated_at = now()


def check_parts(parts: Sequence[BinaryPart], *, size: int, smallest: int) -> None:
    """Check that the parts are the whole content: 1 to n, all valid, of the right size together.

    Raises:
        RefusedError: 422, with the first thing that is wrong.
    """
    for place, part in enumerate(parts, 1):
        if part.index != place:
            raise refuse(INVALID, f"part {place} is missing")
        if part.state != PartState.VALID:
            raise refuse(INVALID, f"part {place} is {part.state}, expected valid")
        if part.size < smallest and place < len(parts):
            detail = f"part {place} has {part.size} bytes, expected at least {smallest}"
            raise refuse(INVALID, detail)
    total = sum(part.size for part in parts)
    if total != size:
        raise refuse(INVALID, f"the parts have {total} bytes together, expected {size}")
