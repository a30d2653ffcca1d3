"""The checkpoint: what the networked side has last seen of its stations.

It gives the next request its `previous_response` and continues the sequences. It holds nothing
secret and nothing authoritative: without it, sequences begin again where `--sequence` says.

Spec: docs/formats/plan-and-journal.md, "Checkpoint".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from signkit.errors import FileError, FormatError, JournalError, MalformedError
from signkit.formats.files import locked_folder, read_file, write_new
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, encode_json, parse_json

FORMAT = "signkit.checkpoint.v1"
_SIZE = 64 * limits.MIB
_PRIVATE_FOLDER = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What was last seen.

    Attributes:
        last_response: SHA-256 of the last response file submitted, or None.
        sequences: (artifact, target) to the highest sequence seen signed.
    """

    last_response: Sha256 | None = None
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    def next_sequence(self, artifact: str, target: str) -> int:
        """Return the sequence that follows the last one seen, from 1."""
        return self.sequences.get((artifact, target), 0) + 1

    def advanced(self, response: Sha256, sequences: dict[tuple[str, str], int]) -> Checkpoint:
        """Return the checkpoint after one more response.

        Nothing goes back: a response with a lower sequence than was seen is an old one submitted
        again, and does not become the last.
        """
        merged = dict(self.sequences)
        old = False
        for place, sequence in sequences.items():
            seen = merged.get(place, 0)
            old = old or sequence < seen
            merged[place] = max(sequence, seen)
        return Checkpoint(last_response=self.last_response if old else response, sequences=merged)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint; a file that is not there is an empty one.

    Raises:
        FileError: it cannot be read.
        JournalError: it is torn or malformed.
    """
    try:
        return _parse(read_file(path, limit=_SIZE, what="checkpoint"))
    except FileError as error:
        # A link that leads nowhere is no first use: the checkpoint was there, and is out of reach.
        if isinstance(error.__cause__, FileNotFoundError) and not path.is_symlink():
            return Checkpoint()
        raise
    except FormatError as error:
        hint = "move it away and give --sequence to the next prepare"
        message = f"{path}: {error}"
        raise JournalError(message, hint=hint) from error


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in one step.

    Raises:
        FileError: it cannot be written.
    """
    last = checkpoint.last_response
    value = {
        "format": FORMAT,
        "last_response": last and {"sha256": last.hex()},
        "sequences": [
            {"artifact": artifact, "target": target, "sequence": sequence}
            for (artifact, target), sequence in sorted(checkpoint.sequences.items())
        ],
    }
    write_new(path, encode_json(value), mode=0o600, replace=True)


def advance_checkpoint(path: Path, response: Sha256, sequences: dict[tuple[str, str], int]) -> None:
    """Take one more response into the checkpoint file; two at once both end up in it.

    Args:
        path: The file; its folder is made, 0700, where it is not there.
        response: SHA-256 of the response file.
        sequences: As `Checkpoint.advanced`.

    Raises:
        FileError: the file cannot be read or written, or the folder cannot be made.
        JournalError: the file is torn or malformed.
    """
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with locked_folder(path.parent):
            save_checkpoint(path, load_checkpoint(path).advanced(response, sequences))
    except OSError as error:
        message = f"{path.parent} cannot be used: {(error.strerror or str(error)).lower()}"
        raise FileError(message, hint="check the folder and its permissions") from error


def _parse(data: bytes) -> Checkpoint:
    fields = Fields(parse_json(data, limit=_SIZE, what="checkpoint"), "checkpoint")
    fields.constant("format", FORMAT)
    last = None
    if not fields.is_null("last_response"):
        last = Sha256(fields.sha256("last_response"))
    sequences: dict[tuple[str, str], int] = {}
    for index, member in enumerate(fields.array("sequences", most=limits.INTEGER_MAX)):
        each = Fields(member, f"checkpoint.sequences[{index}]")
        place = (each.label("artifact"), each.label("target"))
        if place in sequences:
            message = f"checkpoint: artifact {place[0]!r} and target {place[1]!r} stand twice"
            raise MalformedError(message)
        sequences[place] = each.integer("sequence", least=1)
        each.done()
    fields.done()
    return Checkpoint(last_response=last, sequences=sequences)
