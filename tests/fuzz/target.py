"""What a fuzzing target is: one parser, what must hold of what it accepts, and where to begin.

Whatever the bytes, only SignkitError may leave `parse`, and soon. What it accepts has to pass
`holds`, from which nothing may leave at all.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import process_time
from typing import Any

from signkit.errors import SignkitError

INPUT_SIZE = 64 * 1024  # bytes; longer inputs only repeat what shorter ones reach
SECONDS = 2.0  # processor time of one input; none comes near, and a busy machine does not count
MEMORY = 256 * 1024  # KiB that the peak of the process may grow by for one input


@dataclass(frozen=True, kw_only=True)
class Target:
    """One parser.

    Attributes:
        name: What `scripts/fuzz` calls it.
        parse: Bytes to a value, or SignkitError.
        holds: Given value and bytes; fails where a property does not hold.
        seeds: Returns the inputs to begin with.
    """

    name: str
    parse: Callable[[bytes], Any]
    holds: Callable[[Any, bytes], None]
    seeds: Callable[[], Iterable[bytes]]


def try_input(target: Target, data: bytes) -> bool:
    """Give one input to a target; returns whether it was accepted.

    Raises:
        AssertionError: a property does not hold, or the input took too much time or memory.
        Exception: anything else that is no SignkitError left the parser.
    """
    started, peak = process_time(), _peak()
    try:
        value = target.parse(data)
    except SignkitError:
        accepted = False
    else:
        accepted = True
        target.holds(value, data)
    took, grown = process_time() - started, _peak() - peak
    assert took <= SECONDS, f"{target.name}: {len(data)} bytes took {took:.1f} s"
    assert grown <= MEMORY, f"{target.name}: {len(data)} bytes took {grown // 1024} MiB"
    return accepted


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def one_spelling(encode: Callable[[Any], bytes | str]) -> Callable[[Any, bytes], None]:
    """Return the property of a format with one spelling: what parses encodes to the same bytes."""

    def holds(value: Any, data: bytes) -> None:
        again = encode(value)
        assert (again.encode() if isinstance(again, str) else again) == data

    return holds


def stable(
    encode: Callable[[Any], bytes], parse: Callable[[bytes], Any]
) -> Callable[[Any, bytes], None]:
    """Return the property of any format: what was parsed and written is parsed to the same."""

    def holds(value: Any, _data: bytes) -> None:
        assert parse(encode(value)) == value

    return holds


def nothing_more(_value: Any, _data: bytes) -> None:
    """Hold for everything: that nothing but SignkitError leaves is the whole property."""
