"""What every request and answer passes through, whatever the route.

Gives each request an id, collapses slashes that a base URL left in the path, sends the security
headers, and writes the access log.
"""

from __future__ import annotations

import re
import secrets
import string
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from signkit.registry.access_log import AccessLog

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 20
_EXCHANGE = "signkit.exchange"
_SLASHES = re.compile("//+")
# Of every answer that says nothing else itself.
_DEFAULTS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def note_bytes(request: Request, size: int) -> None:
    """Say how long the body was, where it was not received through the framework."""
    exchange = request.scope.get(_EXCHANGE)
    if isinstance(exchange, _Exchange):
        exchange.bytes_in = size


class Edge:
    """The outermost layer.

    Args:
        app: What is inside.
        log: Gets a line for each request.
    """

    def __init__(self, app: ASGIApp, *, log: AccessLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # http://host//artifacts is what a base URL with a trailing slash makes (contract 1.1).
        scope["path"] = _SLASHES.sub("/", scope["path"])
        exchange = _Exchange(receive, send)
        scope[_EXCHANGE] = exchange
        started = time.perf_counter()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            details = (
                f"in={exchange.bytes_in} out={exchange.bytes_out} ms={milliseconds:.1f}"
                f" id={exchange.identity}"
            )
            self._log.write(scope["method"], scope["path"], exchange.status, details=details)


class _Exchange:
    """One request and its answer, counted on their way through."""

    __slots__ = ("_receive", "_send", "bytes_in", "bytes_out", "identity", "status")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.bytes_in = self.bytes_out = self.status = 0
        self.identity = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            given = {name for name, _ in headers}
            headers += [(name, value) for name, value in _DEFAULTS if name not in given]
            headers.append((b"peridio-request-id", self.identity.encode("ascii")))
            message = {**message, "headers": headers}
        else:
            self.bytes_out += len(message.get("body", b""))
        await self._send(message)
