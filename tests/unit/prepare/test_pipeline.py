"""Whole and parts come from one reading, and every end is an end for all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.prepare import pipeline
from signkit.prepare.pipeline import compute_digests


def reader_of(data: bytes, *, most: int = 1 << 30) -> Callable[[memoryview], int]:
    """Read from memory, at most so many bytes at once."""
    rest = memoryview(data)

    def read_into(view: memoryview) -> int:
        nonlocal rest
        piece = rest[: min(len(view), most)]
        view[: len(piece)] = piece
        rest = rest[len(piece) :]
        return len(piece)

    return read_into


def expected(data: bytes, part_size: int) -> tuple[bytes, tuple[bytes, ...]]:
    starts = range(0, len(data), part_size)
    parts = tuple(sha256(data[start : start + part_size]).digest() for start in starts)
    return sha256(data).digest(), parts


def ignore(_count: int) -> None:
    pass


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@given(data=st.binary(max_size=600), part_size=st.integers(1, 700), most=st.integers(1, 700))
def test_digests_are_those_of_the_slices(data: bytes, part_size: int, most: int) -> None:
    found, count = compute_digests(
        reader_of(data, most=most), size=len(data), part_size=part_size, advance=ignore
    )
    assert found == expected(data, part_size)
    assert count == len(data)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 5 << 20, (40 << 20) - 1])
@pytest.mark.parametrize("part_size", [1 << 20, 3 << 19, (1 << 20) - 1])
def test_parts_need_not_end_with_buffers(size: int, part_size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    found, _count = compute_digests(
        reader_of(data[:size]), size=size, part_size=part_size, advance=ignore
    )
    assert found == expected(data[:size], part_size)


def test_progress_adds_up_in_the_callers_thread() -> None:
    seen: list[tuple[int, int]] = []
    compute_digests(
        reader_of(bytes(3 << 20)),
        size=3 << 20,
        part_size=1 << 20,
        advance=lambda count: seen.append((count, threading.get_ident())),
    )
    assert sum(count for count, _thread in seen) == 3 << 20
    assert {thread for _count, thread in seen} == {threading.get_ident()}


def test_reads_one_byte_more_than_expected_and_no_further() -> None:
    read: list[int] = []

    def endless(view: memoryview) -> int:
        read.append(len(view))
        return len(view)

    _found, count = compute_digests(endless, size=2500, part_size=1000, advance=ignore)
    assert count == sum(read) == 2501


def test_an_early_end_is_counted() -> None:
    _found, count = compute_digests(reader_of(bytes(10)), size=2500, part_size=1000, advance=ignore)
    assert count == 10


def test_a_reading_error_comes_out_and_ends_all() -> None:
    read = reader_of(bytes(5 << 20))

    def failing(view: memoryview) -> int:
        if read(view) == len(view):
            return len(view)
        message = "input/output error"
        raise OSError(message)

    with pytest.raises(OSError, match="input/output"):
        compute_digests(failing, size=9 << 20, part_size=1 << 20, advance=ignore)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_ends_all(stop: type[BaseException]) -> None:
    def interrupt(_count: int) -> None:
        raise stop

    with pytest.raises(stop):
        compute_digests(len, size=1 << 40, part_size=1 << 20, advance=interrupt)


def test_a_hasher_that_fails_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that runs out while a part is hashed must not leave the others waiting."""
    states: list[object] = []

    def failing_in_the_second_state() -> object:
        if states:
            raise MemoryError
        states.append(sha256())
        return states[0]

    monkeypatch.setattr(pipeline, "sha256", failing_in_the_second_state)
    with pytest.raises(MemoryError):
        compute_digests(len, size=1 << 40, part_size=9, advance=ignore)


def test_a_thread_that_cannot_start_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def only_one(thread: threading.Thread) -> None:
        if started:
            message = "can't start new thread"
            raise RuntimeError(message)
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", only_one)
    with pytest.raises(RuntimeError, match="can't start"):
        compute_digests(len, size=1 << 40, part_size=9, advance=ignore)
