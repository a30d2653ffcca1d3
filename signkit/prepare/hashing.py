"""The digests of content files: of each whole, and of each part in which it is uploaded.

Every byte is read once. A large file keeps two cores busy by itself (`pipeline.py`); many small
files are shared out among processes (`workers.py`), because the threads of one interpreter cannot
open files side by side.

Spec: docs/formats/plan-and-journal.md sections 3 and 4.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from signkit.errors import FileError, TooLargeError
from signkit.formats.content import Advance, read_content
from signkit.model.plan import PlannedItem
from signkit.prepare.parts import choose_part_size
from signkit.prepare.pipeline import Digests, compute_digests
from signkit.prepare.workers import Answer, hash_small_files, process_count
from signkit.verify.digest import compute_stream_digest

if TYPE_CHECKING:
    from signkit.verify.digest import ReadInto


_PROCESSES_FROM = 64


def hash_file(path: str, *, advance: Advance, part_size: int | None = None) -> PlannedItem:
    """Hash one content file, whole and in parts, reading each byte once.

    Args:
        path: The file; symbolic links are followed.
        advance: Called with the bytes just hashed, in the caller's thread.
        part_size: Bytes of every part but the last; None chooses by `choose_part_size`.

    Raises:
        FileError: missing, unreadable, no regular file, changed while it was read, or its path
            is not UTF-8.
        TooLargeError: larger than what the registry takes.
    """
    absolute = _absolute(path)

    def compute(read_into: ReadInto, size: int) -> tuple[tuple[Digests, int], int]:
        chosen = part_size or _choose_part_size(absolute, size)
        digests, count = _compute(read_into, size=size, part_size=chosen, advance=advance)
        return (digests, chosen), count

    ((digest, parts), chosen), identity = read_content(absolute, compute)
    return PlannedItem(
        path=absolute, identity=identity, digest=digest, part_size=chosen, parts=parts
    )


def hash_files(paths: Sequence[str], *, advance: Advance) -> Iterator[PlannedItem]:
    """Hash many content files, one after the other or side by side, as they are asked for.

    Of many, other processes have begun to hash when this returns.

    Args:
        paths: The files; symbolic links are followed.
        advance: Called with the bytes just hashed, in the caller's thread.

    Raises:
        FileError, TooLargeError: as `hash_file`, for the first file that is refused.
    """
    absolute = [_absolute(path) for path in paths]
    processes = process_count()
    if len(absolute) < _PROCESSES_FROM or processes == 1:
        return (hash_file(path, advance=advance) for path in absolute)
    chunks = hash_small_files(absolute, processes=processes)
    next(chunks)
    return _join(chunks, advance)


def total_size(paths: Sequence[str]) -> int:
    """Return the bytes of all files together, for a progress bar; what is missing counts 0."""
    total = 0
    for path in paths:
        with suppress(OSError, ValueError):  # hashing says what is wrong with it
            total += os.stat(path).st_size
    return total


def _join(
    chunks: Generator[tuple[Sequence[str], Sequence[Answer]]], advance: Advance
) -> Iterator[PlannedItem]:
    with closing(chunks):
        for some, answers in chunks:
            advance(sum(answer.identity.size for answer in answers if answer))
            for path, answer in zip(some, answers, strict=True):
                yield answer or hash_file(path, advance=advance)


def _compute(
    read_into: ReadInto, *, size: int, part_size: int, advance: Advance
) -> tuple[Digests, int]:
    if size > part_size:
        return compute_digests(read_into, size=size, part_size=part_size, advance=advance)
    digest, count = compute_stream_digest(
        read_into, size=size, sink=lambda piece: advance(len(piece))
    )
    return (digest, (digest,) if size else ()), count


def _choose_part_size(path: str, size: int) -> int:
    try:
        return choose_part_size(size)
    except TooLargeError as error:
        message = f"{path}: {error}"
        raise TooLargeError(message) from error


def _absolute(path: str) -> str:
    """Return a path that means the same from every folder and can stand in a plan.

    Dots are left where they are: what `a/../b` means depends on what `a` links to.
    """
    if "\0" in path or not (path.isascii() or _is_utf8(path)):
        message = f"{path!r} is no path that can be written down: expected UTF-8 without NUL"
        raise FileError(message, hint="rename the file")
    if path.startswith("/"):
        return path
    try:
        return os.path.join(os.getcwd(), path)
    except OSError as error:
        message = f"{path} cannot be read: the current folder is gone"
        raise FileError(message, hint="change to a folder that exists") from error


def _is_utf8(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
