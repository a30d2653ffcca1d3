from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from signkit.errors import StateError
from signkit.submit.once import Once


def test_made_by_one_thread_while_the_others_wait():
    once: Once[str, int] = Once()
    made: list[int] = []

    def make() -> int:
        time.sleep(0.02)
        made.append(len(made))
        return 7

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: once.get("a", make), range(16))) == {7}
    assert made == [0]


def test_keys_are_apart():
    once: Once[str, str] = Once()
    assert [once.get(key, key.upper) for key in "abab"] == ["A", "B", "A", "B"]


def test_a_failure_is_not_kept():
    once: Once[str, int] = Once()

    def fail() -> int:
        raise StateError("no")

    with pytest.raises(StateError, match="no"):
        once.get("a", fail)
    assert once.get("a", lambda: 1) == 1


def test_a_failure_is_that_of_everybody_who_waited():
    once: Once[str, int] = Once()

    def fail() -> int:
        time.sleep(0.1)
        raise StateError("no")

    def ask(_number: int) -> bool:
        try:
            once.get("a", fail)
        except StateError:
            return True
        return False

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(4)))
