"""The station's policy: every vector gives its outcome, and the messages say what to mend."""

from __future__ import annotations

import json

import pytest

from signkit.errors import MalformedError, SignkitError, TooLargeError
from signkit.formats.policy import POLICY_SIZE, parse_policy
from signkit.model.policy import Policy, Rule
from signkit.policy.read import read_policy
from signkit.verify.digest import compute_digest
from tests.support.keys import PROD, REQUESTER, SPARE
from tests.support.policy_vectors import FOLDER, FULL, SMALL, vectors

CASES = json.loads((FOLDER / "EXPECT.json").read_text())


def outcome(data: bytes) -> str:
    try:
        read_policy(data)
    except SignkitError as error:
        return error.code
    return "accept"


@pytest.mark.parametrize(("name", "code"), CASES.items())
def test_a_vector_gives_its_outcome(name: str, code: str) -> None:
    assert outcome((FOLDER / name).read_bytes()) == code


def test_stored_vectors_are_the_generated_ones() -> None:
    found = vectors()
    assert {name: code for name, (_data, code) in found.items()} == CASES
    for name, (data, _code) in found.items():
        assert (FOLDER / name).read_bytes() == data, name


def test_what_the_full_policy_says() -> None:
    policy = parse_policy(FULL.encode())
    assert policy.digest == compute_digest(FULL.encode())
    assert (policy.most_items, policy.most_bytes, policy.operators) == (200, 10**9, 2)
    assert policy.operator_names == ("Ada Lovelace", "Grace Hopper", "Barbara Liskov")
    server, ada = policy.requesters
    assert (server.name, server.keyid) == ("build server", REQUESTER.public_key.keyid)
    assert (server.openpgp, ada.keyid, ada.openpgp) == (None, None, "332C04EE" * 5)
    release, root = policy.rules
    assert release.keys == (PROD.public_key.keyid, SPARE.public_key.keyid)
    assert (release.schemes, root.schemes) == (("peridio", "statement"), ("trust",))
    assert (release.expires_within_days, root.expires_within_days) == (730, None)


def test_what_is_not_said_is_strict() -> None:
    policy = parse_policy(SMALL.encode())
    assert (policy.rising_sequence, policy.follows_last_response) == (True, False)
    assert (policy.unknown_requesters, policy.unattended, policy.operators) == (False, False, 1)
    (rule,) = policy.rules
    assert (rule.digest_only, rule.keys) == (False, None)


def test_no_policy_demands_nothing() -> None:
    policy = Policy()
    assert policy.rules == (Rule(),)
    assert (policy.digest, policy.unknown_requesters, policy.unattended) == (None, True, True)
    assert (policy.rising_sequence, policy.operators, Rule().digest_only) == (False, 1, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "most_item = 1",
            "policy.request: unknown name 'most_item'; the nearest known is 'most_items'",
        ),
        ("bytes = 1", "policy.request: unknown name 'bytes'; the nearest known is 'most_bytes'"),
    ],
)
def test_an_unknown_name_is_named_with_the_nearest(change: str, message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_policy(f"{FULL}\n".replace("[request]", f"[request]\n{change}").encode())
    assert str(caught.value) == message


def test_an_unknown_name_in_a_rule_says_which_rule() -> None:
    text = FULL.replace('schemes = ["trust"]', 'scheme = ["trust"]')
    with pytest.raises(
        MalformedError, match=r"^policy: rule 2: unknown name 'scheme'; .*'schemes'"
    ):
        parse_policy(text.encode())


def test_an_unknown_scheme_is_named_with_the_nearest() -> None:
    text = FULL.replace('["trust"]', '["statment"]')
    with pytest.raises(MalformedError, match=r"rule 2: unknown scheme 'statment'.*'statement'"):
        read_policy(text.encode())


def test_a_file_past_the_limit_is_not_looked_at() -> None:
    with pytest.raises(TooLargeError):
        parse_policy(b"#" * (POLICY_SIZE + 1))


@pytest.mark.parametrize("length", range(0, len(FULL), 7))
def test_a_truncated_policy_is_refused_or_means_what_it_says(length: int) -> None:
    """A file that lost its end is refused, but for an end at which nothing is lost but a rule."""
    if outcome(FULL.encode()[:length]) == "accept":
        assert "[[rule]]" in FULL[:length]
