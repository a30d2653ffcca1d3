"""Read a registry from many connections at once, in a process that costs little beside the server.

Requests are bytes made beforehand and sent over sockets that stay open; of an answer only the
status line and the length are looked at. Reads one JSON object from stdin:

    {"host": ..., "port": ..., "kinds": {"get": ["GET /... HTTP/1.1\\r\\n...", ...], ...},
     "readers": 32, "requests": 20000, "rate": 0}

With a rate of 0 each reader sends its next request as soon as it has its answer; else requests
begin at so many a second, whatever became of those before, and wait for a reader that is free:
that wait is part of how long they took. Writes {"seconds": ..., "kinds": {"get": [ms, ...]}}.
"""

from __future__ import annotations

import json
import random
import select
import socket
import sys
import time
from collections import deque
from itertools import cycle

_SIZE = 1 << 18


class _Reader:
    """One connection, with at most one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kind, self.began = "", 0.0
        self._got = b""

    def send(self, kind: str, request: bytes, began: float) -> None:
        """Begin a request."""
        self.kind, self.began, self._got = kind, began, b""
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what arrived; return whether the answer is whole."""
        self._got += self.socket.recv(_SIZE)
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return False
        start = self._got.lower().index(b"content-length:") + 15
        length = int(self._got[start : self._got.index(b"\r\n", start)])
        if len(self._got) < end + 4 + length:
            return False
        if not self._got.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"answered {self._got[:500]!r}")
        return True


def read(
    address: tuple[str, int],
    kinds: dict[str, list[str]],
    *,
    readers: int,
    requests: int,
    rate: float,
) -> dict[str, object]:
    """Send so many requests, of each kind in turn, and return how long each took."""
    # Seeded, so that each run asks for the same.
    chance = random.Random(1)
    encoded = {kind: [text.encode("ascii") for text in texts] for kind, texts in kinds.items()}
    order = cycle(encoded)
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    poll = select.epoll()
    idle = deque(_Reader(address) for _ in range(readers))
    by_number = {each.socket.fileno(): each for each in idle}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    begun = done = 0
    started = time.perf_counter()
    while done < requests:
        now = time.perf_counter()
        while begun < requests and idle:
            due = started + begun / rate if rate else now
            if due > now:
                break
            kind = next(order)
            idle.popleft().send(kind, chance.choice(encoded[kind]), due)
            begun += 1
        wait = started + begun / rate - time.perf_counter() if rate and idle else None
        for number, _ in poll.poll(None if wait is None or begun == requests else max(wait, 0)):
            reader = by_number[number]
            if reader.receive():
                took[reader.kind].append((time.perf_counter() - reader.began) * 1000)
                idle.append(reader)
                done += 1
    return {"seconds": time.perf_counter() - started, "kinds": took}


def main() -> None:
    """Read what to do from stdin, do it, and say how long everything took."""
    asked = json.load(sys.stdin)
    address = (asked.pop("host"), asked.pop("port"))
    json.dump(read(address, asked.pop("kinds"), **asked), sys.stdout)


if __name__ == "__main__":
    main()
