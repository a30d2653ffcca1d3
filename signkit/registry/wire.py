"""Uvicorn's HTTP protocol, which can lend its socket to a thread while a large body arrives.

Through the event loop a body passes in pieces of 64 KiB, each of which wakes the loop and waits
for the interpreter lock: four senders then reach a quarter of what blocking threads reach. So a
request handler may borrow the socket: the loop stops reading, a thread receives exactly the bytes
that are left of the body, and the loop goes on with whatever follows them. The parser is replaced
by a new one, since the old one would still wait for the body.

It leans on uvicorn's inside (`flow`, `cycle`, `parser`), which the lock file pins; where anything
is not as expected nothing is lent, and the body takes the ordinary way.

Controls: SK-REGISTRY-WIRE (docs/design/assurance.md).
"""

from __future__ import annotations

import json
import os
import select
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import MutableMapping

_EXTENSION = "signkit.protocol"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SLICE_MILLISECONDS = 500
HEAD_SIZE = 64 * 1024
FIELD_COUNT = 100


class WireProtocol(HttpToolsProtocol):
    """The protocol of one connection.

    It refuses what the framework would never see or would take: a head that is too large, has too
    many fields or takes too long, and a request that names no host, or two.
    """

    head_seconds = 10.0
    _head_size = _field_count = 0
    _timer: asyncio.TimerHandle | None = None
    _refusal = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, and wait for its first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._head_arrived()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _head_arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._refusal = HTTPStatus.REQUEST_TIMEOUT
        self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin a request: nothing of its head was seen yet."""
        self._head_size = self._field_count = 0
        self._await_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request line, which the parser itself does not bound."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._field_count += 1
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_SIZE or self._field_count > FIELD_COUNT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _refuse(self, status: HTTPStatus) -> NoReturn:
        # The parser stops, and uvicorn asks for the answer below and closes the connection.
        self._refusal = status
        raise httptools.HttpParserError(status.phrase)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (what uvicorn would say)
        """Refuse what is no request, in the one shape that refusals have, and close."""
        detail = self._refusal.phrase.lower()
        body = json.dumps({"errors": {"detail": detail}}, separators=(",", ":"))
        head = (
            f"HTTP/1.1 {self._refusal.value} {self._refusal.phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.transport.write("\r\n".join([*head, "", body]).encode("ascii"))
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Let the request that begins know whose it is."""
        self._head_arrived()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refuse(HTTPStatus.BAD_REQUEST)  # RFC 9112 section 3.2
        if self.parser.get_method() == b"CONNECT":
            self._refuse(HTTPStatus.BAD_REQUEST)
        super().on_headers_complete()
        scope: dict[str, Any] = self.cycle.scope  # type: ignore[assignment]
        scope["extensions"] = {_EXTENSION: self}

    def lend(self, scope: object, size: int) -> Loan | None:
        """Lend the socket to the handler of the request whose body is arriving.

        Args:
            scope: The request's.
            size: Bytes of the whole body, as its content-length says.

        Returns:
            The loan, or None where the body has to take the ordinary way.
        """
        cycle, transport = self.cycle, self.transport
        plain = transport.get_extra_info("sslcontext") is None
        current = cycle.scope is scope and not self.pipeline
        if not plain or not current or cycle.disconnected or transport.is_closing():
            return None
        if transport.get_write_buffer_size() or len(cycle.body) >= size:
            return None
        self.flow.pause_reading()
        if cycle.waiting_for_100_continue:
            transport.write(_CONTINUE)
            cycle.waiting_for_100_continue = False
        begun, cycle.body = bytes(cycle.body), bytearray()
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        return Loan(self, socket.socket(fileno=descriptor), begun, size - len(begun))

    def take_back(self, *, whole: bool) -> None:
        """Take the socket back.

        Args:
            whole: Whether the body was received to its end. If not, the connection is closed
                with the answer: what would come next is not the beginning of a request.
        """
        self.cycle.more_body = False
        if whole:
            self.parser = httptools.HttpRequestParser(self)
        else:
            self.cycle.keep_alive = False


class Loan:
    """A socket on loan, with what is left of one body."""

    def __init__(
        self, protocol: WireProtocol, lent: socket.socket, begun: bytes, left: int
    ) -> None:
        self.begun = begun
        self._protocol = protocol
        self._socket = lent
        self._left = left
        self._poll = select.poll()
        self._poll.register(lent, select.POLLIN)
        self._stopped = False

    @property
    def left(self) -> int:
        """Bytes of the body that were not received yet."""
        return self._left

    def receive_into(self, view: memoryview, seconds: float) -> int:
        """Fill a buffer with the next bytes of the body; blocks, so it is for threads.

        Args:
            view: The buffer.
            seconds: How long to wait for the next byte.

        Returns:
            The bytes received; fewer than fit only at the end of the body.

        Raises:
            TimeoutError: nothing arrived for that long.
            ConnectionError: the sender went away, or `stop` was called.
        """
        wanted = min(len(view), self._left)
        filled = 0
        while filled < wanted:
            try:
                count = self._socket.recv_into(view[filled:wanted], 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait(seconds)
                continue
            if not count:
                message = "the sender went away"
                raise ConnectionAbortedError(message)
            filled += count
        self._left -= filled
        return filled

    def _wait(self, seconds: float) -> None:
        left = int(seconds * 1000)
        while not self._poll.poll(min(left, _SLICE_MILLISECONDS)):
            left -= _SLICE_MILLISECONDS
            if self._stopped:
                message = "the server stops"
                raise ConnectionAbortedError(message)
            if left <= 0:
                raise TimeoutError

    def stop(self) -> None:
        """Make a thread that waits for bytes give up soon."""
        self._stopped = True

    def end(self) -> None:
        """Give the socket back; called in the event loop, when no thread uses it any more."""
        self._socket.close()
        self._protocol.take_back(whole=self._left == 0)


def borrow(scope: MutableMapping[str, object], size: int) -> Loan | None:
    """Borrow the socket of a request, or return None where there is none to be had."""
    extensions = scope.get("extensions")
    protocol = extensions.get(_EXTENSION) if isinstance(extensions, dict) else None
    return protocol.lend(scope, size) if isinstance(protocol, WireProtocol) else None
