"""The way of one binary through the registry's states, until its content is confirmed.

    uploadable -- parts --> hashable --> hashing -- the registry's verdict --> signable

Each step is taken from the state that the registry says now, so the way can be begun anywhere:
after a kill, and while another submitter walks it too. A refusal is believed only when the state
did not move meanwhile. `hashing` that falls back to `uploadable` is the registry's verdict that it
holds other bytes, also where it is the very answer to the question; `destroyed` is the end.

Spec: registry contract section 2.5, W22; docs/formats/registry-protocol.md section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import SystemRandom
from threading import Lock

from signkit.client.protocol import RegistryClient, allowed_seconds
from signkit.client.resources import Binary, BinaryState
from signkit.errors import (
    DeadlineError,
    FileError,
    PartConflictError,
    ReceiptMismatchError,
    SignkitError,
    StateError,
    StatusError,
)
from signkit.formats.content import Advance
from signkit.formats.display import human_size
from signkit.submit.content import OpenContent, PlannedPart, plan_parts
from signkit.submit.documents import UploadItem
from signkit.submit.journal import Journal, open_journal
from signkit.submit.lanes import Lanes
from signkit.submit.options import Options
from signkit.submit.records import CONTENDED, check_binary, check_uploaded, name_act, name_binary
from signkit.submit.upload import Upload, list_missing
from signkit.verify.digest import Sha256

_CONFLICT = 409
_STEP_COUNT = 12
_ROUND_COUNT = 4
_LONGEST_STEP_ASIDE = 0.5  # seconds
_FIRST_POLL = 0.05  # seconds
_POLL_GROWTH = 1.6
_LONGEST_POLL = 2.0  # seconds


class LostPartsError(PartConflictError):
    """Parts that the registry took are not there when they are listed."""


class _Tally:
    """The bytes of one binary that need not be sent any more, however often they were sent."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._total = 0
        self._lock = Lock()

    def add(self, count: int) -> None:
        """Count bytes sent, or taken back; from any thread."""
        with self._lock:
            self._total += count
            self._advance(count)

    def reach(self, total: int) -> None:
        """Set the count to what is known."""
        self.add(total - self._total)


