"""A part's body on its way in: hashed and written in threads while it arrives.

The event loop only gathers pieces into batches; one batch is hashed and written while the next is
gathered, never more, so memory is flat and a slow disk slows the sender down. hashlib and write
release the GIL: several parts use several cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from hashlib import sha256

from signkit.registry.problems import TIMEOUT, TOO_LARGE, refuse
from signkit.registry.store import PartKey, PartStore, PartWriter

_BATCH_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A part that arrived whole and is not yet kept.

    Attributes:
        writer: Holds the bytes; the caller keeps or drops them.
        digest: Their SHA-256, 64 lower-case hex digits.
        size: How many they are.
    """

    writer: PartWriter
    digest: str
    size: int


class _Sink:
    """Takes batches in threads, one after the other."""

    def __init__(self, writer: PartWriter, threads: Executor) -> None:
        self._writer = writer
        self._threads = threads
        self._sha256 = sha256()
        self._pending: asyncio.Future[None] | None = None

    async def put(self, batch: list[bytes]) -> None:
        """Hand a batch over, once the one before it is done."""
        await self.settle()
        loop = asyncio.get_running_loop()
        self._pending = loop.run_in_executor(self._threads, self._take, batch)

    async def settle(self) -> None:
        """Wait for the batch that was handed over."""
        pending, self._pending = self._pending, None
        if pending is not None:
            await pending

    async def abandon(self) -> None:
        """Leave nothing behind, whatever the batch under way still does."""
        if self._pending is not None:
            await asyncio.wait([self._pending])
        await asyncio.get_running_loop().run_in_executor(self._threads, self._writer.drop)

    def digest(self) -> str:
        """Return the SHA-256 of what was taken."""
        return self._sha256.hexdigest()

    def _take(self, batch: list[bytes]) -> None:
        for piece in batch:
            self._sha256.update(piece)
        self._writer.write(batch)


class Receiver:
    """Takes parts in.

    Args:
        store: Where they go.
        threads: Where they are hashed and written.
        idle_seconds: How long a sender may pause.
    """

    def __init__(self, store: PartStore, threads: Executor, *, idle_seconds: float) -> None:
        self._store = store
        self._threads = threads
        self._idle_seconds = idle_seconds

    async def receive(self, body: AsyncIterator[bytes], key: PartKey, *, size: int) -> Received:
        """Take one part in.

        Args:
            body: Its pieces as they arrive.
            key: Where it will be kept.
            size: The most bytes that are read.

        Returns:
            What arrived; that it is what was declared is for the caller to check.

        Raises:
            Problem: 408, where the sender paused too long; 413, where more than size bytes came.
            OSError: the bytes cannot be written.
        """
        loop = asyncio.get_running_loop()
        writer = await loop.run_in_executor(self._threads, self._store.begin, key)
        sink = _Sink(writer, self._threads)
        arrived = False
        try:
            total = await self._pour(body, sink, size)
            arrived = True
        finally:
            if not arrived:
                await asyncio.shield(sink.abandon())
        return Received(writer=writer, digest=sink.digest(), size=total)

    async def _pour(self, body: AsyncIterator[bytes], sink: _Sink, size: int) -> int:
        batch: list[bytes] = []
        gathered = total = 0
        while piece := await self._next(body):
            total += len(piece)
            if total > size:
                raise refuse(TOO_LARGE, f"expected {size} bytes, got more")
            batch.append(piece)
            gathered += len(piece)
            if gathered >= _BATCH_SIZE:
                await sink.put(batch)
                batch, gathered = [], 0
        await sink.put(batch)
        await sink.settle()
        return total

    async def _next(self, body: AsyncIterator[bytes]) -> bytes:
        """Return the next piece, empty at the end; give up on a sender that pauses too long."""
        try:
            async with asyncio.timeout(self._idle_seconds):
                async for piece in body:
                    if piece:
                        return piece
        except TimeoutError:
            detail = f"nothing arrived for {self._idle_seconds:g} seconds"
            raise refuse(TIMEOUT, detail) from None
        return b""
