"""A forwarder that knows which parts were acknowledged, before the client does.

It stands between client and registry, on an address that stays while the registry is killed and
started again. Of the HTTP that passes it reads two things: which part a PUT is for, and whether
the answer to it begins with 200. Neither side pipelines, so the two belong together.
"""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress

_PUT = re.compile(rb"PUT /+upload/[^/ ]+/([^/ ]+)/(\d+)[? ]")
_BUFFER = 256 * 1024


class RecordingProxy:
    """Forwards connections to where the registry is now.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        target: The registry's port; it is set anew after each start.
        acknowledged: Binary's id and part index of each part that was acknowledged.
    """

    def __init__(self) -> None:
        self.target = 0
        self.acknowledged: set[tuple[str, int]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nothing more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:  # it is down: the client sees a connection that breaks
            client.close()
            return
        server.settimeout(None)
        connection = _Connection(client, server, self.acknowledged)
        threading.Thread(target=connection.upwards, daemon=True).start()
        connection.downwards()


class _Connection:
    def __init__(
        self, client: socket.socket, server: socket.socket, acknowledged: set[tuple[str, int]]
    ) -> None:
        self._client = client
        self._server = server
        self._acknowledged = acknowledged
        self._part: tuple[str, int] | None = None

    def upwards(self) -> None:
        """Forward what the client sends."""
        with suppress(OSError):
            while data := self._client.recv(_BUFFER):
                if put := _PUT.match(data):
                    self._part = (put.group(1).decode(), int(put.group(2)))
                self._server.sendall(data)
        self._end()

    def downwards(self) -> None:
        """Forward what the registry answers; what it acknowledges is noted first."""
        with suppress(OSError):
            while data := self._server.recv(_BUFFER):
                if self._part is not None and data.startswith(b"HTTP/1.1 "):
                    if data.startswith(b"HTTP/1.1 200"):
                        self._acknowledged.add(self._part)
                    self._part = None
                self._client.sendall(data)
        self._end()

    def _end(self) -> None:
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
