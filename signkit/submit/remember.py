"""What is remembered of a response once everything that was signed in it is published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from signkit.formats.checkpoint import advance_checkpoint
from signkit.submit.documents import SignedItem, Submission
from signkit.submit.run import Outcome


def remember(
    path: Path, submission: Submission, outcomes: Sequence[Outcome], *, new_ledger: bool
) -> None:
    """Advance the checkpoint, unless something that was signed is not published.

    Args:
        path: The checkpoint's file.
        submission: What was published.
        outcomes: How each item ended.
        new_ledger: Whether the station's old heads are to be forgotten.

    Raises:
        FileError, FormatError, ResponseError: as `advance_checkpoint`.
    """
    sequences: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        if not isinstance(outcome.item, SignedItem):
            continue
        if outcome.error is not None:
            return
        item = outcome.item.item
        place = (item.artifact, item.target)
        sequences[place] = max(item.sequence, sequences.get(place, 0))
    advance_checkpoint(
        path,
        submission.answer.digest,
        sequences,
        answers=submission.answer.responses,
        new_ledger=new_ledger,
    )
