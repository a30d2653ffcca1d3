"""The life of a key: every transition, legal or not; when it may sign; when it ends."""

from __future__ import annotations

from itertools import product

import pytest

from signkit.custody.life import (
    NEXT,
    NO_REGISTER,
    Life,
    Register,
    add_days,
    advance,
    check_may_sign,
    describe_standing,
)
from signkit.errors import KeyStateError
from signkit.model.custody import NewKey, State
from tests.support.custody_lines import KEYID, NEXT_KEYID, transition

NOW = "2026-06-01T00:00:00Z"
# Written out a second time, by hand, from SP 800-57 part 1 revision 5 section 7 and our page.
LEGAL = {
    ("pre-active", "active"),
    ("pre-active", "compromised"),
    ("pre-active", "destroyed"),
    ("active", "suspended"),
    ("active", "deactivated"),
    ("active", "compromised"),
    ("active", "destroyed"),
    ("suspended", "active"),
    ("suspended", "deactivated"),
    ("suspended", "compromised"),
    ("suspended", "destroyed"),
    ("deactivated", "compromised"),
    ("deactivated", "destroyed"),
    ("compromised", "destroyed"),
    ("destroyed", "compromised"),
}
ROADS = {
    "pre-active": ("pre-active",),
    "active": ("active",),
    "suspended": ("active", "suspended"),
    "deactivated": ("active", "deactivated"),
    "compromised": ("active", "compromised"),
    "destroyed": ("active", "destroyed"),
}


def lived(*states: str, **key: object) -> Register:
    """A register of one key that went through some states."""
    register = Register()
    new: NewKey | None = NewKey(**{"name": "prod", **key})  # type: ignore[arg-type]
    for state in states:
        register, new = advance(register, transition(state, new)), None
    return register


def life_of(register: Register) -> Life:
    return register.lives[KEYID]


@pytest.mark.parametrize(("before", "after"), list(product(ROADS, ROADS)))
def test_every_transition(before: str, after: str) -> None:
    register = lived(*ROADS[before])
    if (before, after) in LEGAL:
        moved = life_of(advance(register, transition(after, time=NOW)))
        assert (moved.state, moved.since) == (State(after), NOW)
        return
    with pytest.raises(KeyStateError) as caught:
        advance(register, transition(after))
    said = str(caught.value)
    assert f"the key prod is {before} since " in said
    assert f"cannot become {after}: expected " in said
    legal = said.rpartition("expected ")[2].split(" or ")
    assert {(before, each) for each in legal} == {each for each in LEGAL if each[0] == before}


def test_the_table_has_every_state() -> None:
    assert set(NEXT) == set(State)


@pytest.mark.parametrize("state", ROADS)
def test_what_a_key_may_begin_as(state: str) -> None:
    if state in {"pre-active", "active"}:
        assert life_of(lived(state)).state == state
        return
    with pytest.raises(KeyStateError, match=r"is new and cannot become .*: expected pre-active or"):
        lived(state)


def test_a_key_is_said_once_what_it_is() -> None:
    said = r"^the first line of a key says what it is, and no other line does$"
    with pytest.raises(KeyStateError, match=said):
        advance(Register(), transition("active"))
    with pytest.raises(KeyStateError, match=said):
        advance(lived("active"), transition("suspended", NewKey(name="prod")))


@pytest.mark.parametrize("state", ROADS)
def test_only_an_active_key_signs(state: str) -> None:
    life = life_of(lived(*ROADS[state]))
    if state == "active":
        check_may_sign(life, name="prod", now=NOW)
        return
    with pytest.raises(KeyStateError) as caught:
        check_may_sign(life, name="prod", now=NOW)
    assert str(caught.value) == (
        f"the key prod does not sign: it is {state} since 2026-01-31T12:00:00Z (why)"
    )
    comes_back = (state, "active") in LEGAL
    assert ("set-state" in str(caught.value.hint)) == comes_back


def test_a_reason_is_escaped_where_it_is_shown() -> None:
    register = advance(lived("active"), transition("suspended", reason="a\nb\u202e" + "x" * 500))
    with pytest.raises(KeyStateError, match=r"\(a\\u\{a\}b\\u\{202e\}x+\.\.\.\)$") as caught:
        check_may_sign(life_of(register), name="prod", now=NOW)
    assert len(str(caught.value)) < 300


def test_a_key_without_a_line_signs() -> None:
    check_may_sign(None, name="prod", now=NOW)
    assert describe_standing(NO_REGISTER, KEYID, clock=lambda: NOW) is None
    said = describe_standing(Register(), KEYID, clock=lambda: NOW)
    assert said is not None
    assert "has no line in the custody register" in said


@pytest.mark.parametrize(
    ("now", "warned", "signs"),
    [
        ("2026-01-31T11:59:59Z", False, True),
        ("2026-04-01T11:59:59Z", False, True),
        ("2026-04-01T12:00:00Z", True, True),
        ("2026-05-01T11:59:59Z", True, True),
        ("2026-05-01T12:00:00Z", True, False),
        ("2036-01-01T00:00:00Z", True, False),
    ],
)
def test_a_cryptoperiod_of_90_days(now: str, warned: bool, signs: bool) -> None:
    register = lived("active", cryptoperiod_days=90)
    life = life_of(register)
    assert life.ends == "2026-05-01T12:00:00Z"
    assert (describe_standing(register, KEYID, clock=lambda: now) is not None) == warned
    if signs:
        check_may_sign(life, name="prod", now=now)
        return
    said = rf"^the key prod does not sign: its cryptoperiod ended at {life.ends}, and it is {now}$"
    with pytest.raises(KeyStateError, match=said) as caught:
        check_may_sign(life, name="prod", now=now)
    assert "keys rotate" in str(caught.value.hint)


def test_a_cryptoperiod_begins_when_the_key_is_first_active() -> None:
    register = lived("pre-active", cryptoperiod_days=1)
    assert life_of(register).ends is None
    for state, time in (
        ("active", "2026-02-10T00:00:00Z"),
        ("suspended", "2026-02-10T06:00:00Z"),
        ("active", "2026-03-01T00:00:00Z"),
    ):
        register = advance(register, transition(state, time=time))
    assert life_of(register).ends == "2026-02-11T00:00:00Z"


@pytest.mark.parametrize(
    ("moment", "days", "said"),
    [
        ("2024-02-28T00:00:00Z", 1, "2024-02-29T00:00:00Z"),
        ("2026-12-31T23:59:59Z", 1, "2027-01-01T23:59:59Z"),
        ("9999-12-31T00:00:00Z", 36_500, "9999-01-01T00:00:00Z"),
        ("0001-01-02T00:00:00Z", -30, "0001-01-01T00:00:00Z"),
        ("0999-12-31T00:00:00Z", 1, "1000-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", 1, "0001-01-02T00:00:00Z"),
    ],
)
def test_days_are_added(moment: str, days: int, said: str) -> None:
    assert add_days(moment, days) == said


def test_the_successor_is_the_newest_that_may_still_sign() -> None:
    register = lived("active")
    assert register.successor(KEYID) is None
    for number, keyid in enumerate((NEXT_KEYID, "ab" * 32), 2):
        key = NewKey(name=f"prod-{number}", predecessor=KEYID)
        register = advance(register, transition("active", key, keyid=keyid))
    successor = register.successor(KEYID)
    assert successor is not None
    assert successor.key.name == "prod-3"
    register = advance(register, transition("compromised", keyid="ab" * 32))
    successor = register.successor(KEYID)
    assert successor is not None
    assert successor.key.name == "prod-2"
