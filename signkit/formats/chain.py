"""Files to which lines are only added, each holding the digest of the line before it.

A line is a JSON object that begins with its `sequence` and the digest of the `previous` line; what
else stands in it is the format's own. One writer at a time; a last line without its end is what a
crash leaves behind, and is cut off by the next writer. Anything else that does not follow is an
error that names the line, and nothing is repaired.

Spec: docs/formats/ledger.md sections 2 and 3.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from signkit.errors import FileError, FormatError, MalformedError
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, encode_json, parse_json

EMPTY_HEAD = Sha256(bytes(32))
Entry = TypeVar("Entry")
Wanted = Callable[[int, bytes], bool]
Take = Callable[["Line[Entry]"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Generic[Entry]):
    """What the lines of one kind of file hold, besides their place in the chain.

    Attributes:
        what: What the file is, for messages ("ledger").
        line_size: The most bytes of one line.
        parse: Reads an entry's fields; told the line's place for messages. Raises FormatError.
        encode: Returns an entry's fields in the order of its specification.
    """

    what: str
    line_size: int
    parse: Callable[[Fields, str], Entry]
    encode: Callable[[Entry], Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Generic[Entry]):
    """An entry at its place.

    Attributes:
        sequence: Its number, from 1.
        before: The head before it.
        after: The head with it: SHA-256 of the line without its line feed.
        entry: What it says.
    """

    sequence: int
    before: Sha256
    after: Sha256
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where a chain ends.

    Attributes:
        sequence: The last line's number, 0 for an empty chain.
        head: SHA-256 of the last line.
        size: Bytes of all whole lines.
        torn: Bytes of an unfinished last line after them; 0 where there is none.
    """

    sequence: int
    head: Sha256
    size: int
    torn: int


class Chain(Generic[Entry]):
    """An open chain under an exclusive lock; use `open_chain`.

    Attributes:
        found: Where it ended when it was opened.
        lines: Every line, also those appended meanwhile.
    """

    def __init__(self, descriptor: int, path: Path, shape: Shape[Entry]) -> None:
        self._descriptor = descriptor
        self._path = path
        self._shape = shape
        with os.fdopen(os.dup(descriptor), "rb") as file:
            self.lines: list[Line[Entry]] = []
            follower = _Follower(path, shape, self.lines.append)
            self.found = _follow_all(file, path, follower, shape)
        self._end = self.found
        if self.found.torn:
            self._cut()

    @property
    def end(self) -> End:
        """Where the chain ends now."""
        return self._end

    def next_line(self, entry: Entry) -> Line[Entry]:
        """Return the line that `append` would write, without writing it."""
        return self._place(entry)[0]

    def append(self, entry: Entry) -> Line[Entry]:
        """Append one line and make it durable.

        Raises:
            FileError: it cannot be written; the file stays as it was.
        """
        line, data = self._place(entry)
        try:
            self._write(data + b"\n")
        except OSError as error:
            message = f"the {self._shape.what} {self._path} cannot be written: {error.strerror}"
            hint = "nothing was done; make room and run again"
            raise FileError(message, hint=hint) from None
        size = self._end.size + len(data) + 1
        self._end = End(sequence=line.sequence, head=line.after, size=size, torn=0)
        self.lines.append(line)
        return line

    def _place(self, entry: Entry) -> tuple[Line[Entry], bytes]:
        sequence, before = self._end.sequence + 1, self._end.head
        data = encode_line(self._shape, entry, sequence, before)
        after = _digest(data)
        return Line(sequence=sequence, before=before, after=after, entry=entry), data

    def _write(self, data: bytes) -> None:
        if os.fstat(self._descriptor).st_size != self._end.size:
            message = f"the {self._shape.what} {self._path} was changed while it was in use here"
            raise FileError(message, hint="nothing was done; find out who writes to it")
        try:
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
            if self._end.size == 0:
                _sync_folder(self._path.parent)
        except OSError:
            with suppress(OSError):  # where this fails, nothing more is appended: see above
                os.ftruncate(self._descriptor, self._end.size)
            raise

    def _cut(self) -> None:
        try:
            os.ftruncate(self._descriptor, self.found.size)
            os.fsync(self._descriptor)
        except OSError as error:
            message = f"the {self._shape.what} {self._path} cannot be written: {error.strerror}"
            raise FileError(message) from None


