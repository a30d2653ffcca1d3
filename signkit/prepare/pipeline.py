"""The digest of the whole and of each part, side by side, from one reading.

    reader --> whole --> parts --> (back to the reader)

A few buffers go round in that order, each through one thread at a time: while one is filled, the
one before it is hashed into the whole and the one before that into its part. hashlib releases the
interpreter, so the two hashers keep two cores busy and memory stays what the buffers take.

A stage that fails ends the round: the reader's and the parts' end are both announced to the
middle, which then stops the others and passes the failure on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from signkit.verify.digest import BUFFER_SIZE, Sha256

if TYPE_CHECKING:
    from signkit.verify.digest import ReadInto

Digests = tuple[Sha256, tuple[Sha256, ...]]

_BUFFER_COUNT = 16
_Buffers = SimpleQueue[memoryview | None]


def compute_digests(
    read_into: ReadInto, *, size: int, part_size: int, advance: Callable[[int], None]
) -> tuple[Digests, int]:
    """Hash a stream as a whole and in parts.

    Args:
        read_into: Fills a buffer and returns the bytes read, 0 at the end.
        size: Bytes expected. At most one byte more is read.
        part_size: Bytes of every part but the last, from 1.
        advance: Called with the bytes just hashed, in the caller's thread.

    Returns:
        The digest of the whole and of each part in order, and the bytes read: another number
        than size means that the stream ended early or goes on.

    Raises:
        Whatever read_into or advance raises; no thread is left behind.
    """
    free, full, hashed = _Buffers(), _Buffers(), _Buffers()
    for _ in range(_BUFFER_COUNT):
        free.put(memoryview(bytearray(BUFFER_SIZE)))
    whole, total = sha256(), 0
    with ThreadPoolExecutor(2, thread_name_prefix="signkit-prepare") as threads:
        try:
            reader = threads.submit(_read, read_into, size, free, full)
            parts = threads.submit(_hash_parts, part_size, hashed, free)
            _announce_end(full, reader, parts)
            while (piece := full.get()) is not None:
                whole.update(piece)
                total += len(piece)
                advance(len(piece))
                hashed.put(piece)
        finally:
            free.put(None)
            hashed.put(None)
    reader.result()
    return (Sha256(whole.digest()), parts.result()), total


def _announce_end(full: _Buffers, *stages: Future[Any]) -> None:
    for stage in stages:
        stage.add_done_callback(lambda _stage: full.put(None))


def _read(read_into: ReadInto, size: int, free: _Buffers, full: _Buffers) -> None:
    rest = size + 1
    while rest and (buffer := free.get()) is not None:
        count = read_into(buffer[:rest])
        if not count:
            return
        rest -= count
        full.put(buffer[:count])


def _hash_parts(part_size: int, hashed: _Buffers, free: _Buffers) -> tuple[Sha256, ...]:
    digests: list[Sha256] = []
    state, room = sha256(), part_size
    while (piece := hashed.get()) is not None:
        rest = piece
        while rest:
            state.update(rest[:room])
            rest, room = rest[room:], room - min(room, len(rest))
            if not room:
                digests.append(Sha256(state.digest()))
                state, room = sha256(), part_size
        free.put(memoryview(piece.obj))
    if room < part_size:
        digests.append(Sha256(state.digest()))
    return tuple(digests)
