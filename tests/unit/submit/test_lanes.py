from __future__ import annotations

import threading
import time
from threading import Barrier

import pytest

from signkit.errors import SignkitError, StateError
from signkit.submit.lanes import Lanes


@pytest.fixture
def lanes():
    made = Lanes(8)
    yield made
    made.close()


class TooMuchError(SignkitError):
    pass


def is_too_much(error: SignkitError) -> bool:
    return isinstance(error, TooMuchError)


def succeed(lanes: Lanes, times: int) -> None:
    for _ in range(times):
        with lanes.trying(overloaded=is_too_much):
            pass


def fail(lanes: Lanes, error: SignkitError) -> None:
    with pytest.raises(type(error)), lanes.trying(overloaded=is_too_much):
        raise error


def test_begins_with_four_or_fewer(lanes):
    assert lanes.count == 4
    narrow = Lanes(2)
    assert narrow.count == 2
    narrow.close()


def test_as_many_successes_as_lanes_are_one_lane_more(lanes):
    succeed(lanes, 3)
    assert lanes.count == 4
    succeed(lanes, 1)
    assert lanes.count == 5
    succeed(lanes, 5)
    assert lanes.count == 6
    succeed(lanes, 100)
    assert lanes.count == 8


def test_too_much_is_half_of_it_and_never_none(lanes):
    counts = []
    for _ in range(4):
        fail(lanes, TooMuchError("much"))
        counts.append(lanes.count)
    assert counts == [2, 1, 1, 1]
    succeed(lanes, 1)
    assert lanes.count == 2


def test_another_failure_says_nothing_about_lanes(lanes):
    fail(lanes, StateError("no"))
    assert lanes.count == 4


def test_failures_of_one_moment_count_once(lanes):
    """All four are under way before the first of them fails."""
    all_four = Barrier(4, timeout=10)

    def work(_piece: int) -> None:
        with lanes.trying(overloaded=is_too_much):
            all_four.wait()
            raise TooMuchError("much")

    with pytest.raises(TooMuchError):
        lanes.run(work, range(4))
    assert lanes.count == 2


def test_no_more_at_once_than_there_are_lanes(lanes):
    running, most = 0, 0
    lock = threading.Lock()

    def work(_piece: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    lanes.run(work, range(12))
    assert most == 4


def test_several_works_share_the_lanes():
    lanes = Lanes(2)
    both = Barrier(2, timeout=10)

    def work(_piece: int) -> None:
        both.wait()

    other = threading.Thread(target=lanes.run, args=(work, [1]))
    other.start()
    lanes.run(work, [1])
    other.join()
    lanes.close()


def test_a_single_piece_stays_on_its_thread(lanes):
    threads: list[threading.Thread] = []
    lanes.run(lambda _piece: threads.append(threading.current_thread()), [1])
    assert threads == [threading.current_thread()]


def test_the_first_failure_leaves_the_rest_and_waits_for_those_under_way():
    lanes = Lanes(2)
    began: list[int] = []
    ended: list[int] = []
    both = Barrier(2, timeout=10)

    def work(piece: int) -> None:
        began.append(piece)
        if piece < 2:
            both.wait()
        if piece == 0:
            raise TooMuchError("much")
        time.sleep(0.05)
        ended.append(piece)

    with pytest.raises(TooMuchError):
        lanes.run(work, range(50))
    assert 1 in ended
    assert sorted(began) == sorted([0, *ended])
    assert len(began) < 10
    lanes.close()
