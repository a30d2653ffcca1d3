"""What a device remembers: what a verdict teaches it, and what it must never write."""

from __future__ import annotations

import pytest

from signkit.device.state import State, accept, encode_state, new_state
from signkit.errors import TooLargeError
from signkit.verify import limits
from signkit.verify.encoding import encode_json
from signkit.verify.statement import parse_statement
from signkit.verify.verdict import VerifiedStatement, role_of_keys
from tests.support.documents import statement_value, trust_file
from tests.support.keys import PROD

FIRST = new_state(trust_file(), now=None)  # its trust root was issued at the start of 2026


def accepted(**changes: object) -> VerifiedStatement:
    said = parse_statement(encode_json(statement_value(**changes)))
    return VerifiedStatement(statement=said, signers=(), role=role_of_keys((PROD.public_key,)))


@pytest.mark.parametrize(
    ("clock", "learnt"),
    [
        (None, "2089-12-31T00:00:00Z"),  # no clock: what is signed is all there is
        ("1970-01-01T00:00:00Z", "2089-12-31T00:00:00Z"),  # a clock that cannot be right
        ("2026-06-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        (FIRST.newest, FIRST.newest),
    ],
)
def test_a_right_clock_bounds_what_a_release_teaches(clock: str | None, learnt: str) -> None:
    """Attacker: sets the requester's clock to 2089, so that everything expires everywhere."""
    state = accept(FIRST, [accepted(issued="2089-12-31T00:00:00Z", expires=None)], clock=clock)
    assert state.newest == learnt


def test_more_floors_than_a_reader_takes_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ITEM_COUNT", 2)
    one, two, three = (accepted(target=f"t{number}") for number in range(3))
    full = accept(FIRST, [one, two])
    assert len(full.floors) == 2
    with pytest.raises(TooLargeError, match="the state is full: expected at most 2 artifacts"):
        accept(full, [three])
    assert accept(full, [accepted(target="t1", sequence=9)]).floors["ML-Model", "t1"] == 9


def test_a_state_larger_than_its_reader_takes_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state: State = accept(FIRST, [accepted(sequence=4)])
    monkeypatch.setattr(limits, "STATE_SIZE", len(encode_state(state)))
    encode_state(state)
    with pytest.raises(TooLargeError, match="the state is full: expected at most"):
        encode_state(accept(state, [accepted(target="one more")]))
