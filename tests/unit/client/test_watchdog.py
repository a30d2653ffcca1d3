from __future__ import annotations

import time
from threading import Event, active_count

import pytest

from signkit.client.watchdog import Watchdog


@pytest.fixture
def watchdog():
    made = Watchdog()
    yield made
    made.close()


def test_what_takes_too_long_is_ended(watchdog):
    expired = Event()
    with watchdog.watching(0.02, expired.set):
        assert expired.wait(10)


def test_what_ends_in_time_is_left_alone(watchdog):
    expired, other = Event(), Event()
    with watchdog.watching(0.05, expired.set):
        pass
    with watchdog.watching(0.1, other.set):
        assert other.wait(10)
    assert not expired.is_set()


def test_an_earlier_deadline_is_not_slept_through(watchdog):
    """The thread sleeps for the first one, a minute away."""
    late, early = Event(), Event()
    with watchdog.watching(60, late.set):
        time.sleep(0.02)
        with watchdog.watching(0.02, early.set):
            assert early.wait(10)
    assert not late.is_set()


def test_each_is_ended_once_and_the_others_go_on(watchdog):
    ended: list[int] = []
    last = Event()
    with (
        watchdog.watching(0.02, lambda: ended.append(1)),
        watchdog.watching(0.04, lambda: ended.append(2)),
        watchdog.watching(0.08, last.set),
        watchdog.watching(60, lambda: ended.append(3)),
    ):
        assert last.wait(10)
    assert ended == [1, 2]


def test_one_thread_for_all_and_none_after(watchdog):
    before = active_count()
    for _ in range(50):
        with watchdog.watching(60, lambda: None):
            assert active_count() == before + 1
    watchdog.close()
    assert active_count() == before
