"""One exchange over HTTP/1.1, bounded in time and memory. The only module that knows httpx.

It speaks through httpx's transport, which follows no redirect, keeps no cookie and reads nothing
from the environment: no proxy, no netrc, no key log. Every exchange has a timeout for each phase
and a deadline in all: a watchdog shuts the connection down when it is over, because a peer that
sends one byte now and then never runs into a timeout. An answer is read up to a limit and never
unpacked.

An exchange is tried once; `client/retry.py` tries again. Nothing here is printed or logged, and
no message holds a query or a header that was sent.

Controls: SK-CLIENT-BOUNDED (docs/design/assurance.md).
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol, runtime_checkable

import httpx

from signkit.client.address import Address
from signkit.client.watchdog import Watchdog
from signkit.errors import (
    ConnectError,
    DeadlineError,
    FileError,
    ReplyTooLargeError,
    TransportError,
)

REPLY_SIZE = 16 * 1024 * 1024
_PHASES = {
    "connection.connect_tcp.started": "connecting",
    "connection.start_tls.started": "in the TLS handshake",
    "http11.send_request_headers.started": "sending the request",
    "http11.receive_response_headers.started": "waiting for the answer",
    "http11.receive_response_body.started": "reading the answer",
}
_CONNECTED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})
_SLOW = "the network or the registry is too slow; run the command again, it goes on where it was"
_RETRY_AFTER_DIGITS = 9
# How OpenSSL says that the other side speaks no TLS, or none that is allowed here.
_NO_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)


@runtime_checkable
class _Stream(Protocol):
    """What httpx says of a connection (its extension `network_stream`)."""

    def get_extra_info(self, info: str) -> Any: ...  # noqa: ANN401


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long one step of an exchange may take without progress, in seconds."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, whole.

    Attributes:
        status: The HTTP status.
        kind: The media type that the answer claims, without parameters; empty for none.
        retry_after: Seconds to wait before asking again, as the answer says; None if it does not.
        body: At most REPLY_SIZE bytes, as they came.
        etag, content_range, location: These headers, as they came; empty for none.
    """

    status: int
    kind: str
    retry_after: float | None
    body: bytes
    etag: str = ""
    content_range: str = ""
    location: str = ""


class Http:
    """Connections to the registry and the hosts beside it, one set for each thread."""

    def __init__(self, *, ca_file: Path | None = None, timeouts: Timeouts | None = None) -> None:
        """Prepare to connect.

        Args:
            ca_file: PEM of the only roots trusted, for every host alike; None for the system's.
            timeouts: For each phase of an exchange.

        Raises:
            FileError: ca_file cannot be read, or holds no certificate.
        """
        self._context = _tls_context(ca_file)
        self._has_roots = ca_file is not None
        self._timeouts = timeouts or Timeouts()
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._exchanges: set[_Exchange] = set()
        self._watchdog = Watchdog()
        self._aborted = False

    def send(
        self,
        method: str,
        address: Address,
        *,
        headers: Mapping[str, str],
        content: bytes | Iterable[bytes] = b"",
        seconds: float,
        what: str,
    ) -> Reply:
        """Send one request and read the answer to its end, whatever its status.

        Args:
            method: Such as `GET`.
            address: Where to.
            headers: All but `host`. With an iterable content, `content-length` too.
            content: The body; an iterable is sent piece by piece.
            seconds: The deadline of the whole exchange.
            what: What is asked, for messages.

        Raises:
            ConnectError: no connection, or it broke; retryable unless the peer is not authentic.
            DeadlineError: a phase or the whole took too long; the message names the phase.
            ReplyTooLargeError: the answer is longer than REPLY_SIZE.
            TransportError: the answer is not HTTP as it must be, or compressed.
        """
        if address.scheme == "https":
            self._load_roots()
        line = self._line()
        exchange = _Exchange(what, line, timeouts=self._timeouts, seconds=seconds)
        exchange.stream = line.streams.get((address.host, address.port))
        request = httpx.Request(
            method,
            _url(address),
            headers={"accept-encoding": "identity", "user-agent": "signkit", **headers},
            content=content or None,
            extensions=exchange.extensions(address),
        )
        with self._watched(exchange), exchange.translated():
            response = line.transport.handle_request(request)
            try:
                return exchange.read(response)
            finally:
                response.close()

    def abort(self) -> None:
        """Break every exchange in flight and refuse new ones. Callable from any thread."""
        with self._lock:
            self._aborted = True
            exchanges = tuple(self._exchanges)
        for exchange in exchanges:
            exchange.cut()

    def resume(self) -> None:
        """Allow exchanges again."""
        with self._lock:
            self._aborted = False

    def close(self) -> None:
        """Close every connection; no exchange may be in flight."""
        self._watchdog.close()
        with self._lock:
            for line in self._lines:
                line.transport.close()
            self._lines.clear()
            self._thread = threading.local()

    @contextmanager
    def _watched(self, exchange: _Exchange) -> Iterator[None]:
        with self._lock:
            if self._aborted:
                message = f"{exchange.what}: stopped"
                raise ConnectError(message)
            self._exchanges.add(exchange)
        try:
            with self._watchdog.watching(exchange.seconds, exchange.expire):
                yield
        finally:
            with self._lock:
                self._exchanges.discard(exchange)

    def _load_roots(self) -> None:
        """Load the system's roots before they are first needed: on loopback they never are."""
        with self._lock:
            if not self._has_roots:
                self._context.load_default_certs()
                self._has_roots = True

    def _line(self) -> _Line:
        line: _Line | None = getattr(self._thread, "line", None)
        if line is None:
            line = _Line(self._context)
            self._thread.line = line
            with self._lock:
                self._lines.append(line)
        return line


