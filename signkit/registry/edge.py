"""What every request and answer passes through, whatever the route.

Gives each request an id, collapses slashes that a base URL left in the path, sends the security
headers, counts, and writes the log.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING

from signkit.registry.log import current_request
from signkit.registry.tracing import trace_of_request

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from signkit.registry.log import Log
    from signkit.registry.metrics import Metrics

_ID_SIZE = 10  # 20 digits
_GIVEN_IDS = (b"peridio-request-id", b"x-request-id")
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_EXCHANGE = "signkit.exchange"
_SLASHES = re.compile("//+")
_PATH_LENGTH = 300
# Of every answer that says nothing else itself.
_DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_NO_ROUTE = "none"


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
        metrics: Counts it.
    """

    def __init__(self, app: ASGIApp, *, log: Log, metrics: Metrics) -> None:
        self._app = app
        self._log = log
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # http://host//artifacts is what a base URL with a trailing slash makes (contract 1.1).
        scope["path"] = _SLASHES.sub("/", scope["path"])
        exchange = _Exchange(receive, send, identity=_identify(scope))
        scope[_EXCHANGE] = exchange
        current_request.set(exchange.identity)
        started = time.perf_counter()
        try:
            with self._metrics.serving():
                await self._app(scope, exchange.receive, exchange.send)
        finally:
            self._note(scope, exchange, time.perf_counter() - started)

    def _note(self, scope: Scope, exchange: _Exchange, seconds: float) -> None:
        method, status = scope["method"], exchange.status
        received, sent = exchange.bytes_in, exchange.bytes_out
        route = getattr(scope.get("route"), "path", _NO_ROUTE)
        self._metrics.count(method, route, status, seconds=seconds, received=received, sent=sent)
        client = scope.get("client")
        caller = scope.get("state", {}).get("caller")
        fields = {
            "id": exchange.identity,
            "trace": trace_of_request(),
            "client": client and client[0],
            "organization": caller and str(caller.organization),
            "token": caller and caller.token,
            "method": method,
            "path": scope["path"][:_PATH_LENGTH],
            "status": status,
            "in": received,
            "out": sent,
            "ms": round(seconds * 1000, 1),
        }
        self._log.write("request", fields)


def _identify(scope: Scope) -> str:
    """Return the id that the client gave the request, where it is one, or a new one."""
    for name, value in scope["headers"]:
        if name in _GIVEN_IDS and _GIVEN_ID.fullmatch(value):
            given: str = value.decode("ascii")
            return given
    return secrets.token_hex(_ID_SIZE)


class _Exchange:
    """One request and its answer, counted on their way through."""

    __slots__ = ("_receive", "_send", "bytes_in", "bytes_out", "identity", "status")

    def __init__(self, receive: Receive, send: Send, *, identity: str) -> None:
        self._receive = receive
        self._send = send
        self.bytes_in = self.bytes_out = self.status = 0
        self.identity = identity

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