class Course:
    """Brings binaries to where signatures can be attached."""

    def __init__(
        self,
        client: RegistryClient,
        *,
        request: Sha256,
        options: Options,
        say: Callable[[str], None],
        lanes: Lanes,
    ) -> None:
        """Take the registry, the request file's digest, how, whom to tell, and where parts go."""
        self._client = client
        self._request = request
        self._options = options
        self._say = say
        self._lanes = lanes

    def bring(
        self, binary: Binary, wanted: UploadItem, *, created: bool, advance: Advance
    ) -> Binary:
        """Bring one binary to `signable` or `signed`.

        Args:
            binary: As it stands.
            wanted: The item.
            created: Whether it was created just now, so has no parts yet.
            advance: Told the bytes that need not be sent any more, from any thread; negative where
                bytes must be sent again.

        Raises:
            ReceiptMismatchError: the registry holds other content than was signed.
            StateError: the binary was destroyed, or does not get there.
            DigestMismatchError, PartConflictError, FileError: as `Upload.send`.
            DeadlineError: the registry does not come to a verdict.
        """
        tally = _Tally(advance)
        rounds, asked = 0, False
        for _ in range(_STEP_COUNT):
            check_binary(binary, wanted)
            if binary.state in {BinaryState.SIGNABLE, BinaryState.SIGNED}:
                tally.reach(wanted.item.size)
                return binary
            if binary.state is BinaryState.DESTROYED:
                message = f"{name_binary(wanted.item)} was destroyed in the registry"
                raise StateError(message, hint="run the command again to publish it anew")
            if binary.state is BinaryState.UPLOADABLE:
                rounds += 1
                fresh = created and rounds == 1
                last = rounds >= _ROUND_COUNT
                binary = self._upload(binary, wanted, tally, fresh=fresh, last=last)
            elif binary.state is BinaryState.HASHABLE or not asked:
                binary, asked = self._ask_verdict(binary, wanted), True
            else:
                binary = self._await_verdict(binary, wanted)
        message = f"{name_binary(wanted.item)} does not come to rest: it is {binary.state} again"
        raise StateError(message, hint="somebody else may be submitting to it; find out who")

    def _upload(
        self, binary: Binary, wanted: UploadItem, tally: _Tally, *, fresh: bool, last: bool
    ) -> Binary:
        """Send what is missing and ask for `hashable`.

        Another submitter of the same content may declare a part anew that was there, or be done
        first: then the binary is looked at again, and the way goes on from where it is.
        """
        if self._options.only_attach:
            check_uploaded(binary, wanted)  # it is `uploadable`, so this refuses
        try:
            self._send_missing(binary, wanted, tally, fresh=fresh)
            return self._move(binary, BinaryState.HASHABLE)
        except (StatusError, LostPartsError) as error:
            now = self._client.get_binary(binary.prn)
            contended = isinstance(error, LostPartsError) or error.status in CONTENDED
            if now.state is BinaryState.UPLOADABLE and (last or not contended):
                raise
            self._client.retrier.pause(SystemRandom().uniform(0, _LONGEST_STEP_ASIDE))
            return now

    def _move(self, binary: Binary, state: BinaryState) -> Binary:
        """Ask for the next state; somebody else may have been faster."""
        try:
            return self._client.move_binary(binary.prn, state)
        except StatusError as error:
            if error.status not in CONTENDED:
                raise
            now = self._client.get_binary(binary.prn)
            if now.state is binary.state:
                raise
            return now

    def _ask_verdict(self, binary: Binary, wanted: UploadItem) -> Binary:
        """Ask for `hashing`; a registry that hashes at once answers with its verdict.

        Asked of a binary that is in `hashing` already, too: the one who asked first may be gone,
        and the registry may have given up on a disk that failed. Not every registry takes the
        question twice.
        """
        try:
            now = self._client.move_binary(binary.prn, BinaryState.HASHING)
        except StatusError as error:
            if error.status not in CONTENDED:
                raise
            now = self._client.get_binary(binary.prn)
            if now.state is binary.state is BinaryState.HASHABLE:
                raise
            if error.status == _CONFLICT:  # not from that state: somebody else reset it before
                return now
        _check_verdict(now, wanted)
        return now

    def _await_verdict(self, binary: Binary, wanted: UploadItem) -> Binary:
        """Poll until the registry has hashed the content: soon at first, then less often."""
        waited = 0.0
        waits = poll_waits()
        retrier = self._client.retrier
        most = self._options.verdict_seconds
        if most is None:
            most = allowed_seconds(wanted.item.size, retrier.seconds_left)
        while binary.state is BinaryState.HASHING:
            if waited >= most:
                message = (
                    f"{name_binary(wanted.item)}: the registry is still hashing after"
                    f" {waited:.0f} s"
                )
                raise DeadlineError(message, hint="run the command again later")
            retrier.pause(wait := next(waits))
            waited += wait
            binary = self._client.get_binary(binary.prn)
        _check_verdict(binary, wanted)
        return binary

    def _send_missing(
        self, binary: Binary, wanted: UploadItem, tally: _Tally, *, fresh: bool
    ) -> None:
        with OpenContent(wanted.planned) as content:
            upload = Upload(
                client=self._client,
                prn=binary.prn,
                content=content,
                parts=plan_parts(wanted.planned),
                size=wanted.item.size,
                name=wanted.item.name,
                lanes=self._lanes,
                advance=tally.add,
            )
            missing = list(upload.parts) if fresh else list_missing(upload)
            self._announce(wanted, upload.parts, missing)
            tally.reach(wanted.item.size - _total(missing))
            with self._journalled(binary, wanted):
                if missing:
                    self._send(upload, missing)

    def _send(self, upload: Upload, missing: Sequence[PlannedPart]) -> None:
        upload.send(missing)
        if len(upload.parts) == 1:
            return  # the answer to the only part says as much as a list of it
        lost = list_missing(upload, begin_anew=False)
        if lost:
            numbers = ", ".join(str(part.index) for part in lost[:8])
            message = (
                f"{upload.name}: the registry does not hold {len(lost)} of the parts that it took"
                f" ({numbers})"
            )
            raise LostPartsError(message, hint="run the command again to send them again")

    @contextmanager
    def _journalled(self, binary: Binary, wanted: UploadItem) -> Iterator[None]:
        """Keep a journal while the body runs; content of one part has nothing to go on with."""
        if len(wanted.planned.parts) == 1:
            yield
            return
        fresh = Journal(
            registry=self._options.registry,
            binary_prn=binary.prn,
            digest=wanted.item.digest,
            part_size=wanted.planned.part_size,
            request=self._request,
            begun=self._options.begun,
        )
        name = wanted.item.name
        journal = None
        with self._noting(name):
            journal, said = open_journal(self._options.journals, fresh)
            if said:
                self._say(f"{name}: {said}")
        try:
            yield
        except SignkitError as error:
            with self._noting(name):
                if journal is not None:
                    journal.note_failure(error)
            raise
        with self._noting(name):
            if journal is not None:
                journal.finish()

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Say what goes wrong with the journal: it is a note, and must not stop an upload."""
        try:
            yield
        except FileError as error:
            self._say(f"{name}: {error}; the upload does without")

    def _announce(
        self, wanted: UploadItem, parts: Sequence[PlannedPart], missing: Sequence[PlannedPart]
    ) -> None:
        there = len(parts) - len(missing)
        said = f"{there} of {len(parts)} parts are there already; " if there else ""
        amount = f"{len(missing)}, {human_size(_total(missing))}" if missing else "none"
        self._say(f"{wanted.item.name}: {said}parts to send: {amount}")


def poll_waits() -> Iterator[float]:
    """Yield the seconds to wait before each look at a binary: little at first, never much."""
    wait = _FIRST_POLL
    while True:
        yield wait
        wait = min(wait * _POLL_GROWTH, _LONGEST_POLL)


def _check_verdict(binary: Binary, wanted: UploadItem) -> None:
    """Check that a binary which was in `hashing` did not fall back.

    Raises:
        ReceiptMismatchError: the registry hashed other bytes than were signed.
    """
    if binary.state is not BinaryState.UPLOADABLE:
        return
    check_binary(binary, wanted)  # where it was declared anew the verdict is on something else
    message = (
        f"{name_binary(wanted.item)}: the registry hashed other bytes than were {name_act(wanted)},"
        f" SHA-256 {wanted.item.digest.hex()}"
    )
    hint = "run the command again; if it happens again, prepare and sign anew"
    raise ReceiptMismatchError(message, hint=hint)


def _total(parts: Sequence[PlannedPart]) -> int:
    return sum(part.size for part in parts)
