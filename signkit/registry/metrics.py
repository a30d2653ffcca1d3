"""What is counted, for Prometheus; the one door to its client library.

Everything is counted for the whole process, over all organizations, and carries no name that a
client gave: routes, not paths. So the page may be read by whoever watches the machine, on an
address of its own, and by no client of the registry.

Spec: docs/formats/registry-protocol.md section 10.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.process_collector import ProcessCollector

from signkit.errors import RegistryError

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "signkit_requests",
            "Requests answered; status 0: the client went away before.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "signkit_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._bytes = Counter(
            "signkit_body_bytes",
            "Bytes of bodies.",
            ("direction", "route"),
            registry=self.registry,
        )
        self._underway = Gauge(
            "signkit_requests_underway", "Requests being served.", registry=self.registry
        )
        # Looked for once: there are as many as routes, times methods and statuses.
        self._of = cache(self._children)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Count a request as being served while the block runs."""
        with self._underway.track_inprogress():
            yield

    def count(
        self, method: str, route: str, status: int, *, seconds: float, received: int, sent: int
    ) -> None:
        """Count one request.

        Args:
            method: Of the request.
            route: The pattern that matched its path, not the path.
            status: Of the answer, 0 where there was none.
            seconds: How long it took.
            received, sent: Bytes of the bodies.
        """
        known = method if method in _METHODS else "other"
        requests, took, bytes_in, bytes_out = self._of(known, route, status)
        requests.inc()
        took.observe(seconds)
        bytes_in.inc(received)
        bytes_out.inc(sent)

    def _children(
        self, method: str, route: str, status: int
    ) -> tuple[Counter, Histogram, Counter, Counter]:
        return (
            self._requests.labels(method, route, status),
            self._seconds.labels(method, route),
            self._bytes.labels("in", route),
            self._bytes.labels("out", route),
        )


@contextmanager
def serving_metrics(metrics: Metrics, host: str, port: int | None) -> Iterator[str | None]:
    """Serve the page in a thread while the block runs.

    Args:
        metrics: What is counted.
        host: Where to listen.
        port: Where to listen, 0 takes a free port; None: nowhere.

    Yields:
        Its URL, or None.

    Raises:
        RegistryError: the address cannot be listened on.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        message = f"cannot serve metrics on {host} port {port}: {error.strerror or error}"
        raise RegistryError(message, hint="choose another with --metrics-port") from error
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
