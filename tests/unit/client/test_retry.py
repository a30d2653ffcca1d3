from __future__ import annotations

import threading
import time

import pytest

from signkit.client.retry import BusyError, Patience, Retrier, make_patience
from signkit.errors import ConnectError, DeadlineError, StateError, StatusError

QUICK = Patience(attempts=4, first_wait=0.001, longest_wait=0.01, total=1.0)


class Work:
    """Fails so many times, then returns the number of tries."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> int:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.tries


def busy(retry_after: float | None = None) -> BusyError:
    return BusyError("busy", status=503, hint=None, retry_after=retry_after)


def test_tries_again_until_it_works():
    said: list[str] = []
    retrier = Retrier(QUICK, say=said.append)
    assert retrier.run(Work(busy(), ConnectError("cut", retryable=True))) == 3
    assert [line.split(";")[0] for line in said] == ["busy", "cut"]


@pytest.mark.parametrize(
    "error", [StateError("no"), ConnectError("no"), StatusError("no", status=401)]
)
def test_hopeless_failures_are_raised_at_once(error):
    work = Work(error)
    with pytest.raises(type(error)):
        Retrier(QUICK).run(work)
    assert work.tries == 1


def test_gives_up_after_the_attempts():
    work = Work(*(busy() for _ in range(9)))
    with pytest.raises(BusyError):
        Retrier(QUICK).run(work)
    assert work.tries == 4


def test_gives_up_before_the_total():
    patience = Patience(attempts=1000, first_wait=0.05, longest_wait=0.05, total=0.3)
    begun = time.monotonic()
    with pytest.raises(BusyError):
        Retrier(patience).run(Work(*(busy() for _ in range(1000))))
    assert time.monotonic() - begun < 0.5


@pytest.mark.parametrize("seconds", [1.0, 120.0, 1800.0, 86400.0])
def test_w23_there_are_tries_for_all_of_the_time(seconds):
    """Who gives a registry half an hour to come back is not let down after a minute."""
    patience = make_patience(seconds)
    assert patience.total == seconds
    assert patience.attempts * patience.longest_wait / 2 >= seconds


def test_waits_as_long_as_it_is_asked_to():
    begun = time.monotonic()
    assert Retrier(QUICK).run(Work(busy(0.2))) == 2
    assert time.monotonic() - begun >= 0.2


def test_f57_does_not_wait_ten_years():
    begun = time.monotonic()
    with pytest.raises(BusyError):
        Retrier(QUICK).run(Work(busy(10 * 365 * 86400.0)))
    assert time.monotonic() - begun < 0.5


def test_a_step_within_a_step_is_part_of_it():
    retrier = Retrier(QUICK)
    inner = Work(*(busy() for _ in range(99)))
    with pytest.raises(BusyError):
        retrier.run(lambda: retrier.run(inner))
    assert inner.tries == 4


def test_seconds_left_shrink_within_a_step():
    retrier = Retrier(QUICK)
    assert retrier.seconds_left == 1.0
    assert retrier.run(lambda: retrier.seconds_left, seconds=0.5) <= 0.5
    assert retrier.seconds_left == 1.0


def test_halt_ends_every_wait():
    retrier = Retrier(Patience(attempts=4, first_wait=60, longest_wait=60, total=600))
    threading.Timer(0.1, retrier.halt).start()
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match="stopped"):
        retrier.run(Work(busy(60)))
    assert time.monotonic() - begun < 5


def test_resume_allows_waits_again():
    retrier = Retrier(QUICK)
    retrier.halt()
    with pytest.raises(DeadlineError):
        retrier.pause(0.01)
    retrier.resume()
    retrier.pause(0.01)


def test_the_deadline_ends_the_tries_of_a_step():
    retrier = Retrier(
        Patience(attempts=1000, first_wait=0.02, longest_wait=0.02, total=30), deadline=0.2
    )
    with pytest.raises(BusyError):
        retrier.run(Work(*(busy() for _ in range(1000))), seconds=60)
    assert retrier.seconds_left < 0.2


def test_nothing_is_begun_after_the_deadline():
    retrier = Retrier(QUICK, deadline=0.001)
    time.sleep(0.002)
    work = Work()
    with pytest.raises(DeadlineError, match=r"not done after 0\.001 s in all") as caught:
        retrier.run(work)
    assert "--deadline" in str(caught.value.hint)
    assert (work.tries, retrier.seconds_left) == (0, 0)


def test_no_pause_is_longer_than_the_deadline():
    retrier = Retrier(QUICK, deadline=0.05)
    retrier.pause(60)
    assert retrier.seconds_left == 0


def test_what_the_peer_asks_for_beyond_the_deadline_is_not_waited_for():
    retrier = Retrier(Patience(total=600), deadline=5)
    work = Work(busy(retry_after=60))
    with pytest.raises(BusyError):
        retrier.run(work)
    assert work.tries == 1
