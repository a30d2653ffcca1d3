"""cpio archives of the kind newc, read and written piece by piece.

Only regular files, each name once, nothing that an unpacker could take for something else.

Spec: docs/formats/bundle-archive.md section 3; cpio(5), "New ASCII Format".
Controls: SK-BUNDLE-ARCHIVE (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn, Protocol

from signkit.errors import MalformedError, TooLargeError
from signkit.verify.encoding import check_text

PIECE_SIZE = 256 * 1024
_NEWC, _WITH_SUM = b"070701", b"070702"
_HEADER_SIZE = 110
_REGULAR, _TYPE_MASK, _OUR_MODE = 0o100000, 0o170000, 0o100644
_KINDS = {
    0o010000: "a FIFO",
    0o020000: "a device",
    0o040000: "a folder",
    0o060000: "a device",
    0o120000: "a symbolic link",
    0o140000: "a socket",
}
_NAME_SIZE = 1024
_TRAILER = "TRAILER!!!"
_TRAILING_SIZE = 64 * 1024
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Source(Protocol):
    """Where an archive is read from."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most size of them; none only at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of an archive.

    Attributes:
        name: As it is written there; for messages only.
        size: Bytes of content.
    """

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    kind: int
    links: int
    size: int
    name_size: int
    check: int
    summed: bool


class CpioReader:
    """Reads an archive from front to back: an entry, its content, the next entry."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: set[str] = set()
        self._entry = Entry(name="", size=0)
        self._header = _Header(kind=0, links=0, size=0, name_size=0, check=0, summed=False)

    def next_entry(self) -> Entry | None:
        """Return the next entry, once the content of the last one is read; None at the end.

        Raises:
            MalformedError: it is no such archive, or holds what must not be in one.
            TooLargeError: a name is longer than its limit.
        """
        header = _parse_header(self._exactly(_HEADER_SIZE, "a header"))
        name = self._read_name(header)
        if name == _TRAILER:
            self._check_end(header)
            return None
        _check_header(header, name)
        if name in self._names:
            _refuse(f"the entry {name!r} is there twice")
        self._names.add(name)
        self._header, self._entry = header, Entry(name=name, size=header.size)
        return self._entry

    def content(self) -> Iterator[bytes]:
        """Yield the content of the entry, in pieces of at most PIECE_SIZE bytes.

        Raises:
            MalformedError: it is not whole, or its sum is not what the header says.
        """
        left, total = self._entry.size, 0
        while left:
            piece = self._source.read(min(left, PIECE_SIZE))
            if not piece:
                _refuse(f"it ends within the entry {self._entry.name!r}")
            left -= len(piece)
            if self._header.summed:
                total = (total + sum(piece)) & 0xFFFFFFFF
            yield piece
        self._padding(self._entry.size)
        if total != self._header.check:
            _refuse(f"the content of the entry {self._entry.name!r} does not have its sum")

    def _read_name(self, header: _Header) -> str:
        if header.name_size > _NAME_SIZE:
            message = (
                f"an entry's name is too long: expected at most {_NAME_SIZE} bytes with its NUL"
            )
            raise TooLargeError(message)
        if header.name_size < 2:  # a character and its NUL
            _refuse("an entry's name is empty")
        data = self._exactly(header.name_size, "a name")
        self._padding(_HEADER_SIZE + header.name_size)
        if not data.endswith(b"\0") or b"\0" in data[:-1]:
            _refuse("an entry's name does not end with its NUL")
        return _check_name(data[:-1])

    def _check_end(self, header: _Header) -> None:
        if header.size:
            _refuse("its trailer has content")
        left = _TRAILING_SIZE
        while piece := self._source.read(left):
            left -= len(piece)
            if any(piece) or not left:
                _refuse("it goes on after its trailer")

    def _padding(self, size: int) -> None:
        if any(self._exactly(-size % 4, "a padding")):
            _refuse("a padding is not zeros")

    def _exactly(self, size: int, what: str) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._source.read(size - len(data))
            if not piece:
                _refuse(f"it ends within {what}" if data else "it ends without its trailer")
            data += piece
        return data


def _parse_header(data: bytes) -> _Header:
    magic, digits = data[:6], data[6:]
    if magic not in {_NEWC, _WITH_SUM} or not _HEX.issuperset(digits):
        _refuse(f"expected a cpio header of the kind newc, got {data[:16]!r}")
    numbers = [int(digits[place : place + 8], 16) for place in range(0, len(digits), 8)]
    return _Header(
        kind=numbers[1] & _TYPE_MASK,
        links=numbers[4],
        size=numbers[6],
        name_size=numbers[11],
        check=numbers[12],
        summed=magic == _WITH_SUM,
    )


def _check_header(header: _Header, name: str) -> None:
    if header.kind not in {0, _REGULAR}:
        kind = _KINDS.get(header.kind, "of an unknown kind")
        _refuse(f"the entry {name!r} is {kind}: expected regular files only")
    if header.links > 1:
        _refuse(f"the entry {name!r} is a hard link")


def _check_name(data: bytes) -> str:
    try:
        name = data.decode("utf-8")
    except UnicodeDecodeError:
        _refuse(f"the name {data[:80]!r} is not UTF-8")
    check_text(name, what="an entry's name", limit=_NAME_SIZE)
    if "\\" in name or not all(step not in {"", ".", ".."} for step in name.split("/")):
        hint = "pack the files by their plain names"
        _refuse(f"the name {name[:80]!r} is not a plain one", hint=hint)
    return name


def _refuse(message: str, *, hint: str | None = None) -> NoReturn:
    raise MalformedError(message, hint=hint)


class CpioWriter:
    """Writes an archive from front to back."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Take where the archive goes."""
        self._write = write
        self._count = 0

    def begin(self, name: str, size: int) -> None:
        """Begin an entry; its content goes to `write`, and then `end` is called.

        Args:
            name: Plain, not yet used.
            size: Bytes of content, at most limits.BUNDLE_CONTENT_SIZE.
        """
        self._count += 1
        self._write(_encode_header(name, size, inode=self._count, mode=_OUR_MODE))

    def write(self, piece: bytes) -> None:
        """Append content to the entry that was begun."""
        self._write(piece)

    def end(self, size: int) -> None:
        """End the entry of that many bytes."""
        self._write(bytes(-size % 4))

    def finish(self) -> None:
        """End the archive."""
        self._write(_encode_header(_TRAILER, 0, inode=0, mode=0))


def _encode_header(name: str, size: int, *, inode: int, mode: int) -> bytes:
    text = name.encode("utf-8") + b"\0"
    numbers = (inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(text), 0)
    head = _NEWC + "".join(f"{number:08x}" for number in numbers).encode("ascii") + text
    return head + bytes(-len(head) % 4)
