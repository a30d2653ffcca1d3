"""A plain load balancer: connections go to the servers in turn, past one that does not answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

_PIECE = 64 * 1024


class _Balancer:
    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turns = count()
        self.port = 0

    async def serve(self, ready: threading.Event, ended: asyncio.Event) -> None:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await ended.wait()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self._ports:
            port = self._ports[next(self._turns) % len(self._ports)]
            with suppress(OSError):
                back, forth = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_copy(reader, forth), _copy(back, writer))
                return
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()


@contextmanager
def balancing(ports: list[int]) -> Iterator[str]:
    """Balance between ports of this machine while the body runs; yields the address."""
    balancer, ready = _Balancer(ports), threading.Event()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(balancer.serve(ready, ended)), daemon=True
    )
    thread.start()
    ready.wait(30)
    try:
        yield f"http://127.0.0.1:{balancer.port}"
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
