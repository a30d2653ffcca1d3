"""How far a transfer has come, in lines: for where there is no terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from signkit.formats.content import Advance
from signkit.formats.display import counted, human_size

_SECONDS_BETWEEN_LINES = 10.0


class ProgressLines:
    """Progress as lines: how many files are done, how much was sent, how fast, how long it takes.

    Args:
        label: What is being done.
        total: Bytes of all files.
        count: How many files.
        say: Told each line.
    """

    def __init__(self, label: str, total: int, *, count: int, say: Callable[[str], None]) -> None:
        self._say = say
        self._label, self._total, self._count = label, total, count
        self._done = self._sent = 0
        self._began = self._said = time.monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def track(self, _name: str, _size: int) -> Iterator[Advance]:
        """Count a file."""
        yield self._advance
        with self._lock:
            self._done += 1

    def _advance(self, sent: int) -> None:
        with self._lock:
            self._sent += sent
            now = time.monotonic()
            if now - self._said < _SECONDS_BETWEEN_LINES:
                return
            self._said = now
            rate = self._sent / (now - self._began)
            left = f", {(self._total - self._sent) / rate:.0f} s left" if rate > 0 else ""
            self._say(
                f"{self._label}: {self._done} of {counted(self._count, 'file')} done,"
                f" {human_size(self._sent)} of {human_size(self._total)},"
                f" {human_size(int(rate))}/s{left}"
            )
