"""The parts of one content, sent as they come out of an archive: few in memory, several at once.

Spec: registry contract section 2.6; docs/formats/registry-protocol.md section 7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from signkit.client.protocol import RegistryClient, allowed_seconds
from signkit.client.resources import BinaryState, PartState
from signkit.formats.content import Advance
from signkit.verify.digest import Sha256, compute_digest

PART_SIZE = 8 * 1024 * 1024  # 512 parts of the largest content that an archive can hold
_SLICE_SIZE = 256 * 1024
_AT_ONCE = 4
Known = frozenset[tuple[int, int, Sha256]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where parts go.

    Attributes:
        client: The registry.
        prn: The binary's.
        size: Bytes of the content.
        name: What the content is called in messages.
        advance: Called with the bytes that need not be sent any more, from any thread.
    """

    client: RegistryClient
    prn: str
    size: int
    name: str
    advance: Advance

    def send(self, pieces: Iterable[bytes]) -> None:
        """Send the parts that the registry does not hold yet.

        Args:
            pieces: The content, in order.

        Raises:
            SignkitError: whatever made the first part fail, or reading the content.
        """
        there = self._list_valid()
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="signkit-part")
        sending: deque[Future[None]] = deque()
        done = False
        try:
            for index, data, digest in cut_parts(pieces):
                if (index, len(data), digest) in there:
                    self.advance(len(data))
                    continue
                if len(sending) == _AT_ONCE:
                    sending.popleft().result()
                sending.append(pool.submit(self._send_part, index, data, digest))
            for future in sending:
                future.result()
            done = True
        finally:
            if not done:  # also on Ctrl-C: the other parts must not keep anybody waiting
                self.client.halt()
            pool.shutdown(wait=True, cancel_futures=True)
            self.client.resume()

    def _list_valid(self) -> Known:
        """Return the parts that count; those of another cut are thrown away first."""
        known = find_known(self.client, self.prn, self.size)
        if known is None:
            self.client.move_binary(self.prn, BinaryState.UPLOADABLE)
        return known or frozenset()

    def _send_part(self, index: int, data: bytes, digest: Sha256) -> None:
        def step() -> None:  # always together, so that an expired address is never used
            declared = self.client.declare_part(
                self.prn,
                index=index,
                digest=digest,
                start=(index - 1) * PART_SIZE,
                size=len(data),
                binary_size=self.size,
            )
            what = f"part {index} of {self.name}"
            self.client.send_part(declared, _sliced(data), what=what)

        retrier = self.client.retrier
        retrier.run(step, seconds=allowed_seconds(len(data), retrier.seconds_left))
        self.advance(len(data))


def _sliced(data: bytes) -> Iterator[bytes]:
    """Yield a part in slices: the connection copies what it is given."""
    for place in range(0, len(data), _SLICE_SIZE):
        yield data[place : place + _SLICE_SIZE]


def find_known(client: RegistryClient, prn: str, size: int) -> Known | None:
    """Return the parts of a binary that count; None where there are some of another cut.

    Args:
        client: The registry.
        prn: The binary's.
        size: Bytes of the content.

    Raises:
        TransportError: the registry failed.
    """
    listed = client.list_parts(prn)
    if any(part.index > -(-size // PART_SIZE) for part in listed):
        return None
    return frozenset(
        (part.index, part.size, part.digest) for part in listed if part.state is PartState.VALID
    )


def cut_parts(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes, Sha256]]:
    """Yield content in parts of PART_SIZE, the last one may be shorter: index, bytes, digest."""
    for index, data in enumerate(_cut(pieces), 1):
        yield index, data, compute_digest(data)


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield content in parts of PART_SIZE; the last one may be shorter."""
    part = bytearray()
    for piece in pieces:
        part += piece
        while len(part) >= PART_SIZE:
            yield bytes(part[:PART_SIZE])
            del part[:PART_SIZE]
    if part:
        yield bytes(part)
