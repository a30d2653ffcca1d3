"""Holds the ledger against what left the station: a chain alone does not show that it is whole.

Spec: docs/formats/ledger.md section 7.
Controls: SK-LEDGER-AUDIT (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from signkit.errors import FileError, VerificationError
from signkit.formats.chain import EMPTY_HEAD, End
from signkit.formats.checkpoint import ledger_points
from signkit.formats.files import read_file
from signkit.model.response import VerifiedResponse
from signkit.station.ledger import LedgerLine
from signkit.station.transcript import transcript_digest
from signkit.verify import limits
from signkit.verify.digest import compute_digest

_HINT = "keep the ledger and the responses as they are, and ask who had the station since"


def check_responses(lines: Sequence[LedgerLine], responses: Mapping[str, VerifiedResponse]) -> None:
    """Check that responses which left the station are in its ledger, at their places.

    Args:
        lines: All of the ledger's.
        responses: By the name of the file, for messages.

    Raises:
        VerificationError: the ledger was cut short, or rewritten; of several responses that show
            it the one of the earliest ceremony is named.
    """
    for name, answer in sorted(responses.items(), key=lambda each: each[1].response.sequence):
        _check_response(lines, name, answer)


def _check_response(lines: Sequence[LedgerLine], name: str, answer: VerifiedResponse) -> None:
    said = answer.response
    if said.sequence > len(lines):
        message = (
            f"the ledger was cut short: it ends at ceremony {len(lines)}, and {name} is the response"
            f" of ceremony {said.sequence}, signed by station {answer.station_key.keyid}"
        )
        raise VerificationError(message, hint=_HINT)
    for sequence, head in ledger_points(said).items():
        found = lines[sequence - 1].after if sequence else EMPTY_HEAD
        if found != head:
            message = (
                f"the ledger was rewritten at or before ceremony {sequence}, or is of another"
                f" station: its head there is {found.hex()}, and {name}, signed by station"
                f" {answer.station_key.keyid}, says {head.hex()}"
            )
            raise VerificationError(message, hint=_HINT)
    entry = lines[said.sequence - 1].entry
    if (entry.request, transcript_digest(entry.transcript)) != (said.request, said.transcript):
        message = f"{name} is not what the ledger says of ceremony {said.sequence}"
        raise VerificationError(message, hint=_HINT)


def read_whole(path: Path, end: End) -> bytes:
    """Return all whole lines of a ledger that was followed to its end just now.

    Raises:
        FileError: it cannot be read, or is another one by now.
    """
    data = read_file(path, limit=limits.INTEGER_MAX, what="ledger")[: end.size]
    last = data[data.rfind(b"\n", 0, -1) + 1 : -1]
    if len(data) != end.size or (end.sequence and compute_digest(last) != end.head):
        message = f"the ledger {path} was changed meanwhile"
        raise FileError(message, hint="run again")
    return data
