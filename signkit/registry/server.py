"""The server process: one socket, one event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI

from signkit.errors import RegistryError, UsageError
from signkit.registry.app import create_app
from signkit.registry.footing import open_parts
from signkit.registry.log import Log, LogHandler
from signkit.registry.metrics import serving_metrics
from signkit.registry.settings import Settings
from signkit.registry.tls import open_tls, renew_tls
from signkit.registry.wire import WireProtocol

_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 60
_BACKLOG = 1024
_ALLOCATIONS_BETWEEN_COLLECTIONS = 5_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a server that accepts connections says.

    Attributes:
        url: How it is reached.
        data: Its data folder.
        pid: Its process.
        metrics: Where its metrics are, or None.
    """

    url: str
    data: str
    pid: int
    metrics: str | None


def check_host(host: str, *, insecure: bool) -> None:
    """Refuse to listen where others on the network could read along.

    Args:
        host: Where to listen.
        insecure: Whether plain HTTP was asked for; also where there is TLS.

    Raises:
        UsageError: the host is not a loopback address, and plain HTTP was not asked for.
    """
    if insecure or _is_loopback(host):
        return
    message = f"refusing to serve plain http on {host}: tokens and content would travel unencrypted"
    hint = (
        "give --tls-certificate, serve on 127.0.0.1 behind a proxy that speaks TLS (with"
        " --public-url), or accept the risk with --insecure-http"
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
    log = Log(settings.log_path)
    logging.basicConfig(level=logging.WARNING, handlers=[LogHandler(log)])
    with open_parts(settings) as parts, _listen(host, port) as listener, ExitStack() as stack:
        app = create_app(parts, log)
        metrics = stack.enter_context(
            serving_metrics(app.state.metrics, settings.metrics_host, settings.metrics_port)
        )
        server = _Server(app, settings, announce=lambda: announce(ready))
        # What is there now stays: the collector need not look at it again and again. It looks at a
        # little often, where commands have it look at much and rarely: every answer waits for it.
        gc.freeze()
        gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
        url = settings.public_url or _url(listener, secure=settings.tls is not None)
        ready = Ready(url=url, data=str(parts.settings.data), pid=os.getpid(), metrics=metrics)
        server.run(sockets=[listener])


def _configure(app: FastAPI, settings: Settings) -> uvicorn.Config:
    tls = None if settings.tls is None else open_tls(settings.tls)
    config = uvicorn.Config(
        app,
        http=WireProtocol,
        loop="signkit.registry.tls:Loop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # Headers that anybody can send say nothing, unless a proxy that is named sends them.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    config.load()
    return config


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


def _url(listener: socket.socket, *, secure: bool) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn, which says when it is ready and ends quietly when it is told to stop."""

    def __init__(self, app: FastAPI, settings: Settings, *, announce: Callable[[], None]) -> None:
        super().__init__(_configure(app, settings))
        self._app = app
        self._settings = settings
        self._announce = announce
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop: not ready from now on, and after the drain no connection is accepted.

        A second signal ends the drain.
        """
        first = not self._app.state.stopping
        self._app.state.stopping = True
        if first and self._loop is not None and self._settings.drain_seconds:
            later = (self._settings.drain_seconds, super().handle_exit, sig, frame)
            self._loop.call_soon_threadsafe(self._loop.call_later, *later)
        else:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if self.config.ssl is not None:
            self._loop.add_signal_handler(signal.SIGHUP, self._renew)
        self._announce()

    def _renew(self) -> None:
        """Read the certificate anew; a bad one is said, and the old one stays."""
        if self._settings.tls is not None and self.config.ssl is not None:
            try:
                renew_tls(self.config.ssl, self._settings.tls)
            except RegistryError as error:
                _log.error("%s; the certificate of before stays in use", error)

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
