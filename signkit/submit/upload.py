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
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from signkit.client.protocol import RegistryClient, allowed_seconds
from signkit.client.resources import BinaryState, Part, PartState
from signkit.errors import PartConflictError, StatusError
from signkit.formats.content import Advance
from signkit.submit.content import OpenContent, PlannedPart

_REFUSED = 400  # how stores say that the bytes are not those that were declared


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
        concurrency: How many parts are sent at once, at least 1.
        advance: Called with the bytes sent, from any thread; negative for bytes to send again.
    """

    client: RegistryClient
    prn: str
    content: OpenContent
    parts: tuple[PlannedPart, ...]
    size: int
    name: str
    concurrency: int
    advance: Advance

    def send(self, missing: Sequence[PlannedPart]) -> None:
        """Send parts, several at once.

        Raises:
            DigestMismatchError: the content changed while it was sent.
            PartConflictError: the registry refuses a part that is as it was prepared.
            SignkitError: whatever else made the first part fail.
        """
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="signkit-part")
        finished = False
        try:
            futures = [pool.submit(self._send_part, part) for part in missing]
            done, _pending = wait(futures, return_when=FIRST_EXCEPTION)
            _raise_first(done)
            finished = True
        finally:
            if not finished:  # also on Ctrl-C: the other parts must not keep anybody waiting
                self.client.halt()
            pool.shutdown(wait=True, cancel_futures=True)
            self.client.resume()

    def _send_part(self, part: PlannedPart) -> None:
        try:
            self.client.retrier.run(
                lambda: self._try_part(part),
                seconds=allowed_seconds(part.size, self.client.retrier.seconds_left),
            )
        except StatusError as error:
            if error.status != _REFUSED:
                raise
            raise PartConflictError(str(error), hint=error.hint) from error

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


def _raise_first(done: set[Future[None]]) -> None:
    for future in done:
        error = future.exception()
        if error is not None:
            raise error
