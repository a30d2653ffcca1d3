"""Something that several threads need and one of them makes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

from signkit.errors import SignkitError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Values by key: each is made by the first thread that asks, while the others wait for it."""

    def __init__(self) -> None:
        self._made: dict[K, Future[V]] = {}
        self._lock = Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key, making it if need be.

        A failure is that of everybody who waited; who asks later has it made again.

        Raises:
            SignkitError: whatever make raises.
        """
        with self._lock:
            future = self._made.get(key)
            mine = future is None
            if future is None:
                future = self._made[key] = Future()
        if mine:
            try:
                future.set_result(make())
            except SignkitError as error:
                with self._lock:
                    del self._made[key]
                future.set_exception(error)
                raise
            finally:
                future.cancel()  # nothing where it is done; else nobody waits for ever
        return future.result()
