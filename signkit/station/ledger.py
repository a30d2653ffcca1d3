"""The ledger: what this station did, chained line by line, fsynced before anything leaves.

Spec: docs/formats/ledger.md.
Controls: SK-SIGN-LEDGER (docs/design/assurance.md).
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import FileError, FormatError, MalformedError
from signkit.verify import limits
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import Fields, decode_hex, encode_json, parse_json

EMPTY_HEAD = Sha256(bytes(32))
EVENTS = frozenset({"signed", "declined", "refused"})
_LINE_SIZE = 1 * limits.MIB
_KEYIDS = limits.KEY_COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one line says, besides its place in the chain.

    Attributes:
        time: RFC 3339 UTC text.
        event: One of EVENTS.
        request: SHA-256 of the request file.
        item_count: Items in the request.
        signed_count: Items that were given signatures.
        keyids: The keys that signed.
        reason: Why it was declined or refused, or None.
    """

    time: str
    event: str
    request: Sha256
    item_count: int
    signed_count: int
    keyids: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """Where an entry came to stand.

    Attributes:
        sequence: Its number, from 1.
        before: The head before it.
        after: The head with it.
    """

    sequence: int
    before: Sha256
    after: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The ledger as it was found.

    Attributes:
        sequence: The last entry's number, 0 for an empty ledger.
        head: SHA-256 of the last line.
        torn: Bytes of an unfinished last line that were cut off; 0 where there was none.
    """

    sequence: int
    head: Sha256
    torn: int


class Ledger:
    """An open ledger under an exclusive lock; use `open_ledger`."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path
        self._end = 0
        self.found = self._recover()

    def append(self, entry: Entry) -> Appended:
        """Append one line and make it durable.

        Raises:
            FileError: it cannot be written; the ledger stays as it was.
        """
        before = self.found
        line = _encode(entry, sequence=before.sequence + 1, previous=before.head)
        try:
            self._write(line + b"\n")
        except OSError as error:
            message = f"the ledger {self._path} cannot be written: {error.strerror}"
            raise FileError(message, hint="nothing was signed; make room and run again") from None
        after = compute_digest(line)
        self.found = Recovered(sequence=before.sequence + 1, head=after, torn=0)
        return Appended(sequence=before.sequence + 1, before=before.head, after=after)

    def _write(self, data: bytes) -> None:
        if os.fstat(self._descriptor).st_size != self._end:
            message = f"the ledger {self._path} was changed while this ceremony had it open"
            raise FileError(message, hint="nothing was signed; find out who writes to it")
        try:
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
            if self._end == 0:
                _sync_folder(self._path.parent)
        except OSError:
            with suppress(OSError):  # where this fails, nothing more is appended: see above
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(data)

    def _recover(self) -> Recovered:
        try:
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                message = f"the ledger {self._path} is not a regular file"
                raise FileError(message)
            return self._follow_all()
        except OSError as error:
            message = f"the ledger {self._path} cannot be read: {error.strerror}"
            raise FileError(message) from None

    def _follow_all(self) -> Recovered:
        sequence, head, torn = 0, EMPTY_HEAD, 0
        with os.fdopen(os.dup(self._descriptor), "rb") as lines:
            lines.seek(0)
            while line := lines.readline(_LINE_SIZE):
                if not line.endswith(b"\n"):
                    if len(line) == _LINE_SIZE:  # no writer of ours was torn in this one
                        raise _broken(self._path, f"ledger line {sequence + 1} is too long")
                    torn = len(line)
                    break
                sequence, head = _follow(line[:-1], sequence, head, self._path)
                self._end += len(line)
        if torn:
            os.ftruncate(self._descriptor, self._end)
            os.fsync(self._descriptor)
        return Recovered(sequence=sequence, head=head, torn=torn)


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Open the ledger for writing, making it on first use.

    Args:
        path: The file; its folder exists.

    Yields:
        The ledger, locked: one ceremony at a time.

    Raises:
        FileError: it cannot be opened, is not a regular file, or another ceremony holds it.
        MalformedError: a line does not parse or chain; the line is named.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        message = f"the ledger {path} cannot be opened: {error.strerror}"
        raise FileError(message) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"the ledger {path} is in use by another ceremony"
            raise FileError(message, hint="wait for it to end, then run again") from None
        yield Ledger(descriptor, path)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    """Make the file's own name durable, once."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encode(entry: Entry, *, sequence: int, previous: Sha256) -> bytes:
    return encode_json(
        {
            "sequence": sequence,
            "previous": {"sha256": previous.hex()},
            "time": entry.time,
            "event": entry.event,
            "request": {"sha256": entry.request.hex()},
            "item_count": entry.item_count,
            "signed_count": entry.signed_count,
            "keyids": list(entry.keyids),
            "reason": entry.reason,
        }
    )


def _follow(line: bytes, sequence: int, head: Sha256, path: Path) -> tuple[int, Sha256]:
    """Check that a line is the next one of the chain; returns the new sequence and head."""
    number = sequence + 1
    where = f"ledger line {number}"
    try:
        fields = Fields(parse_json(line, limit=_LINE_SIZE, what=where), where)
        fields.integer("sequence", least=number, most=number)
        previous = Sha256(fields.sha256("previous"))
        entry = _parse_entry(fields, where)
    except FormatError as error:
        raise _broken(path, str(error)) from error
    if previous != head:
        raise _broken(path, f"{where} does not follow the line before it")
    if _encode(entry, sequence=number, previous=previous) != line:
        raise _broken(path, f"{where} is not spelled as a writer spells it")
    return number, compute_digest(line)


def _parse_entry(fields: Fields, where: str) -> Entry:
    time = fields.time("time")
    event = fields.text("event")
    if event not in EVENTS:
        message = f"{where}.event: expected one of {', '.join(sorted(EVENTS))}, got {event!r:.40}"
        raise MalformedError(message)
    entry = Entry(
        time=time,
        event=event,
        request=Sha256(fields.sha256("request")),
        item_count=fields.integer("item_count"),
        signed_count=fields.integer("signed_count"),
        keyids=tuple(_parse_keyid(each, where) for each in fields.array("keyids", most=_KEYIDS)),
        reason=None if fields.is_null("reason") else fields.text("reason"),
    )
    fields.done()
    return entry


def _parse_keyid(value: object, where: str) -> str:
    if not isinstance(value, str):
        message = f"{where}.keyids: expected keyids"
        raise MalformedError(message)
    return decode_hex(value, size=32, what=f"{where}.keyids").hex()


def _broken(path: Path, message: str) -> MalformedError:
    hint = f"the ledger {path} was changed; keep it as it is and find out why before you sign"
    return MalformedError(message, hint=hint)
