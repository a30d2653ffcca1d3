from __future__ import annotations

from itertools import product

import pytest

from signkit.registry.states import BinaryState, IllegalTransitionError, Step, plan_transition

LEGAL = {
    ("uploadable", "uploadable"): Step.RESET,
    ("hashable", "uploadable"): Step.RESET,
    ("hashing", "uploadable"): Step.RESET,
    ("signable", "uploadable"): Step.RESET,
    ("uploadable", "hashable"): Step.FINALIZE,
    ("hashable", "hashable"): Step.STAY,
    ("hashable", "hashing"): Step.HASH,
    ("hashing", "hashing"): Step.HASH,
    ("signable", "hashing"): Step.STAY,
    ("signable", "signable"): Step.STAY,
    ("signable", "signed"): Step.SIGN,
    ("signed", "signed"): Step.STAY,
    ("signable", "destroyed"): Step.DESTROY,
    ("signed", "destroyed"): Step.DESTROY,
    ("destroyed", "destroyed"): Step.STAY,
}
ILLEGAL = sorted(set(product(BinaryState, BinaryState)) - set(LEGAL))


@pytest.mark.parametrize(("way", "step"), LEGAL.items())
def test_legal_ways(way, step):
    assert plan_transition(BinaryState(way[0]), BinaryState(way[1])) is step


@pytest.mark.parametrize(("current", "wanted"), ILLEGAL)
def test_illegal_ways_say_which_are_legal(current, wanted):
    with pytest.raises(IllegalTransitionError, match=f"{current} cannot become {wanted}, only: "):
        plan_transition(current, wanted)


def test_nothing_leaves_signed_but_destruction():
    assert [way for way in LEGAL if way[0] == "signed"] == [
        ("signed", "signed"),
        ("signed", "destroyed"),
    ]
