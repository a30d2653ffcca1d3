"""Trying again: which failures are worth it, how long to wait, and when to give up.

Only work that may be done twice is given to it: a read, a write that sets what is to be, or a
look-up followed by a creation, which looks again before it creates again. A failure is worth
another try when the error says so (`retryable`). The wait grows, with full jitter, and is never
shorter than what the peer asks for; where that is longer than the time that is left, there is no
point in waiting at all.

Spec: registry contract section 6, W23; docs/howto/resume-upload.md.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from signkit.errors import DeadlineError, StatusError, TransportError

T = TypeVar("T")
Say = Callable[[str], None]


class BusyError(StatusError):
    """An error status with a wait that the peer asks for, `retry_after` seconds."""

    def __init__(
        self, message: str, *, status: int, hint: str | None, retry_after: float | None
    ) -> None:
        super().__init__(message, status=status, hint=hint, retryable=True)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one step is tried.

    Attributes:
        attempts: Tries in all, at least 1.
        first_wait: Seconds; the second try waits up to this, and each further one up to twice
            as long.
        longest_wait: Seconds; no wait of our own choice is longer.
        total: Seconds for all tries and waits of one step together.
    """

    attempts: int = 12
    first_wait: float = 0.5
    longest_wait: float = 20.0
    total: float = 120.0


def make_patience(seconds: float) -> Patience:
    """Return a patience that lasts: as many tries as fill the time with its waits.

    Args:
        seconds: For one step in all. A wait is half the longest one in the mean.
    """
    least = Patience()
    attempts = max(least.attempts, math.ceil(2 * seconds / least.longest_wait))
    return replace(least, attempts=attempts, total=seconds)


class Retrier:
    """Runs steps until they succeed, are hopeless, or time is up; for all threads alike."""

    def __init__(
        self,
        patience: Patience,
        *,
        say: Say = lambda _text: None,
        deadline: float | None = None,
    ) -> None:
        """Take how long to try, who is told before each wait what failed, and when all ends.

        Args:
            patience: For each step.
            say: Told in a line.
            deadline: Seconds from now in which every step must be done; None for no such end.
        """
        self._patience = patience
        self._deadline = deadline
        self._end = math.inf if deadline is None else time.monotonic() + deadline
        self._say = say
        self._stop = threading.Event()
        self._step = threading.local()

    @property
    def seconds_left(self) -> float:
        """Seconds until the step that runs on this thread must be done."""
        until: float | None = getattr(self._step, "until", None)
        now = time.monotonic()
        left = self._patience.total if until is None else until - now
        return max(0.0, min(left, self._end - now))

    def run(self, work: Callable[[], T], *, seconds: float | None = None) -> T:
        """Run one step; a step within a step is part of it and not tried on its own.

        Args:
            work: May be done twice.
            seconds: For the step in all; the patience's total otherwise.

        Returns:
            What work returns.

        Raises:
            DeadlineError: the time for everything is over.
            TransportError: the last failure, when it is not worth another try.
            SignkitError: whatever else work raises, at once.
        """
        if getattr(self._step, "until", None) is not None:
            return work()
        total = self._patience.total if seconds is None else seconds
        total = min(total, self._end - time.monotonic())
        if total <= 0:
            message = f"not done after {self._deadline:g} s in all"
            hint = "run the command again, it goes on where it was; --deadline says how long"
            raise DeadlineError(message, hint=hint)
        self._step.until = time.monotonic() + total
        try:
            return self._retrying(total)(work)
        finally:
            self._step.until = None

    def halt(self) -> None:
        """End every wait, and try nothing again. Callable from any thread."""
        self._stop.set()

    def resume(self) -> None:
        """Wait and try again as before."""
        self._stop.clear()

    def pause(self, seconds: float) -> None:
        """Wait, unless or until everything stops.

        Raises:
            DeadlineError: everything stops.
        """
        if self._stop.wait(min(seconds, max(0.0, self._end - time.monotonic()))):
            message = "stopped while waiting"
            raise DeadlineError(message)

    def _retrying(self, total: float) -> Retrying:
        patience = self._patience
        grow = wait_random_exponential(multiplier=patience.first_wait, max=patience.longest_wait)
        return Retrying(
            retry=retry_if_exception(_is_retryable),
            wait=lambda state: max(grow(state), _asked_wait(state)),
            stop=(
                stop_after_attempt(patience.attempts)
                | stop_before_delay(total)
                | stop_when_event_set(self._stop)
            ),
            sleep=self.pause,
            before_sleep=self._announce,
            reraise=True,
        )

    def _announce(self, state: RetryCallState) -> None:
        self._say(f"{_failure(state)}; trying again in {state.upcoming_sleep:.1f} s")


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, TransportError) and error.retryable


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _asked_wait(state: RetryCallState) -> float:
    error = _failure(state)
    return error.retry_after or 0.0 if isinstance(error, BusyError) else 0.0
