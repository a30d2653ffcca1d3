"""SHA-256 of content: the digest type, and a reader that hashes while it reads ahead.

A digest is algorithm and value, inseparable: here the algorithm is the type.

Little is hashed by libsodium, which is loaded anyway; much by OpenSSL, which is five times as fast and
takes longer to load than all of a small file's verdict.

Spec: docs/formats/conventions.md section 3; FIPS 180-4.
Controls: SK-VERIFY-DIGEST (docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.verify.sodium import sodium_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    ReadInto = Callable[[memoryview], int]
    Sink = Callable[[memoryview], object]

BUFFER_SIZE = 1024 * 1024
_BUFFER_COUNT = 4
_LITTLE = 16 * 1024
_READ_AHEAD_FROM = 8 * BUFFER_SIZE


class Sha256(bytes):
    """The 32 bytes of a SHA-256 digest."""

    __slots__ = ()


def compute_digest(data: bytes) -> Sha256:
    """Return the SHA-256 of bytes in memory."""
    if len(data) <= _LITTLE:
        return Sha256(sodium_sha256(data))
    from hashlib import sha256

    return Sha256(sha256(data).digest())


def compute_stream_digest(
    read_into: ReadInto, *, size: int, sink: Sink | None = None
) -> tuple[Sha256, int]:
    """Hash a stream to its end, in memory that does not grow with it.

    Args:
        read_into: Fills a buffer and returns the bytes read, 0 at the end, as
            `io.RawIOBase.readinto` does.
        size: Bytes expected: how much reading ahead is worth. One byte more than this is enough
            to stop: an endless stream is read no further.
        sink: Called with each piece after it was hashed, in order.

    Returns:
        The digest, and the bytes hashed: size + 1 or more means that the stream goes on.
    """
    if size < _LITTLE:
        data = b"".join(map(bytes, _pieces(read_into, size + 1)))
        if sink is not None and data:
            sink(memoryview(data))
        return Sha256(sodium_sha256(data)), len(data)
    from hashlib import sha256

    state, total = sha256(), 0
    pieces = (_pieces if size < _READ_AHEAD_FROM else _pieces_read_ahead)(read_into, size + 1)
    try:
        for piece in pieces:
            state.update(piece)
            if sink is not None:
                sink(piece)
            total += len(piece)
    finally:
        pieces.close()  # also where the sink fails: nobody reads on
    return Sha256(state.digest()), total


def _pieces(read_into: ReadInto, left: int) -> Generator[memoryview]:
    view = memoryview(bytearray(min(left, BUFFER_SIZE)))
    while left and (count := read_into(view[:left])):
        yield view[:count]
        left -= count


def _pieces_read_ahead(read_into: ReadInto, left: int) -> Generator[memoryview]:
    """Have another thread read: hashing never waits for the page cache."""
    from queue import SimpleQueue
    from threading import Thread

    free: SimpleQueue[memoryview | None] = SimpleQueue()
    full: SimpleQueue[memoryview | BaseException] = SimpleQueue()
    for _ in range(_BUFFER_COUNT):
        free.put(memoryview(bytearray(BUFFER_SIZE)))

    def read() -> None:
        rest = left
        try:
            while (view := free.get()) is not None:
                count = read_into(view[:rest]) if rest else 0
                full.put(view[:count])
                if not count:
                    return
                rest -= count
        except BaseException as error:  # noqa: BLE001  (raised again where it can be handled)
            full.put(error)

    reader = Thread(target=read, name="signkit-read-ahead", daemon=True)
    reader.start()
    try:
        while piece := full.get():
            if isinstance(piece, BaseException):
                raise piece
            yield piece
            free.put(memoryview(piece.obj))
    finally:
        free.put(None)
        reader.join()
