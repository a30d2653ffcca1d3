"""A part's body on its way in: hashed and written in threads while it arrives.

Where the socket can be borrowed, one thread does all of it: receive, hash, write. Otherwise, and
where many parts arrive at once, the event loop gathers pieces into batches; one batch is hashed
and written in a thread while the next is gathered, never more. Either way memory is flat, and a
slow disk slows the sender down. hashlib, recv and write release the interpreter lock, so several
parts use several cores.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import ClientDisconnect, Request

from signkit.registry.problems import BAD_REQUEST, TIMEOUT, TOO_LARGE, RefusedError, refuse
from signkit.registry.store import PartKey, PartStore, PartWriter, Piece
from signkit.registry.wire import Loan, borrow

_BATCH_SIZE = 1024 * 1024
_BUFFER_SIZE = 1024 * 1024
_LENT_THREADS = 32
_BATCH_THREADS = 8


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
        idle_seconds: How long a sender may pause.
    """

    def __init__(self, store: PartStore, *, idle_seconds: float) -> None:
        self._store = store
        self._idle_seconds = idle_seconds
        self._lent = ThreadPoolExecutor(_LENT_THREADS, thread_name_prefix="signkit-part")
        self._batches = ThreadPoolExecutor(_BATCH_THREADS, thread_name_prefix="signkit-batch")
        self._lent_count = 0
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def close(self) -> None:
        """Let the bodies that the server gave up leave nothing behind, then end the threads."""
        await self._idle.wait()
        self._lent.shutdown()
        self._batches.shutdown()

    async def receive(self, request: Request, key: PartKey, *, size: int) -> Received:
        """Take one part in.

        Args:
            request: Its content-length is size.
            key: Where the part will be kept.
            size: Bytes.

        Returns:
            What arrived; that its digest is the one declared is for the caller to check.

        Raises:
            RefusedError: 408, where the sender paused too long; 400, where it went away; 413, where
                it sent more than it said.
            OSError: the bytes cannot be written.
        """
        loan = borrow(request.scope, size) if self._lent_count < _LENT_THREADS else None
        self._count += 1
        self._idle.clear()
        try:
            if loan is not None:
                return await self._receive_lent(loan, key, size)
            return await self._receive_gathered(request.stream(), key, size)
        except TimeoutError:
            detail = f"nothing arrived for {self._idle_seconds:g} seconds"
            raise refuse(TIMEOUT, detail, headers={"connection": "close"}) from None
        except (ConnectionError, ClientDisconnect):
            raise _went_away() from None
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def _receive_lent(self, loan: Loan, key: PartKey, size: int) -> Received:
        self._lent_count += 1
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._lent, self._copy, loan, key, size)
        try:
            return await asyncio.shield(work)
        finally:
            if not work.done():  # the server gives up: the thread still has the socket
                loan.stop()
                await asyncio.wait([work])
            loan.end()
            self._lent_count -= 1

    def _copy(self, loan: Loan, key: PartKey, size: int) -> Received:
        """Receive, hash and write one body."""
        writer = self._store.begin(key)
        arrived = False
        try:
            digest = self._drain(loan, writer, size)
            arrived = True
        finally:
            if not arrived:
                writer.drop()
        return Received(writer=writer, digest=digest, size=size)

    def _drain(self, loan: Loan, writer: PartWriter, size: int) -> str:
        """Receive to the end; when the disk fails the rest is read all the same.

        A sender in the middle of its body would otherwise not see the answer.
        """
        state = sha256(loan.begun)
        view = memoryview(bytearray(min(_BUFFER_SIZE, size)))
        failure = _write(writer, loan.begun)
        while loan.left:
            piece = view[: loan.receive_into(view, self._idle_seconds)]
            state.update(piece)
            failure = failure or _write(writer, piece)
        if failure is not None:
            raise failure
        return state.hexdigest()

    async def _receive_gathered(
        self, body: AsyncIterator[bytes], key: PartKey, size: int
    ) -> Received:
        loop = asyncio.get_running_loop()
        writer = await loop.run_in_executor(self._batches, self._store.begin, key)
        sink = _Sink(writer, self._batches)
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
        async with asyncio.timeout(self._idle_seconds):
            async for piece in body:
                if piece:
                    return piece
        return b""


def _write(writer: PartWriter, piece: Piece) -> OSError | None:
    try:
        writer.write([piece])
    except OSError as error:
        return error
    return None


def _went_away() -> RefusedError:
    return refuse(BAD_REQUEST, "the sender went away before the end of the part")
