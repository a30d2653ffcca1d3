"""How a control answers when it does not refuse.

A check returns one of these, or raises PolicyError: there is no third way to say no.
"""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """What a check found.

    Attributes:
        held: True: the demand was looked at and holds. False: it was not asked.
        line: One sentence: what holds, or why it was not asked.
    """

    held: bool
    line: str


def held(line: str) -> Answer:
    """Say that a demand holds."""
    return Answer(held=True, line=line)


def not_asked(line: str) -> Answer:
    """Say why a demand was not looked at."""
    return Answer(held=False, line=line)
