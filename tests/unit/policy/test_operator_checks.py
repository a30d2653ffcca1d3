"""Controls of the people at the station, each with both outcomes."""

from __future__ import annotations

import pytest

from signkit.errors import PolicyError
from signkit.policy.answer import Answer
from signkit.policy.operator_checks import check_operators, check_unattended
from tests.support.policies import asked, facts, policy

NAMES = ("Ada Lovelace", "Grace Hopper")


def test_somebody_is_there() -> None:
    assert check_unattended(asked({}), policy(unattended=False), facts()).held
    assert not check_unattended(asked({}), policy(), facts(unattended=True)).held
    assert not check_unattended(asked({}), policy(), facts(unattended=None)).held
    with pytest.raises(PolicyError, match=r"SK-POLICY-UNATTENDED: expected .*, got --yes-to$"):
        check_unattended(asked({}), policy(unattended=False), facts(unattended=True))


def operators(*names: str, count: int = 2, known: tuple[str, ...] | None = None) -> Answer:
    demanded = policy(operators=count, operator_names=known)
    return check_operators(asked({}), demanded, facts(operators=names))


def test_two_operators() -> None:
    assert operators(*NAMES).line == "confirmed by 'Ada Lovelace' and 'Grace Hopper'"
    assert operators("ada  LOVELACE", "Grace Hopper", known=NAMES).held
    assert operators("anyone", count=1).held


@pytest.mark.parametrize(
    "second", ["Ada Lovelace", "ada lovelace", " Ada  Lovelace", "\uff21da Lovelace"]
)
def test_the_same_operator_twice(second: str) -> None:
    """Attacker: one operator plays both, spelling their name in another way."""
    with pytest.raises(PolicyError, match="SK-POLICY-OPERATORS: one operator confirmed twice"):
        operators("Ada Lovelace", second)


def test_too_few_operators_and_strangers() -> None:
    with pytest.raises(PolicyError, match="SK-POLICY-OPERATORS: expected 2 operators, got 1"):
        operators("Ada Lovelace")
    with pytest.raises(PolicyError, match="SK-POLICY-OPERATORS: 'Eve' is no operator"):
        operators("Ada Lovelace", "Eve", known=NAMES)


def test_operators_are_asked_at_the_station_and_where_they_are_there() -> None:
    two = policy(operators=2)
    assert check_operators(asked({}), two, facts(operators=None)).held is False
    assert check_operators(asked({}), two, facts(operators=("x",), unattended=True)).held is False
