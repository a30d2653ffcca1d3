"""Bytes to a server and back, with no HTTP library in between."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What came back.

    Attributes:
        status: Of the first answer; 0 where there was none.
        head: The first answer's, without its status line.
        body: What followed.
        answers: How many there were.
        closed: Whether the server closed the connection before a whole answer was there.
    """

    status: int
    head: bytes
    body: bytes
    answers: int
    closed: bool


class Wire:
    """One connection."""

    def __init__(self, url: str, *, seconds: float = 5.0) -> None:
        parts = urlsplit(url)
        self._seconds = seconds
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=seconds)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def answer(self) -> Raw:
        """Read until a whole answer is there, or the server closes, or nothing comes any more."""
        got, closed = b"", False
        self._socket.settimeout(self._seconds)
        with suppress(TimeoutError):
            while not _is_whole(got):
                try:
                    piece = self._socket.recv(65536)
                except ConnectionError:
                    piece = b""
                closed = not piece
                if closed:
                    break
                got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        line, _, head = head.partition(b"\r\n")
        status = int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0
        answers = got.count(b"HTTP/1.1 ")
        return Raw(status=status, head=head.lower(), body=body, answers=answers, closed=closed)

    def is_closed(self) -> bool:
        """Wait for the server to close the connection, and say whether it did."""
        try:
            return not self._socket.recv(1)
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def close(self) -> None:
        """Close it."""
        self._socket.close()


def _is_whole(got: bytes) -> bool:
    head, end, body = got.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(body) >= int(value)
    return head.split()[1] in {b"100", b"204", b"304"}
