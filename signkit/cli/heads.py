"""What this side keeps of its stations' ledgers, asked before anything is built on a response."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from signkit.cli import output

if TYPE_CHECKING:
    from signkit.model.response import VerifiedResponse


def check_heads(answers: Sequence[VerifiedResponse], *, new_ledger: bool = False) -> None:
    """Refuse a station whose ledger was rewritten; say where it went on unseen.

    Args:
        answers: What stations said.
        new_ledger: The ledger was begun anew on purpose: nothing is compared.

    Raises:
        ResponseError: a ledger was rewritten.
        FileError, JournalError: the checkpoint cannot be read.
    """
    from signkit.formats.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(checkpoint_path())
    for answer in () if new_ledger else answers:
        said = checkpoint.check_heads(answer)
        if said is not None:
            output.note(said)


def take_response(path: Path) -> None:
    """Take a response into the checkpoint that was not submitted from here.

    Raises:
        ResponseError: it is refused, or its station's ledger was rewritten.
        FileError, JournalError: it or the checkpoint cannot be read or written.
    """
    from signkit.formats.checkpoint import advance_checkpoint
    from signkit.formats.files import read_file
    from signkit.formats.response import open_response
    from signkit.verify import limits

    answer = open_response(read_file(path, limit=limits.RESPONSE_SIZE, what="response"))
    check_heads((answer,))
    advance_checkpoint(checkpoint_path(), answer.digest, {}, answers=(answer,))


def checkpoint_path() -> Path:
    """Return where this side keeps its checkpoint."""
    from signkit.cli.home import signkit_home

    return signkit_home() / "checkpoint.json"
