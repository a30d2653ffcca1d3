"""One ceremony at a time, on the record: the ledger is held from before the review to the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from signkit.cli import output
from signkit.errors import ConfirmationError, PolicyError, SignkitError

if TYPE_CHECKING:
    from signkit.formats.envelope import Signing
    from signkit.model.request import VerifiedRequest
    from signkit.station.kept import Answer
    from signkit.station.ledger import LedgerLine
    from signkit.station.record import Record
    from signkit.station.transcript import Confirmation
    from signkit.verify.digest import Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """A ceremony that is being held.

    Attributes:
        verified: The request.
        record: What the ledger will say of it.
        responses: The folder in which responses are kept.
        station: The station's own key.
    """

    verified: VerifiedRequest
    record: Record
    responses: Path
    station: Signing

    def was_signed(self) -> bool:
        """Say whether something of this request was signed here before, with any key."""
        return any(
            line.entry.event == "signed" and line.entry.request == self.verified.digest
            for line in self.record.ledger.lines
        )

    def find_repeated(self, keyid: str) -> LedgerLine | None:
        """Return the ceremony in which this key signed all of this request, or None."""
        from signkit.station.history import find_repeated

        lines = self.record.ledger.lines
        return find_repeated(lines, self.verified.digest, keyid)

    def repeat(self, line: LedgerLine) -> Answer:
        """Return the response of an earlier ceremony, and record that it is given out again."""
        from signkit.cli.clock import now
        from signkit.station.kept import load_answer

        answer = load_answer(self.responses, line)
        self.record.end("repeated", now=now(), reason=f"ceremony {line.sequence}")
        output.note(
            f"ceremony {line.sequence} of {line.entry.time} signed this request with this key: its"
            " response is\ngiven out again, and nothing is signed"
        )
        return answer

    def confirm(self, confirmed: Sequence[Confirmation]) -> None:
        """Note who confirmed."""
        for each in confirmed:
            self.record.note_confirmation(each)
        self.record.note_controls("held", "SK-SIGN-CONFIRM")

    def describe_unusual(self) -> tuple[str, ...]:
        """Say what is unusual about who asks, and about the response that the request follows."""
        from signkit.station.history import describe_previous, describe_requester, newest_response
        from signkit.station.kept import find_ceremony

        ledger, previous = self.record.ledger, self.verified.request.previous_response
        said = (
            describe_requester(self.verified.requester_key.keyid, ledger),
            describe_previous(
                previous,
                newest=newest_response(ledger),
                ceremony=None if previous is None else find_ceremony(self.responses, previous),
            ),
        )
        return tuple(each for each in said if each)


@contextmanager
def hold_ceremony(
    verified: VerifiedRequest, station_name: str | None, *, policy: Sha256 | None
) -> Iterator[Ceremony]:
    """Hold a ceremony: whatever ends it before it is signed becomes a line of the ledger.

    Args:
        verified: The request.
        station_name: What the station calls itself; its host name when not given.
        policy: SHA-256 of the policy file, or None where there is none.

    Raises:
        FileError: the ledger cannot be used, or another ceremony holds it.
        MalformedError: the ledger is broken, or the station's name is no label.
    """
    from signkit.cli.clock import machine_name, now
    from signkit.cli.home import signkit_home
    from signkit.custody.identity import load_or_create_identity
    from signkit.station.installation import describe_installation
    from signkit.station.kept import settle_pending
    from signkit.station.ledger import open_ledger
    from signkit.station.record import Record
    from signkit.station.transcript import Transcript

    home = signkit_home()
    station = load_or_create_identity(home, "station")
    transcript = Transcript(
        station=station_name or machine_name(),
        installation=describe_installation(),
        policy=policy,
        began=now(),
    )
    with open_ledger(home / "ledger.jsonl") as ledger:
        if ledger.found.torn:
            output.warn(f"the ledger ended in a torn line of {ledger.found.torn} bytes; cut off")
        if settle_pending(home / "responses", ledger):
            output.note("a response that a killed ceremony left here, never given out, is removed")
        record = Record(ledger, verified, transcript)
        with _on_record(record):
            yield Ceremony(
                verified=verified, record=record, responses=home / "responses", station=station
            )


@contextmanager
def _on_record(record: Record) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _end(record, "declined", "interrupted")
        raise
    except ConfirmationError as error:
        record.note_controls("refused", "SK-SIGN-CONFIRM")
        _end(record, "declined", str(error))
        raise
    except PolicyError as error:
        record.note_controls("refused", error.control)
        _end(record, "refused", str(error))
        raise
    except SignkitError as error:
        _end(record, "refused", str(error))
        raise


def _end(record: Record, event: str, reason: str) -> None:
    """Write the line, but for a ceremony that has its line; why it ended is said either way."""
    from signkit.cli.clock import now

    if record.ended:
        return
    try:
        record.end(event, now=now(), reason=reason)
    except SignkitError as error:
        output.warn(f"the ledger does not say how this ceremony ended: {error}")
