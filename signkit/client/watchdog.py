"""One thread that ends whatever takes too long.

Most of what is watched ends in time, so the thread sleeps until the earliest deadline that there
was, and is woken early only for an earlier one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watchdog:
    """Calls back when something is not done in time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: dict[object, tuple[float, Callable[[], None]]] = {}
        self._looks_at = math.inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, seconds: float, expire: Callable[[], None]) -> Iterator[None]:
        """Watch the body.

        Args:
            seconds: How long it may take.
            expire: Called once where it takes longer, from another thread, and never after the body
                is left. Must be quick.
        """
        token, deadline = object(), time.monotonic() + seconds
        with self._changed:
            self._watched[token] = (deadline, expire)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            if deadline < self._looks_at:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watched.pop(token, None)

    def close(self) -> None:
        """End the thread; nothing may be watched any more."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while self._thread is threading.current_thread():
                now = time.monotonic()
                for token, (deadline, expire) in tuple(self._watched.items()):
                    if deadline <= now:
                        del self._watched[token]
                        expire()
                self._looks_at = min((each for each, _ in self._watched.values()), default=math.inf)
                self._changed.wait(None if self._looks_at == math.inf else self._looks_at - now)