@contextmanager
def open_chain(path: Path, shape: Shape[Entry]) -> Iterator[Chain[Entry]]:
    """Open a chain for writing, making it on first use; a torn last line is cut off.

    Args:
        path: The file; its folder exists.
        shape: What its lines hold.

    Yields:
        The chain, locked: one writer at a time.

    Raises:
        FileError: it cannot be opened, is not a regular file, or another writer holds it.
        MalformedError: a line does not parse or chain; the line is named.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        message = f"the {shape.what} {path} cannot be opened: {error.strerror}"
        raise FileError(message) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            message = f"the {shape.what} {path} is in use by another signkit"
            raise FileError(message, hint="wait for it to end, then run again") from None
        yield Chain(descriptor, path, shape)
    finally:
        os.close(descriptor)


def read_chain(path: Path, shape: Shape[Entry]) -> tuple[list[Line[Entry]], End]:
    """Follow a chain from its first line to its last, without a lock and without writing.

    Args:
        path: The file.
        shape: What its lines hold.

    Returns:
        The lines, and where the chain ends. A torn last line may be one that is being written.

    Raises:
        FileError: it cannot be opened, or is not a regular file.
        MalformedError: a line does not parse or chain; the line is named.
    """
    lines: list[Line[Entry]] = []
    return lines, follow_chain(path, shape, lines.append)


def follow_chain(path: Path, shape: Shape[Entry], take: Take[Entry]) -> End:
    """Follow a chain as `read_chain` does, and keep nothing of it: a long one takes no memory.

    Args:
        path: The file.
        shape: What its lines hold.
        take: Gets each line in order; what it raises ends the reading.

    Raises:
        FileError, MalformedError: as `read_chain`.
    """
    with _open_to_read(path, shape.what) as file:
        return _follow_all(file, path, _Follower(path, shape, take), shape)


def find_lines(
    path: Path, shape: Shape[Entry], holding: Sequence[bytes]
) -> tuple[list[tuple[int, bytes]], End]:
    """Follow a chain as `read_chain` does, and return the lines that hold all of some bytes.

    No line is parsed but the last, so this is quick: that each follows is all that is known.

    Args:
        path: The file.
        shape: What its lines hold.
        holding: What to look for.

    Returns:
        Sequence and bytes of each line found, and where the chain ends.

    Raises:
        FileError, MalformedError: as `read_chain`.
    """
    found: list[tuple[int, bytes]] = []

    def keep(sequence: int, line: bytes) -> bool:
        if all(each in line for each in holding):
            found.append((sequence, line))
        return False

    with _open_to_read(path, shape.what) as file:
        follower = _Follower(path, shape, _take_nothing, keep)
        return found, _follow_all(file, path, follower, shape)


def _open_to_read(path: Path, what: str) -> BinaryIO:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return open(path, "rb", opener=lambda name, _: os.open(name, flags))
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte
        why = getattr(error, "strerror", None) or error
        message = f"the {what} {path} cannot be opened: {why}"
        raise FileError(message, hint="check the path and its permissions") from None


def _take_nothing(_line: Line[Entry]) -> None:
    pass


def _parse_every(_sequence: int, _line: bytes) -> bool:
    return True


def _follow_all(file: BinaryIO, path: Path, follower: _Follower[Entry], shape: Shape[Entry]) -> End:
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            message = f"the {shape.what} {path} is not a regular file"
            raise FileError(message)
        file.seek(0)
        torn = 0
        while data := file.readline(shape.line_size + 1):
            if not data.endswith(b"\n"):
                follower.check_torn(data)
                torn = len(data)
                break
            follower.follow(data[:-1])
    except OSError as error:
        message = f"the {shape.what} {path} cannot be read: {error.strerror}"
        raise FileError(message) from None
    return follower.finish(torn)


class _Follower(Generic[Entry]):
    """Goes from line to line, and parses those that are wanted."""

    def __init__(
        self, path: Path, shape: Shape[Entry], take: Take[Entry], wanted: Wanted = _parse_every
    ) -> None:
        self._path = path
        self._shape = shape
        self._take = take
        self._wanted = wanted
        self._sequence = 0
        self._before = self._head = EMPTY_HEAD
        self._size = 0
        self._unparsed = b""

    def follow(self, line: bytes) -> None:
        """Check that a line is the next one of the chain."""
        self._sequence += 1
        self._before, self._head = self._head, _digest(line)
        self._size += len(line) + 1
        self._unparsed = b""
        starts = line.startswith(_start(self._sequence, self._before))
        if starts and not self._wanted(self._sequence, line):
            self._unparsed = line
            return
        entry = self._parse(line)
        self._take(
            Line(sequence=self._sequence, before=self._before, after=self._head, entry=entry)
        )

    def finish(self, torn: int) -> End:
        """Return where the chain ends."""
        if self._unparsed:  # no line follows that would hold its digest: its shape must do
            self._parse(self._unparsed)
        return End(sequence=self._sequence, head=self._head, size=self._size, torn=torn)

    def check_torn(self, data: bytes) -> None:
        """Check that an end without a line feed is what a writer of ours was torn in.

        It begins as the next line would, or with the zeros that a power cut leaves.
        """
        where = f"{self._shape.what} line {self._sequence + 1}"
        if len(data) > self._shape.line_size:
            raise self._broken(f"{where} is too long")
        start = _start(self._sequence + 1, self._head)
        if not data.startswith((start[: len(data)], b"\0")):
            raise self._broken(f"{where} does not begin as one, and has no end")

    def _parse(self, line: bytes) -> Entry:
        number, where = self._sequence, f"{self._shape.what} line {self._sequence}"
        try:
            fields = Fields(parse_json(line, limit=self._shape.line_size, what=where), where)
            fields.integer("sequence", least=number, most=number)
            previous = Sha256(fields.sha256("previous"))
            entry = self._shape.parse(fields, where)
            fields.done()
        except FormatError as error:
            raise self._broken(str(error)) from error
        if previous != self._before:
            raise self._broken(f"{where} does not follow the line before it")
        if encode_line(self._shape, entry, number, previous) != line:
            raise self._broken(f"{where} is not spelled as a writer spells it")
        return entry

    def _broken(self, message: str) -> MalformedError:
        hint = (
            f"the {self._shape.what} {self._path} was changed; keep it as it is"
            " and find out why before you go on"
        )
        return MalformedError(message, hint=hint)


def _digest(line: bytes) -> Sha256:
    """Hash a line with OpenSSL, which is loaded already: lines are many."""
    return Sha256(sha256(line).digest())


def encode_line(shape: Shape[Entry], entry: Entry, sequence: int, previous: Sha256) -> bytes:
    """Return the line of an entry at a place, without its line feed."""
    return _start(sequence, previous) + encode_json(shape.encode(entry))[1:]


def _start(sequence: int, previous: Sha256) -> bytes:
    return b'{"sequence":%d,"previous":{"sha256":"%s"},' % (sequence, previous.hex().encode())


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