class _Line:
    """One thread's connections: one for each host, used by nobody else.

    Attributes:
        transport: Opens and reuses them.
        streams: The one in use for each host and port, for the watchdog to shut.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.transport = httpx.HTTPTransport(verify=context, trust_env=False, retries=0)
        self.streams: dict[tuple[str, int], object] = {}


class _Exchange:
    """One exchange: its phase, its connection, and what ends it early."""

    def __init__(self, what: str, line: _Line, *, timeouts: Timeouts, seconds: float) -> None:
        self.what = what
        self.seconds = max(seconds, 0.001)
        self.stream: object = None
        self._line = line
        self._timeouts = timeouts
        self._phase = "connecting"
        self._expired = False
        self._cut = False

    def extensions(self, address: Address) -> dict[str, object]:
        """Return what httpx is to be told: the timeouts, and whom to tell of the phases."""
        origin = (address.host, address.port)

        def trace(event: str, info: Mapping[str, object]) -> None:
            self._phase = _PHASES.get(event, self._phase)
            if event in _CONNECTED:
                self.stream = self._line.streams[origin] = info["return_value"]

        limits = self._timeouts
        timeout = {"connect": limits.connect, "read": limits.read, "write": limits.write}
        return {
            "trace": trace,
            "timeout": {name: min(most, self.seconds) for name, most in timeout.items()},
        }

    def expire(self) -> None:
        """End the exchange because its time is over."""
        self._expired = True
        self.cut()

    def cut(self) -> None:
        """End the exchange: whoever waits on its connection wakes up."""
        self._cut = True
        if isinstance(self.stream, _Stream):
            with suppress(OSError):
                # Not the TLS socket's own method, which is not safe beside a reader.
                socket.socket.shutdown(self.stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def read(self, response: httpx.Response) -> Reply:
        """Read an answer to its end."""
        encoding = response.headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            message = f"{self.what}: the answer is compressed, which was not asked for"
            raise TransportError(message)
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > REPLY_SIZE:
                message = f"{self.what}: the answer is longer than {REPLY_SIZE} bytes"
                raise ReplyTooLargeError(message)
        if self._cut:  # a body without a length ends wherever the connection does
            self._fail("the connection was cut")
        return Reply(
            status=response.status_code,
            kind=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            retry_after=read_retry_after(response.headers.get("retry-after")),
            body=bytes(body),
            etag=response.headers.get("etag", ""),
            content_range=response.headers.get("content-range", ""),
            location=response.headers.get("location", ""),
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise what httpx raises as signkit's errors."""
        try:
            yield
        except httpx.TimeoutException as error:
            message = f"{self.what}: no progress in time while {self._phase}"
            raise DeadlineError(message, hint=_SLOW, retryable=True) from error
        except httpx.HTTPError as error:
            refused = _find_cause(error, ssl.SSLCertVerificationError)
            if isinstance(refused, ssl.SSLCertVerificationError):
                message = f"{self.what}: the host is not authentic: {refused.verify_message}"
                hint = "if its certificate is of your own authority, give --ca-file"
                raise ConnectError(message, hint=hint) from error
            broken = _find_cause(error, ssl.SSLError)
            if isinstance(broken, ssl.SSLError) and broken.reason in _NO_TLS:
                message = f"{self.what}: the host does not speak TLS 1.2 or newer"
                hint = "is that the port for https? where the registry has none, begin with http://"
                raise ConnectError(message, hint=hint) from error
            self._fail(_reason(error), error)

    def _fail(self, reason: str, cause: Exception | None = None) -> NoReturn:
        if self._expired:
            message = f"{self.what}: not done after {self.seconds:.3g} s, {self._phase}"
            raise DeadlineError(message, hint=_SLOW, retryable=True) from cause
        if self._cut:
            message = f"{self.what}: stopped"
            raise ConnectError(message) from cause
        unknown = isinstance(_find_cause(cause, socket.gaierror), socket.gaierror)
        message = f"{self.what}: {reason}, {self._phase}"
        hint = "is the registry running, and is its address right?"
        raise ConnectError(message, hint=hint, retryable=not unknown) from cause


def _reason(error: httpx.HTTPError) -> str:
    system = _find_cause(error, OSError)
    text = system.strerror if isinstance(system, OSError) else None
    return (text or str(error) or type(error).__name__).lower().rstrip(".")


def _find_cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the first error of a kind in the chain behind an error."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def read_retry_after(text: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header (RFC 9110 section 10.2.3).

    Args:
        text: Seconds or an HTTP date; None where there is no such header.
        now: For tests; the clock's otherwise.

    Returns:
        Seconds from now, at least 0; None for anything unreadable.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_RETRY_AFTER_DIGITS])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second: a number that no date can hold
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def _url(address: Address) -> httpx.URL:
    target = address.path or "/"
    if address.query:
        target += f"?{address.query}"
    return httpx.URL(
        scheme=address.scheme,
        host=address.host,
        port=address.port,
        raw_path=target.encode("ascii"),
    )


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the TLS rules: 1.2 or newer, names checked, the environment's key log ignored.

    Without a file no root is trusted yet, so nobody is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as error:
        message = f"certificate file {ca_file} holds no PEM certificate"
        raise FileError(message) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"certificate file {ca_file} cannot be read: {reason}"
        raise FileError(message) from error
    return context
