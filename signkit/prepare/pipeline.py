"""The digest of the whole and of each part, side by side, from one reading.

    reader --+--> whole --+
        ^    +--> parts --+
        +-----------------+

The reader fills a few buffers ahead and gives each to both hashers, which need not wait for one
another; it fills a buffer again when both are done with it. hashlib releases the interpreter, so
the two hashers keep two cores busy, and memory stays what the buffers take.

Both hashers are done with the buffers in the same order, so the next from one and the next from
the other are the same buffer. A stage that ends, in whatever way, says so with None to whoever
waits for it, and so all of them end.
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

_BUFFER_COUNT = 24  # of 1 MiB: what is ahead must outlast the turns that threads take on a core
_Buffers = SimpleQueue[memoryview | None]
_Both = tuple[_Buffers, _Buffers]


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
    whole_free, whole_full = _Buffers(), _Buffers()
    parts_free, parts_full = _Buffers(), _Buffers()
    for _ in range(_BUFFER_COUNT):
        buffer = memoryview(bytearray(BUFFER_SIZE))
        whole_free.put(buffer)
        parts_free.put(buffer)
    whole, total = sha256(), 0
    with ThreadPoolExecutor(2, thread_name_prefix="signkit-prepare") as threads:
        try:
            free, full = (whole_free, parts_free), (whole_full, parts_full)
            reader = threads.submit(_read, read_into, size, free, full)
            _announce_end(reader, *full)
            parts = threads.submit(_hash_parts, part_size, parts_full, parts_free)
            _announce_end(parts, parts_free)
            while (piece := whole_full.get()) is not None:
                whole.update(piece)
                total += len(piece)
                advance(len(piece))
                whole_free.put(memoryview(piece.obj))
        finally:
            whole_free.put(None)
    reader.result()
    return (Sha256(whole.digest()), parts.result()), total


def _announce_end(stage: Future[Any], *waiting: _Buffers) -> None:
    def announce(_stage: Future[Any]) -> None:
        for queue in waiting:
            queue.put(None)

    stage.add_done_callback(announce)


def _read(read_into: ReadInto, size: int, free: _Both, full: _Both) -> None:
    rest = size + 1
    while rest and free[0].get() is not None and (buffer := free[1].get()) is not None:
        count = read_into(buffer[:rest])
        if not count:
            return
        rest -= count
        for queue in full:
            queue.put(buffer[:count])


def _hash_parts(part_size: int, full: _Buffers, free: _Buffers) -> tuple[Sha256, ...]:
    digests: list[Sha256] = []
    state, room = sha256(), part_size
    while (piece := full.get()) is not None:
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
