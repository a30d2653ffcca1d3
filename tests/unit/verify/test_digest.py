"""Content is hashed as hashlib hashes it, however it arrives, and read no further than needed."""

from __future__ import annotations

import hashlib
import itertools
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FileError
from signkit.verify.digest import BUFFER_SIZE, Sha256, compute_digest, compute_stream_digest

READ_AHEAD_FROM = 8 * BUFFER_SIZE
LITTLE = 16 * 1024
# Every size at which another way of reading or another buffer begins, and its neighbours.
EDGES = (0, 1, 64, LITTLE, BUFFER_SIZE, 2 * BUFFER_SIZE, READ_AHEAD_FROM, 13 * BUFFER_SIZE)
SIZES = sorted({max(0, edge + step) for edge in EDGES for step in (-1, 0, 1)})
WAYS = [LITTLE - 1, BUFFER_SIZE, READ_AHEAD_FROM]  # one size for each way of reading
DATA = random.Random(1).randbytes(1 << 16) * 256

ReadInto = Callable[[memoryview], int]


def reader(data: bytes, *, most: int = 1 << 40) -> ReadInto:
    """Read data, at most so many bytes at a time."""
    place = 0

    def read_into(view: memoryview) -> int:
        nonlocal place
        piece = data[place : place + min(len(view), most)]
        view[: len(piece)] = piece
        place += len(piece)
        return len(piece)

    return read_into


@pytest.mark.parametrize("size", SIZES)
def test_every_way_of_reading_gives_the_digest(size: int) -> None:
    data = DATA[:size]
    expected = hashlib.sha256(data).digest()
    for said in (size, 0, LITTLE, BUFFER_SIZE, READ_AHEAD_FROM, 2 * size + 1):
        digest, count = compute_stream_digest(reader(data), size=max(said, size))
        assert (digest, count) == (expected, size)
    assert compute_digest(data) == expected


@pytest.mark.parametrize("size", WAYS)
@pytest.mark.parametrize("most", [1021, 4096, 65_537])
def test_short_reads(size: int, most: int) -> None:
    data = DATA[:size]
    digest, count = compute_stream_digest(reader(data, most=most), size=size)
    assert (digest, count) == (hashlib.sha256(data).digest(), size)


def test_a_byte_at_a_time() -> None:
    data = DATA[: LITTLE + 5]
    assert compute_stream_digest(reader(data, most=1), size=len(data))[0] == compute_digest(data)


@pytest.mark.parametrize("size", WAYS)
def test_the_sink_sees_every_byte_in_order(size: int) -> None:
    seen = bytearray()
    compute_stream_digest(reader(DATA[:size], most=700_001), size=size, sink=seen.extend)
    assert seen == DATA[:size]


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(1, 50))
def test_any_stream_of_any_size_said(data: bytes, said: int, most: int) -> None:
    seen = bytearray()
    digest, count = compute_stream_digest(reader(data, most=most), size=said, sink=seen.extend)
    read = data[: said + 1]
    assert (digest, count, bytes(seen)) == (compute_digest(read), len(read), read)


@pytest.mark.parametrize("size", WAYS)
@pytest.mark.parametrize("most", [999, 1 << 40])
def test_an_endless_stream_is_read_one_byte_too_far(size: int, most: int) -> None:
    """Attacker: serves content without end. Move: fill memory or disk. Stopped at size + 1."""
    taken = 0
    seen = 0

    def endless(view: memoryview) -> int:
        nonlocal taken
        count = min(len(view), most)
        taken += count
        return count

    def sink(piece: memoryview) -> None:
        nonlocal seen
        seen += len(piece)

    _digest, count = compute_stream_digest(endless, size=size, sink=sink)
    assert (count, taken, seen) == (size + 1, size + 1, size + 1)


def _threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "signkit-read-ahead"]


@pytest.mark.parametrize("size", WAYS)
@pytest.mark.parametrize("error", [FileError("gone"), OSError(5, "io"), KeyboardInterrupt()])
def test_an_error_of_reading_comes_through(size: int, error: BaseException) -> None:
    read = reader(DATA[:size], most=5000)
    reads = itertools.count()

    def failing(view: memoryview) -> int:
        if next(reads) == 2:
            raise error
        return read(view)

    with pytest.raises(type(error)) as caught:
        compute_stream_digest(failing, size=size)
    assert caught.value is error
    assert _threads() == []


@pytest.mark.parametrize("size", WAYS)
def test_an_error_of_the_sink_comes_through_and_reading_ends(size: int) -> None:
    def full(_piece: memoryview) -> None:
        message = "no space"
        raise FileError(message)

    with pytest.raises(FileError, match=r"^no space$"):
        compute_stream_digest(reader(DATA[:size]), size=size, sink=full)
    assert _threads() == []


def test_the_thread_ends_with_the_stream() -> None:
    for data in (DATA[:READ_AHEAD_FROM], DATA[:100], b""):
        compute_stream_digest(reader(data), size=READ_AHEAD_FROM)
    assert _threads() == []


def test_a_digest_is_its_bytes() -> None:
    digest = compute_digest(b"abc")
    assert type(digest) is Sha256
    assert digest.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(compute_digest(b"")) == 32


@pytest.mark.parametrize("size", [READ_AHEAD_FROM - 1, READ_AHEAD_FROM])
def test_only_much_is_read_ahead_by_a_thread_that_holds_up_no_exit(size: int) -> None:
    seen = set()

    def read_into(view: memoryview) -> int:
        thread = threading.current_thread()
        seen.add((thread is threading.main_thread(), thread.name, thread.daemon))
        return 0

    compute_stream_digest(read_into, size=size)
    ahead = (False, "signkit-read-ahead", True)
    assert seen == {(True, "MainThread", False) if size < READ_AHEAD_FROM else ahead}


@pytest.mark.parametrize("size", WAYS)
def test_nothing_is_asked_for_past_the_byte_too_many(size: int) -> None:
    asked = []

    def read_into(view: memoryview) -> int:
        asked.append(len(view))
        return len(view)

    assert compute_stream_digest(read_into, size=size)[1] == size + 1
    assert sum(asked) == size + 1
    assert 0 not in asked
