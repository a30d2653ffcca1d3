"""Controls of each item, each with both outcomes; the first rule that matches decides."""

from __future__ import annotations

from typing import Any

import pytest

from signkit.errors import PolicyError
from signkit.model.policy import Rule
from signkit.policy.rule_checks import check_content, check_expiry, check_key, check_scope
from tests.support.keys import PROD, SPARE
from tests.support.policies import asked, facts, policy

RELEASE = Rule(roles=("release",), artifacts=("ML-*",), schemes=("peridio", "statement"))
ONLY_PROD = (PROD.public_key.keyid,)
ONLY_SPARE = (SPARE.public_key.keyid,)


def test_a_rule_for_everything_that_is_wanted() -> None:
    assert check_scope(asked({}), policy(RELEASE), facts()).held
    assert check_scope(asked({}), policy(), facts()).held


@pytest.mark.parametrize(
    "rule",
    [
        Rule(roles=("root",)),
        Rule(artifacts=("ml-*",)),
        Rule(artifacts=("ML",)),
        Rule(targets=("aarch64",)),
        Rule(schemes=("statement",)),
        Rule(schemes=("permit", "trust")),
    ],
)
def test_no_rule_for_something(rule: Rule) -> None:
    with pytest.raises(PolicyError, match=r"SK-POLICY-SCOPE: item 2 \('model.bin'\): no rule lets"):
        check_scope(
            asked({"artifact": "x", "target": "y"}, {}),
            policy(rule, Rule(artifacts=("x",))),
            facts(),
        )


def test_a_key_that_the_rule_names() -> None:
    rule = Rule(keys=ONLY_PROD)
    assert check_key(asked({}), policy(rule), facts()).held
    assert not check_key(asked({}), policy(), facts()).held
    assert not check_key(asked({}), policy(rule), facts(keyids=None)).held
    with pytest.raises(PolicyError, match=rf"SK-POLICY-KEY: item 1 .* the key {ONLY_SPARE[0]} may"):
        check_key(asked({}), policy(rule), facts(keyids=frozenset(ONLY_SPARE)))
    with pytest.raises(PolicyError, match="SK-POLICY-KEY"):
        check_key(asked({}), policy(rule), facts(keyids=frozenset(ONLY_SPARE + ONLY_PROD)))


def test_a_key_signs_in_one_of_the_roles_that_are_wanted() -> None:
    wanted = [{"scheme": "statement", "role": role} for role in ("release", "quality")]
    two = policy(
        Rule(roles=("release",), keys=ONLY_PROD), Rule(roles=("quality",), keys=ONLY_SPARE)
    )
    for keyid in (*ONLY_PROD, *ONLY_SPARE):
        assert check_key(asked({"wanted": wanted}), two, facts(keyids=frozenset({keyid}))).held
    with pytest.raises(PolicyError, match="SK-POLICY-KEY"):
        check_key(asked({"wanted": wanted[:1]}), two, facts(keyids=frozenset(ONLY_SPARE)))


def test_the_first_rule_decides() -> None:
    """A wide rule after a narrow one gives nothing back that the narrow one takes."""
    narrow, wide = Rule(artifacts=("ML-*",), keys=ONLY_SPARE), Rule()
    with pytest.raises(PolicyError, match="SK-POLICY-KEY"):
        check_key(asked({}), policy(narrow, wide), facts())
    assert check_key(asked({}), policy(wide, narrow), facts()).held


SEEN = Rule(digest_only=False)


def test_content_that_was_seen() -> None:
    assert check_content(asked({}), policy(SEEN), facts()).held
    assert not check_content(asked({}), policy(), facts(hashed=frozenset())).held
    assert not check_content(asked({}), policy(SEEN), facts(hashed=None)).held


def test_content_that_was_not_seen() -> None:
    two = asked({}, {"target": "b"})
    with pytest.raises(PolicyError, match=r"SK-POLICY-CONTENT: item 2 .* was not seen"):
        check_content(two, policy(SEEN), facts(hashed=frozenset({0})))
    blind_b = policy(Rule(targets=("b",)), SEEN)
    assert check_content(two, blind_b, facts(hashed=frozenset({0}))).held


def test_a_trust_root_carries_its_content_along() -> None:
    root = {"wanted": [{"scheme": "trust", "role": "root"}]}
    assert check_content(asked(root), policy(SEEN), facts(hashed=frozenset())).held


MONTH = Rule(artifacts=("ML-*",), expires_within_days=30)


@pytest.mark.parametrize(
    ("expires", "held"),
    [
        ("2026-03-02T12:00:00Z", True),
        ("2026-03-02T12:00:01Z", False),
        ("9999-12-31T23:59:59Z", False),
        (None, False),
    ],
)
def test_an_item_expires_in_time(expires: str | None, held: bool) -> None:
    request = asked({"expires": expires})
    if held:
        assert check_expiry(request, policy(MONTH), facts()).held
        return
    with pytest.raises(PolicyError, match=r"SK-POLICY-EXPIRY: item 1 .* by 2026-03-02T12:00:00Z"):
        check_expiry(request, policy(MONTH), facts())


def test_expiry_is_asked_where_a_rule_asks_it() -> None:
    items: tuple[dict[str, Any], ...] = ({"artifact": "x"}, {"expires": "2026-02-01T00:00:00Z"})
    assert check_expiry(asked(*items), policy(MONTH, Rule()), facts()).held
    assert not check_expiry(asked({}), policy(), facts()).held
