"""Whether the store answers, asked once for all who poll."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_KEPT_SECONDS = 3.0
_log = logging.getLogger(__name__)


class StoreReadiness:
    """What the store answered last; asked again after three seconds, by one thread at a time.

    Args:
        check: Raises OSError where the store does not answer; has to end by itself, soon.
        clock: Seconds that only rise.
    """

    def __init__(
        self, check: Callable[[], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._check = check
        self._clock = clock
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._answers = False

    def answers(self) -> bool:
        """Say whether the store answers, or did a moment ago."""
        with self._lock:
            if self._clock() >= self._until:
                self._answers = self._ask()
                self._until = self._clock() + _KEPT_SECONDS
            return self._answers

    def _ask(self) -> bool:
        try:
            self._check()
        except OSError as error:
            _log.warning("the store does not answer: %s", error)
            return False
        return True
