"""A host of content on the loopback address: honest with ranges, until it is told otherwise."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Lie = Callable[["Asked", "Said"], "Said"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: how many came before it, its path, the range and every header."""

    number: int
    path: str
    first: int
    last: int
    headers: dict[str, str]


@dataclass(kw_only=True)
class Said:
    """One answer; `cut` ends the connection after so many bytes of the body, `slow` dribbles it."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: int | None = None
    slow: bool = False


@dataclass(kw_only=True)
class ContentHost:
    """What is served, what was asked, and how it lies."""

    url: str
    content: bytes
    asked: list[Asked] = field(default_factory=list)
    lie: Lie = lambda _asked, said: said
    stopped: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: Asked) -> Said:
        first, last = asked.first, min(asked.last, len(self.content) - 1)
        body = self.content[first : last + 1]
        headers = {
            "etag": '"1"',
            "content-range": f"bytes {first}-{last}/{len(self.content)}",
            "content-length": str(len(body)),
        }
        return self.lie(asked, Said(status=206, headers=headers, body=body))


@contextmanager
def content_host(content: bytes) -> Iterator[ContentHost]:
    """Serve content while the body runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            matched = re.fullmatch("bytes=([0-9]+)-([0-9]+)", self.headers.get("range", ""))
            first, last = map(int, matched.groups()) if matched else (0, len(content) - 1)
            asked = Asked(
                number=len(host.asked),
                path=self.path,
                first=first,
                last=last,
                headers={name.lower(): value for name, value in self.headers.items()},
            )
            host.asked.append(asked)
            self._say(host.answer(asked))

        def _say(self, said: Said) -> None:
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if said.slow:
                for place in range(len(said.body)):
                    if host.stopped.wait(0.05):
                        return
                    self.wfile.write(said.body[place : place + 1])
                    self.wfile.flush()
                return
            self.wfile.write(said.body[: said.cut])
            if said.cut is not None:
                self.close_connection = True

        def log_message(self, *_arguments: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # the client has seen enough
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    host = ContentHost(url=f"http://127.0.0.1:{server.server_address[1]}", content=content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield host
    finally:
        host.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
