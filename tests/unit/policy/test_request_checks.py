"""Controls of the request as a whole, each with both outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from signkit.errors import PolicyError
from signkit.model.policy import Requester
from signkit.policy.answer import Answer
from signkit.policy.facts import LastResponse, Signed
from signkit.policy.request_checks import (
    check_items,
    check_previous,
    check_requester,
    check_sequence,
    check_size,
)
from signkit.verify.digest import compute_digest
from tests.support.keys import REQUESTER, STRANGER
from tests.support.policies import KNOWN, asked, facts, policy

THIS, OTHER = compute_digest(b"this request"), compute_digest(b"another")
PLACE = ("ML-Model", "aarch64-unknown-linux")
FINGERPRINT = "332C04EE" * 5
ADA = Requester(name="Ada", openpgp=FINGERPRINT, openpgp_key="-")
BOTH = Requester(name="Ada at her desk", keyid=KNOWN.keyid, openpgp=FINGERPRINT, openpgp_key="-")


def requester(*known: Requester, unknown: bool = False, **changes: Any) -> Answer:
    demanded = policy(requesters=known, unknown_requesters=unknown)
    return check_requester(asked({}), demanded, facts(**changes))


@pytest.mark.parametrize(
    ("known", "openpgp"),
    [((KNOWN,), None), ((ADA,), FINGERPRINT), ((BOTH,), FINGERPRINT), ((BOTH, KNOWN), None)],
)
def test_a_known_requester(known: tuple[Requester, ...], openpgp: str | None) -> None:
    answer = requester(*known, openpgp=openpgp)
    assert answer.held
    assert answer.line.startswith(f"asked by {known[-1].name!r}, known by ")


@pytest.mark.parametrize(
    ("known", "changes", "message"),
    [
        ((KNOWN,), {"requester": STRANGER.public_key.keyid}, "names no requester of keyid"),
        ((BOTH,), {"requester": STRANGER.public_key.keyid, "openpgp": FINGERPRINT}, "with the Ope"),
        (
            (BOTH,),
            {},
            "no OpenPGP signature beside the request: expected that of 'Ada at her desk'",
        ),
        ((ADA,), {}, "no OpenPGP signature beside the request: expected that of 'Ada'"),
        ((ADA,), {"openpgp": "0" * 40}, "names no requester of .* with the OpenPGP key 0000"),
        (
            (KNOWN,),
            {"openpgp_problem": "its key has expired"},
            "does not hold: its key has expired",
        ),
    ],
)
def test_somebody_else(known: tuple[Requester, ...], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=f"^SK-POLICY-REQUESTER: .*{message}"):
        requester(*known, **changes)


def test_a_broken_signature_is_refused_where_anybody_may_ask() -> None:
    with pytest.raises(PolicyError, match="SK-POLICY-REQUESTER"):
        requester(unknown=True, openpgp_problem="it is of other bytes")


def test_an_unknown_requester_who_is_admitted_is_shown_as_such() -> None:
    answer = requester(ADA, unknown=True)
    assert not answer.held
    assert answer.line == (
        f"UNKNOWN requester, keyid {REQUESTER.public_key.keyid}: nobody vouches for it"
    )


def test_items() -> None:
    two = asked({}, {"target": "b"})
    assert check_items(two, policy(most_items=2), facts()).held
    assert not check_items(two, policy(), facts()).held
    with pytest.raises(PolicyError, match=r"SK-POLICY-ITEMS: expected at most 1 items, got 2$"):
        check_items(two, policy(most_items=1), facts())


def test_size() -> None:
    two = asked({"size": 60}, {"target": "b", "size": 40})
    assert check_size(two, policy(most_bytes=100), facts()).held
    assert not check_size(two, policy(), facts()).held
    with pytest.raises(PolicyError, match=r"SK-POLICY-SIZE: expected at most 99 .*, got 100$"):
        check_size(two, policy(most_bytes=99), facts())


def sequence(*items: dict[str, Any], signed: Any = None, rising: bool = True) -> Answer:
    known = facts(signed=signed, request=THIS)
    return check_sequence(asked(*items), policy(rising_sequence=rising), known)


@pytest.mark.parametrize(
    "signed",
    [{}, {PLACE: Signed(6, OTHER)}, {PLACE: Signed(7, THIS)}, {("ML-Model", "b"): Signed(9)}],
    ids=["first", "above-the-last", "the-same-request-again", "another-target"],
)
def test_a_rising_sequence(signed: Any) -> None:
    assert sequence({"sequence": 7}, signed=signed).held


@pytest.mark.parametrize("last", [Signed(7, OTHER), Signed(8, OTHER), Signed(7)])
def test_a_sequence_that_does_not_rise(last: Signed) -> None:
    above = last.sequence + 1
    with pytest.raises(
        PolicyError, match=f"SK-POLICY-SEQUENCE: .* above {last.sequence} "
    ) as caught:
        sequence({"sequence": 7}, signed={PLACE: last})
    assert caught.value.hint == f"prepare it again with --sequence {above}, or a higher one"


@pytest.mark.parametrize("second", [3, 4])
def test_sequences_rise_within_the_request(second: int) -> None:
    items = {"sequence": 4}, {"sequence": second, "version": "2"}
    for signed in ({}, None, {PLACE: Signed(4, THIS)}):
        with pytest.raises(PolicyError, match=r"SK-POLICY-SEQUENCE: item 2: .* above 4 "):
            sequence(*items, signed=signed)
    assert sequence(*items, signed={}, rising=False).held is False
    assert sequence({"sequence": 4}, {"sequence": 5, "version": "2"}, signed={}).held


def test_what_was_signed_before_is_not_known_everywhere() -> None:
    answer = sequence({}, signed=None)
    assert answer == (
        False,
        "sequences rise within the request; what was signed before is not known",
    )


def test_a_permit_is_no_release() -> None:
    only = [{"scheme": "permit", "role": "release"}]
    assert sequence({"sequence": 2, "wanted": only}, signed={PLACE: Signed(9, OTHER)}).held
    both = [*only, {"scheme": "statement", "role": "release"}]
    with pytest.raises(PolicyError, match="SK-POLICY-SEQUENCE"):
        sequence({"sequence": 2, "wanted": both}, signed={PLACE: Signed(9, OTHER)})


LAST = LastResponse(request=OTHER, response=compute_digest(b"response"))


def previous(follows: Any, last: LastResponse | None, *, demanded: bool = True) -> Answer:
    request = asked({}, previous_response=follows and {"sha256": follows.hex()})
    known = facts(last_response=last, request=THIS)
    return check_previous(request, policy(follows_last_response=demanded), known)


def test_a_request_that_follows_the_last_response() -> None:
    assert previous(LAST.response, LAST).held
    assert previous(None, LastResponse()).held
    again = LastResponse(request=THIS, response=compute_digest(b"its own response"))
    assert previous(LAST.response, again).held
    assert not previous(OTHER, LAST, demanded=False).held
    assert not previous(OTHER, None).held


@pytest.mark.parametrize(
    ("follows", "last"),
    [(None, LAST), (OTHER, LAST), (OTHER, LastResponse())],
    ids=["none", "another", "one-of-an-empty-ledger"],
)
def test_a_request_that_follows_another(follows: Any, last: LastResponse) -> None:
    with pytest.raises(PolicyError, match="SK-POLICY-PREVIOUS: the request follows another"):
        previous(follows, last)
