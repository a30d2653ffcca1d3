"""A bundle archive as a whole: read twice and verified both times, or written from its contents.

    1. the frame (`zstd`), the entries (`cpio`) and the index (`index`) are each read strictly
    2. every entry is the content of exactly one item, by the digest computed here
    3. who acts on an archive reads it a second time, and gets each content with its item

Spec: docs/formats/bundle-archive.md.
Controls: SK-BUNDLE-ARCHIVE (docs/design/assurance.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, NoReturn

from signkit.bundles.cpio import CpioReader, CpioWriter, Entry
from signkit.bundles.index import NAME, Index, Member, encode_index, parse_index
from signkit.bundles.zstd import FrameReader, FrameWriter
from signkit.errors import (
    DigestMismatchError,
    FileError,
    FormatError,
    MalformedError,
    TooLargeError,
)
from signkit.formats.content import Advance
from signkit.verify import limits
from signkit.verify.digest import Sha256

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)
_STEP_LENGTH = 60


def _nobody(_count: int) -> None:
    """Tell nobody of the progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive whose structure, sizes and digests were verified; its signatures were not.

    Attributes:
        index: What it says of the bundle.
        order: For each entry, the place in the index of the item that it is the content of.
    """

    index: Index
    order: tuple[int, ...]


def read_archive(file: BinaryIO, *, advance: Advance = _nobody) -> Archive:
    """Read an archive from front to back.

    Args:
        file: At its beginning.
        advance: Called with the bytes of the file that were read.

    Raises:
        FormatError: it is not an archive as the page describes it.
        DigestMismatchError: a content is none that the index names.
        FileError: it cannot be read.
    """
    with _reading():
        entries = _Entries(file, advance)
        index = entries.read_index()
        places: dict[tuple[Sha256, int], list[int]] = {}
        for place, member in reversed(list(enumerate(index.members))):
            places.setdefault((member.digest, member.size), []).append(place)
        sizes = {member.size for member in index.members}
        order = []
        for entry in entries:
            if entry.size not in sizes:  # refused before it is unpacked
                _refuse_content(entry, f"nothing there has {entry.size} bytes")
            digest = _hash(entries.content())
            waiting = places.get((digest, entry.size))
            if not waiting:
                _refuse_content(entry, f"it has SHA-256 {digest.hex()}")
            order.append(waiting.pop())
        missing = len(index.members) - len(order)
        if missing:
            message = f"it holds {len(order)} contents: expected {len(index.members)}"
            raise MalformedError(message, hint="get the file again")
        return Archive(index=index, order=tuple(order))


def read_contents(file: BinaryIO, archive: Archive) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Read an archive again: each item with its content, in the order of the entries.

    Args:
        file: At its beginning.
        archive: From `read_archive`, of the same file.

    Yields:
        The item, and its content in pieces. Whoever takes fewer than all of them leaves the rest
        unverified: they are read and verified before the next item comes.

    Raises:
        FormatError, DigestMismatchError, FileError: it is not the same any more.
    """
    with _reading():
        entries = _Entries(file, _nobody)
        if entries.read_index() != archive.index:
            raise _changed()
        places = iter(archive.order)
        for entry in entries:
            place = next(places, None)
            if place is None:
                raise _changed()
            member = archive.index.members[place]
            pieces = _verified(entry, entries.content(), member)
            yield member, pieces
            for _piece in pieces:
                pass
        if next(places, None) is not None:
            raise _changed()


class _Entries:
    """The entries of an archive, to the end of the file; the first is its index."""

    def __init__(self, file: BinaryIO, advance: Advance) -> None:
        self._frame = FrameReader(file, advance=advance)
        self._cpio = CpioReader(self._frame)
        self.content = self._cpio.content

    def read_index(self) -> Index:
        entry = self._cpio.next_entry()
        if entry is None or entry.name != NAME:
            got = "nothing" if entry is None else repr(entry.name[:80])
            message = f"expected {NAME} as its first entry, got {got}"
            raise MalformedError(message, hint="is this a bundle archive?")
        if entry.size > limits.BUNDLE_INDEX_SIZE:
            message = (
                f"{NAME} is too large: expected at most {limits.BUNDLE_INDEX_SIZE} bytes,"
                f" got {entry.size}"
            )
            raise TooLargeError(message)
        return parse_index(b"".join(self._cpio.content()))

    def __iter__(self) -> Iterator[Entry]:
        while entry := self._cpio.next_entry():
            yield entry
        self._frame.finish()


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except FormatError as error:
        error.args = (f"the archive is refused: {error}",)
        raise
    except OSError as error:
        message = f"the archive cannot be read: {error.strerror}"
        raise FileError(message, hint="check the file and its medium") from error


def _hash(pieces: Iterable[bytes]) -> Sha256:
    state = sha256()
    for piece in pieces:
        state.update(piece)
    return Sha256(state.digest())


def _verified(entry: Entry, pieces: Iterator[bytes], member: Member) -> Iterator[bytes]:
    if entry.size != member.size:
        raise _changed()
    state = sha256()
    for piece in pieces:
        state.update(piece)
        yield piece
    if state.digest() != member.digest:
        raise _changed()


def _changed() -> FormatError:
    message = "it changed while it was read"
    return MalformedError(message, hint="wait until nothing writes to it, and try again")


def _refuse_content(entry: Entry, got: str) -> NoReturn:
    message = f"the entry {entry.name[:80]!r} is no content that {NAME} asks for: {got}"
    raise DigestMismatchError(message, hint="the archive was changed, or damaged: get it again")


def write_archive(
    write: Callable[[bytes], object],
    index: Index,
    contents: Callable[[Member], Iterable[bytes]],
    *,
    advance: Advance = _nobody,
) -> None:
    """Write an archive; the same index and contents give the same bytes.

    Args:
        write: Takes the bytes of the file, in order.
        index: What it is of.
        contents: Returns the content of an item in pieces.
        advance: Called with the bytes of content that were written.

    Raises:
        TooLargeError: the index is longer than its limit.
        DigestMismatchError: a content is not what the index says.
    """
    data = encode_index(index)
    frame = FrameWriter(write)
    cpio = CpioWriter(frame.write)
    cpio.begin(NAME, len(data))
    cpio.write(data)
    cpio.end(len(data))
    for place, member in enumerate(index.members, 1):
        name = entry_name(place, member)
        cpio.begin(name, member.size)
        state, size = sha256(), 0
        for piece in contents(member):
            state.update(piece)
            size += len(piece)
            cpio.write(piece)
            advance(len(piece))
        if size != member.size or state.digest() != member.digest:
            message = f"{name}: expected SHA-256 {member.digest.hex()}, got {state.hexdigest()}"
            raise DigestMismatchError(message, hint="run the command again")
        cpio.end(size)
    cpio.finish()
    frame.finish()


def entry_name(place: int, member: Member) -> str:
    """Return what an item's entry is called: for people, unique by the place, never a path."""
    steps = (member.artifact.name, member.version.name, member.target)
    safe = (_UNSAFE.sub("_", step)[:_STEP_LENGTH] for step in steps)
    return f"{place:04d}-{'-'.join(safe)}.bin"
