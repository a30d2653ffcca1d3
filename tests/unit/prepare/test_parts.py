"""Every limit on parts that any source of the contract names is kept where it can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import TooLargeError
from signkit.prepare.parts import LARGEST_CONTENT, choose_part_size
from signkit.verify import limits

MIB = 1024**2
SIZES = [size * MIB for size in (16, 32, 64, 128, 256, 512, 953)]


def count(size: int) -> int:
    return -(-size // choose_part_size(size))


@given(st.integers(0, LARGEST_CONTENT))
def test_limits_hold_for_every_size(size: int) -> None:
    assert 5_242_880 <= choose_part_size(size) <= limits.PART_SIZE == 10**9
    assert count(size) <= limits.PART_COUNT == 10_000
    if size <= 953 * MIB * 1000:
        assert count(size) <= 1_000


@given(st.integers(0, LARGEST_CONTENT))
def test_the_smallest_size_that_will_do_is_chosen(size: int) -> None:
    fitting = [part_size for part_size in SIZES if -(-size // part_size) <= 1_000]
    assert choose_part_size(size) == (fitting[0] if fitting else SIZES[-1])


@pytest.mark.parametrize("place", range(len(SIZES) - 1))
def test_the_next_size_begins_one_byte_after_1000_parts(place: int) -> None:
    assert choose_part_size(1000 * SIZES[place]) == SIZES[place]
    assert choose_part_size(1000 * SIZES[place] + 1) == SIZES[place + 1]


def test_counts_at_the_ends() -> None:
    assert (count(0), count(1), count(16 * MIB), count(16 * MIB + 1)) == (0, 1, 1, 2)
    assert (count(953 * MIB * 1000), count(LARGEST_CONTENT)) == (1000, 5502)


def test_more_than_5_tib_is_refused() -> None:
    with pytest.raises(TooLargeError, match="at most 5497558138880 bytes, got 5497558138881"):
        choose_part_size(LARGEST_CONTENT + 1)
