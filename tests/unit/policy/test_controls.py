"""The table of controls: all are asked, and one that refuses refuses the request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import PolicyError
from signkit.model.policy import NO_POLICY, Rule
from signkit.policy.controls import (
    CONTROLS,
    HELD,
    NOT_ASKED,
    REFUSED,
    ask_controls,
    check_outcomes,
)
from signkit.policy.facts import Facts
from signkit.policy.read import read_policy
from signkit.policy.report import outcome_lines, outcome_values, policy_lines
from tests.support.keys import PROD, REQUESTER
from tests.support.policies import KNOWN, NOW, asked, facts, policy
from tests.support.policy_vectors import FULL

PAGE = Path(__file__).parents[3] / "docs" / "formats" / "station-policy.md"
EVERYTHING = policy(
    Rule(keys=(PROD.public_key.keyid,), digest_only=False, expires_within_days=30),
    requesters=(KNOWN,),
    unknown_requesters=False,
    most_items=2,
    most_bytes=100,
    rising_sequence=True,
    operators=1,
    unattended=False,
)
GOOD = asked({"expires": "2026-02-01T00:00:00Z"})


def test_the_page_and_the_table_name_the_same_controls() -> None:
    rows = re.findall(r"^\| (SK-POLICY-[A-Z]+) \|", PAGE.read_text(), re.MULTILINE)
    assert rows == [control.control for control in CONTROLS]


def test_a_request_that_keeps_to_everything() -> None:
    outcomes = ask_controls(GOOD, EVERYTHING, facts())
    results = {each.control: each.result for each in outcomes}
    assert results.pop("SK-POLICY-PREVIOUS") == NOT_ASKED
    assert set(results.values()) == {HELD}
    check_outcomes(outcomes)


def test_every_control_is_asked_though_the_first_refuses() -> None:
    bad = asked({}, {"target": "b"}, {"target": "c"})
    stranger = facts(requester="ab" * 32, hashed=frozenset(), unattended=True)
    outcomes = ask_controls(bad, EVERYTHING, stranger)
    refused = [each.control for each in outcomes if each.result == REFUSED]
    assert refused == [
        "SK-POLICY-REQUESTER",
        "SK-POLICY-ITEMS",
        "SK-POLICY-CONTENT",
        "SK-POLICY-EXPIRY",
        "SK-POLICY-UNATTENDED",
    ]
    with pytest.raises(PolicyError, match=r"\(and 4 more controls refused\)$") as caught:
        check_outcomes(outcomes)
    assert (caught.value.control, caught.value.exit_code) == ("SK-POLICY-REQUESTER", 19)
    assert str(caught.value).count("SK-POLICY-REQUESTER") == 1
    assert [line[2:9] for line in outcome_lines(outcomes) if "SK-" in line][:5] == ["REFUSED"] * 5


def test_no_policy_asks_nothing_that_could_refuse() -> None:
    nothing = Facts(now=NOW, requester=REQUESTER.public_key.keyid, unattended=True)
    outcomes = ask_controls(asked({}, {"version": "2"}), NO_POLICY, nothing)
    assert {each.result for each in outcomes} == {HELD, NOT_ASKED}


def test_a_desk_that_knows_nothing_refuses_nothing_for_that() -> None:
    """What only the station knows is said to be not asked, and is no refusal."""
    desk = Facts(now=NOW, requester=REQUESTER.public_key.keyid)
    outcomes = {each.control: each.result for each in ask_controls(GOOD, EVERYTHING, desk)}
    assert [name for name, result in outcomes.items() if result == NOT_ASKED] == [
        "SK-POLICY-KEY",
        "SK-POLICY-CONTENT",
        "SK-POLICY-SEQUENCE",
        "SK-POLICY-PREVIOUS",
        "SK-POLICY-UNATTENDED",
        "SK-POLICY-OPERATORS",
    ]
    assert REFUSED not in outcomes.values()


@given(name=st.text(min_size=1, max_size=128), artifact=st.text(min_size=1, max_size=128))
def test_nothing_that_is_shown_holds_a_control_character(name: str, artifact: str) -> None:
    item = GOOD.items[0]._replace(name=name, artifact=artifact)
    request = type(GOOD)(
        requester=name, reason=None, created=NOW, previous_response=None, items=(item,)
    )
    outcomes = ask_controls(request, policy(Rule(artifacts=("x",))), facts())
    for line in outcome_lines(outcomes):
        assert line.isprintable()
        assert len(line) <= 78
    assert len(outcome_values(outcomes)) == len(CONTROLS)


def test_a_policy_in_sentences() -> None:
    lines = policy_lines(read_policy(FULL.encode()))
    assert (
        "  may be by 'Ada Lovelace': OpenPGP key 332C04EE332C04EE332C04EE332C04EE332C04EE" in lines
    )
    assert (
        "It is confirmed by 2 different operators of 'Ada Lovelace', 'Grace Hopper', 'Barbara Liskov'"
        in lines
    )
    assert "  --yes-to does not count" in lines
    assert "Rule 2 lets role root" in lines
    assert policy_lines(NO_POLICY)[0].startswith("no policy on this station")
