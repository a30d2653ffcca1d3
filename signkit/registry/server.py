"""The server process: one socket, one event loop, until it is told to stop."""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from signkit.errors import RegistryError, UsageError
from signkit.registry.app import create_app
from signkit.registry.footing import open_parts
from signkit.registry.settings import Settings
from signkit.registry.wire import WireProtocol

_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 60
_BACKLOG = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a server that accepts connections says.

    Attributes:
        url: How it is reached.
        data: Its data folder or footing file.
        pid: Its process.
    """

    url: str
    data: str
    pid: int


def check_host(host: str, *, insecure: bool) -> None:
    """Refuse to listen where others on the network could read along.

    Raises:
        UsageError: the host is not a loopback address, and plain HTTP was not asked for.
    """
    if insecure or _is_loopback(host):
        return
    message = f"refusing to serve plain http on {host}: tokens and content would travel unencrypted"
    hint = (
        "serve on 127.0.0.1 behind a proxy that speaks TLS (with --public-url), or accept the"
        " risk with --insecure-http"
    )
    raise UsageError(message, hint=hint)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(settings: Settings, *, host: str, port: int, announce: Callable[[Ready], None]) -> None:
    """Serve until SIGTERM or SIGINT; parts that are on their way in are finished first.

    Args:
        settings: How to serve.
        host: Where to listen.
        port: Where to listen; 0 takes a free port.
        announce: Called once the server accepts connections.

    Raises:
        RegistryError, MalformedError: the footing is in use or cannot be used, or the address is
            taken.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with open_parts(settings) as parts, _listen(host, port) as listener:
        app = create_app(parts)
        config = uvicorn.Config(
            app,
            http=WireProtocol,
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            # --public-url says how clients reach a proxy, not a header that anybody can send.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        # What is there now stays: the collector need not look at it again and again.
        gc.freeze()
        url = settings.public_url or _url(listener)
        ready = Ready(url=url, data=str(parts.settings.data), pid=os.getpid())
        _Server(config, lambda: announce(ready)).run(sockets=[listener])


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is:
    # without it each answer waits 40 ms for the client's delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            message = f"cannot listen on {host} port {port}: {error.strerror or error}"
            raise RegistryError(message, hint="choose another with --port") from error
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn, which says when it is ready and ends quietly when it is told to stop."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals without raising them again at the end: a stop is not a failure."""
        signals = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self.handle_exit) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, before, strict=True):
                signal.signal(number, handler)
