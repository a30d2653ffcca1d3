"""The checkpoint: what the networked side has last seen of its stations.

It gives the next request its `previous_response`, continues the sequences, and knows the heads of
the stations' ledgers: one sequence of a ledger never has two heads. It holds nothing secret and
nothing authoritative: without it, sequences begin again where `--sequence` says.

Spec: docs/formats/plan-and-journal.md, "Checkpoint".
Controls: SK-LEDGER-HEADS (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from signkit.errors import (
    ContextError,
    FileError,
    FormatError,
    JournalError,
    MalformedError,
    ResponseError,
)
from signkit.formats.display import counted
from signkit.formats.files import locked_folder, read_file, write_new
from signkit.model.response import Response, VerifiedResponse
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, decode_hex, encode_json, parse_json

FORMAT = "signkit.checkpoint.v1"
_SIZE = 64 * limits.MIB
_PRIVATE_FOLDER = 0o700
_REWRITTEN = (
    "publish nothing of it before `signkit ledger verify --against` was run on the station with this"
    " response and an older one; --new-ledger where it was begun anew on purpose"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What was last seen.

    Attributes:
        last_response: SHA-256 of the last response file submitted, or None.
        sequences: (artifact, target) to the highest sequence seen signed.
        heads: keyid of a station to its ledger's heads, by ledger sequence.
    """

    last_response: Sha256 | None = None
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)
    heads: dict[str, dict[int, Sha256]] = field(default_factory=dict)

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
        last = self.last_response if old else response
        return replace(self, last_response=last, sequences=merged)

    def check_heads(self, answer: VerifiedResponse) -> str | None:
        """Check that a response continues what is known of its station's ledger.

        Returns:
            A sentence where this side has not seen all of the ledger, or None.

        Raises:
            ResponseError: one sequence with two heads: the ledger was rewritten, or begun anew.
        """
        keyid, said = answer.station_key.keyid, answer.response
        known = self.heads.get(keyid, {})
        for sequence, head in ledger_points(said).items():
            if known.get(sequence, head) != head:
                message = (
                    f"the ledger of station {keyid} was rewritten, or begun anew: its head at"
                    f" ceremony {sequence} was {known[sequence].hex()}, and is {head.hex()} here"
                )
                raise ResponseError(message, hint=_REWRITTEN, reason=ContextError.code)
        unseen = said.sequence - 1 - max(known, default=said.sequence)
        if unseen > 0:
            ceremonies = counted(unseen, "ceremony that was", "ceremonies that were")
            return (
                f"the station's ledger went on by {ceremonies} not seen here:"
                " those of others who ask, and what was refused"
            )
        return None

    def with_heads(self, answer: VerifiedResponse, *, new_ledger: bool = False) -> Checkpoint:
        """Return the checkpoint with what a response says of its station's ledger.

        Args:
            answer: Checked with `check_heads`, or its ledger is a new one.
            new_ledger: Forget what was known of this station's ledger.
        """
        keyid = answer.station_key.keyid
        known = {} if new_ledger else self.heads.get(keyid, {})
        points = {**known, **ledger_points(answer.response)}
        return replace(self, heads={**self.heads, keyid: points})


def ledger_points(response: Response) -> dict[int, Sha256]:
    """Return the two heads of the station's ledger that a response names, by ledger sequence."""
    return {
        response.sequence - 1: response.ledger_before,
        response.sequence: response.ledger_after,
    }


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
        "stations": [
            {
                "keyid": keyid,
                "heads": [
                    {"sequence": sequence, "head": {"sha256": head.hex()}}
                    for sequence, head in sorted(heads.items())
                ],
            }
            for keyid, heads in sorted(checkpoint.heads.items())
        ],
    }
    write_new(path, encode_json(value), mode=0o600, replace=True)


def advance_checkpoint(
    path: Path,
    response: Sha256,
    sequences: dict[tuple[str, str], int],
    *,
    answers: Sequence[VerifiedResponse] = (),
    new_ledger: bool = False,
) -> None:
    """Take one more response into the checkpoint file; two at once both end up in it.

    Args:
        path: The file; its folder is made, 0700, where it is not there.
        response: SHA-256 of the response file.
        sequences: As `Checkpoint.advanced`.
        answers: What stations said in it.
        new_ledger: As `Checkpoint.with_heads`.

    Raises:
        FileError: the file cannot be read or written, or the folder cannot be made.
        JournalError: the file is torn or malformed.
    """
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with locked_folder(path.parent):
            checkpoint = load_checkpoint(path).advanced(response, sequences)
            for answer in answers:
                checkpoint = checkpoint.with_heads(answer, new_ledger=new_ledger)
            save_checkpoint(path, checkpoint)
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
    heads: dict[str, dict[int, Sha256]] = {}
    for index, member in enumerate(fields.array("stations", most=limits.INTEGER_MAX)):
        keyid, found = _parse_station(member, f"checkpoint.stations[{index}]")
        if keyid in heads:
            message = f"checkpoint.stations: {keyid} stands there twice"
            raise MalformedError(message)
        heads[keyid] = found
    fields.done()
    return Checkpoint(last_response=last, sequences=sequences, heads=heads)


def _parse_station(value: object, where: str) -> tuple[str, dict[int, Sha256]]:
    fields = Fields(value, where)
    keyid = decode_hex(fields.text("keyid"), size=32, what=f"{where}.keyid").hex()
    heads: dict[int, Sha256] = {}
    for place, member in enumerate(fields.array("heads", most=limits.INTEGER_MAX)):
        each = Fields(member, f"{where}.heads[{place}]")
        sequence = each.integer("sequence", least=max(heads, default=-1) + 1)
        heads[sequence] = Sha256(each.sha256("head"))
        each.done()
    fields.done()
    return keyid, heads
