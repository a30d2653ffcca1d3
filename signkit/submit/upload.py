"""The parts of one binary: which are missing, and getting them there.

    1. the registry's list of parts is the authority on what it has; a part counts as there only
       when it is valid and has the planned digest and size
    2. parts beyond the last one are left from another cut: then all begins anew
    3. each missing part is declared, sent and, if that fails, declared anew and sent again
    4. the list is read again: what is not valid now is not there, whatever the answers were

Spec: docs/formats/plan-and-journal.md section 7; registry contract section 2.6, W8 and W12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event

from signkit.client.protocol import RegistryClient, allowed_seconds
from signkit.client.resources import BinaryState, Part, PartState
from signkit.errors import (
    ConnectError,
    DeadlineError,
    PartConflictError,
    SignkitError,
    StatusError,
)
from signkit.formats.content import Advance
from signkit.submit.content import OpenContent, PlannedPart
from signkit.submit.lanes import Lanes

_REFUSED = 400  # how stores say that the bytes are not those that were declared
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What it takes to send parts of one binary.

    Attributes:
        client: The registry.
        prn: The binary's.
        content: The open file.
        parts: All parts of the content.
        size: Bytes of the content.
        name: What the content is called in messages.
        lanes: Where parts of all files are sent at once.
        advance: Called with the bytes sent, from any thread; negative for bytes to send again.
    """

    client: RegistryClient
    prn: str
    content: OpenContent
    parts: tuple[PlannedPart, ...]
    size: int
    name: str
    lanes: Lanes
    advance: Advance

    def send(self, missing: Sequence[PlannedPart]) -> None:
        """Send parts, several at once.

        Raises:
            DigestMismatchError: the content changed while it was sent.
            PartConflictError: the registry refuses a part that is as it was prepared.
            SignkitError: whatever else made the first part fail.
        """
        self.lanes.run(partial(self._send_part, Event()), missing)

    def _send_part(self, failed: Event, part: PlannedPart) -> None:
        """Send one part, unless and until another of the same content failed for good."""

        def step() -> None:
            if not failed.is_set():
                with self.lanes.trying(overloaded=_is_overload):
                    self._try_part(part)

        retrier = self.client.retrier
        try:
            retrier.run(step, seconds=allowed_seconds(part.size, retrier.seconds_left))
        except SignkitError as error:
            failed.set()
            if isinstance(error, StatusError) and error.status == _REFUSED:
                raise PartConflictError(str(error), hint=error.hint) from error
            raise

    def _try_part(self, part: PlannedPart) -> None:
        """Declare a part and send it: always together, so an expired address is never used."""
        declared = self.client.declare_part(
            self.prn,
            index=part.index,
            digest=part.digest,
            start=part.start,
            size=part.size,
            binary_size=self.size,
        )
        meter = _Meter(self.advance)
        try:
            what = f"part {part.index} of {self.name}"
            self.client.send_part(declared, meter.count(self.content.read(part)), what=what)
            meter.keep()
        except StatusError:
            self.content.check_part(part)
            raise
        finally:
            meter.settle()


class _Meter:
    """Counts the bytes of one try, to take them back where it fails."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._sent = 0

    def count(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._sent += len(piece)
            self._advance(len(piece))

    def keep(self) -> None:
        """Let the count stand: the part was stored."""
        self._sent = 0

    def settle(self) -> None:
        """Take back what does not stand."""
        self._advance(-self._sent)


def find_missing(planned: Sequence[PlannedPart], listed: Sequence[Part]) -> list[PlannedPart]:
    """Return the parts that the registry does not hold as they are planned."""
    there = {
        (part.index, part.size, part.digest) for part in listed if part.state is PartState.VALID
    }
    return [part for part in planned if (part.index, part.size, part.digest) not in there]


def list_missing(upload: Upload, *, begin_anew: bool = True) -> list[PlannedPart]:
    """Ask the registry which parts are missing.

    Args:
        upload: What is uploaded.
        begin_anew: Whether parts of another cut are thrown away; without it they are an error.

    Raises:
        PartConflictError: parts beyond the last one remain.
    """
    listed = upload.client.list_parts(upload.prn)
    if any(part.index > len(upload.parts) for part in listed):
        if not begin_anew:
            message = f"{upload.name}: the registry holds parts that are not of this content"
            raise PartConflictError(message, hint="somebody else is uploading; find out who")
        upload.client.move_binary(upload.prn, BinaryState.UPLOADABLE)
        return list_missing(upload, begin_anew=False)
    return find_missing(upload.parts, listed)


def _is_overload(error: SignkitError) -> bool:
    """Say whether a failed part is a reason to send fewer at once."""
    if isinstance(error, StatusError):
        return error.status in _BUSY
    return isinstance(error, ConnectError | DeadlineError)
