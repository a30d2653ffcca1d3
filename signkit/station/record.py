"""Takes down one ceremony while it is held, and ends it with one line of the ledger.

Spec: docs/formats/ledger.md.
Controls: SK-SIGN-TRANSCRIPT (docs/design/assurance.md).
"""

from __future__ import annotations

from dataclasses import replace

from signkit.formats.display import one_line
from signkit.model.request import VerifiedRequest
from signkit.station.ledger import Entry, Ledger, LedgerLine
from signkit.station.transcript import Confirmation, ControlResult, Transcript
from signkit.verify import limits
from signkit.verify.encoding import check_text


class Record:
    """One ceremony, so far.

    Attributes:
        ledger: Where it ends.
        request: The request.
        transcript: What is known of it.
        ended: Whether its line was written, or could not be.
    """

    def __init__(self, ledger: Ledger, request: VerifiedRequest, transcript: Transcript) -> None:
        """Begin.

        Raises:
            MalformedError, TooLargeError: the station's name is no label.
        """
        check_text(transcript.station, what="the station's name", limit=limits.LABEL_LENGTH)
        self.ledger = ledger
        self.request = request
        self.transcript = transcript
        self.ended = False

    def note_controls(self, result: str, *controls: str) -> None:
        """Note how controls answered: one of transcript.RESULTS."""
        noted = tuple(ControlResult(control=each, result=result) for each in controls)
        self.transcript = replace(self.transcript, controls=self.transcript.controls + noted)

    def note_confirmation(self, confirmation: Confirmation) -> None:
        """Note that somebody confirmed; of the name only what can be shown is kept."""
        name = one_line(confirmation.operator)[: limits.LABEL_LENGTH] or "unnamed"
        noted = confirmation._replace(operator=name)
        self.transcript = replace(self.transcript, confirmed=(*self.transcript.confirmed, noted))

    def end(self, event: str, *, now: str, reason: str) -> LedgerLine:
        """End a ceremony in which nothing was signed.

        Args:
            event: One of ledger.EVENTS.
            now: RFC 3339 UTC text.
            reason: Why; of anything longer than free text may be, the beginning.

        Raises:
            FileError: the ledger cannot be written.
        """
        return self.write(
            Entry(
                time=now,
                event=event,
                request=self.request.digest,
                requester=self.request.requester_key.keyid,
                key=None,
                items=(),
                reason=one_line(reason)[: limits.REASON_LENGTH],
                transcript=self.transcript,
            )
        )

    def write(self, entry: Entry) -> LedgerLine:
        """Write the ceremony's one line.

        Raises:
            FileError: the ledger cannot be written.
        """
        self.ended = True
        return self.ledger.append(entry)
