"""Collecting signatures: any order, each key once, both root roles, and never for another draft."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from signkit.errors import (
    ResponseError,
    RollbackError,
    SignatureInvalidError,
    ThresholdError,
    TooLargeError,
    TrustError,
    UnknownKeyError,
)
from signkit.formats.trust import encode_draft, new_draft, sign_draft
from signkit.model.response import ItemError
from signkit.trust.collect import (
    check_next,
    complete_draft,
    find_refusal,
    merge_signatures,
    own_status,
    root_statuses,
    signatures_of_response,
)
from signkit.trust.edit import add_key, next_version, remove_key, replaced
from signkit.verify.digest import compute_digest
from signkit.verify.envelope import Signature
from signkit.verify.trust import Trust, follow_trust, load_trust
from tests.support.documents import response_file, response_value, result_value
from tests.support.keys import PROD, STRANGER, KeyOfTest
from tests.support.trust_roots import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    ERIN,
    FRANK,
    ISSUED,
    first,
    response_to,
    signed_draft,
    signed_file,
)

CURRENT = load_trust(signed_file(first(), ALICE, BOB, CAROL))


def second() -> Trust:
    """Version 2: frank in place of alice."""
    trust = next_version(CURRENT, issued=ISSUED)
    trust = add_key(trust, FRANK.public_key, name="frank", roles=["root"])
    return remove_key(trust, ALICE.public_key)


DRAFT = new_draft(second())


def test_the_signatures_of_a_response() -> None:
    (made,) = signatures_of_response(response_to(DRAFT, BOB), DRAFT)
    assert made == sign_draft(DRAFT, BOB)


def test_any_order_gives_the_same_bytes() -> None:
    offered = [sign_draft(DRAFT, key) for key in (ALICE, BOB, CAROL)]
    files = {
        encode_draft(merge_signatures(DRAFT, [*order, order[0]], CURRENT))
        for order in permutations(offered)
    }
    assert len(files) == 1
    (file,) = files
    merged = merge_signatures(DRAFT, offered[:1], CURRENT)
    assert encode_draft(merge_signatures(merged, offered[1:], CURRENT)) == file


def test_it_takes_both_root_roles() -> None:
    data = complete_draft(signed_draft(second(), BOB, CAROL, DAVE, current=CURRENT), CURRENT)
    assert follow_trust(CURRENT, data) == second()
    data = complete_draft(
        signed_draft(second(), ALICE, BOB, CAROL, FRANK, current=CURRENT), CURRENT
    )
    assert follow_trust(CURRENT, data) == second()


def test_an_envelope_holds_64() -> None:
    many = [KeyOfTest(f"k{place}", 0x80 + place) for place in range(65)]
    trust = first(*many, threshold=32)
    assert len(signed_draft(trust, *many[:64]).signatures) == 64
    with pytest.raises(TooLargeError, match="at most 64 signatures, got 65"):
        signed_draft(trust, *many)


def test_who_is_missing_is_said_by_name() -> None:
    draft = signed_draft(second(), ALICE, BOB, FRANK, current=CURRENT)
    before, after = root_statuses(draft, CURRENT)
    assert (before.met, before.signed, before.missing) == (
        False,
        ("alice", "bob"),
        ("carol", "dave", "erin"),
    )
    assert (after.met, after.signed) == (False, ("bob", "frank"))
    with pytest.raises(ThresholdError, match=r"version 1 has 2 of 3 signatures, and carol") as no:
        complete_draft(draft, CURRENT)
    assert "version 2 has 2 of 3 signatures, and carol, dave, erin did not" in str(no.value)
    assert (no.value.required, no.value.got) == (3, 2)
    assert no.value.missing == tuple(key.public_key.keyid for key in (CAROL, DAVE, ERIN))


def test_version_1_takes_its_own_threshold_only() -> None:
    assert load_trust(complete_draft(signed_draft(first(), ALICE, BOB, ERIN), None)) == first()


@pytest.mark.parametrize("signer", [PROD, STRANGER])
def test_keys_of_neither_root_role_are_refused(signer: KeyOfTest) -> None:
    offered = sign_draft(DRAFT, signer)
    with pytest.raises(UnknownKeyError, match="a key of neither root role"):
        merge_signatures(DRAFT, [offered], CURRENT)


def test_a_signature_that_does_not_verify_is_refused() -> None:
    wrong = replace_signature(BOB, CAROL)
    with pytest.raises(SignatureInvalidError):
        merge_signatures(DRAFT, [wrong], CURRENT)
    with pytest.raises(TrustError, match=r"trust root: .*does not verify") as caught:
        own_status(replace(DRAFT, signatures=(wrong,)))
    assert caught.value.reason == "signature-invalid"


def replace_signature(said: KeyOfTest, made: KeyOfTest) -> Signature:
    return replaced(sign_draft(DRAFT, said), signature=sign_draft(DRAFT, made).signature)


def test_the_draft_must_be_the_next_version() -> None:
    with pytest.raises(RollbackError, match="version 1: expected version 2") as caught:
        check_next(new_draft(first()), CURRENT)
    assert (caught.value.floor, caught.value.offered) == (2, 1)
    third = new_draft(next_version(second(), issued=ISSUED))
    with pytest.raises(TrustError, match="version 3, and version 2 is missing before") as gap:
        check_next(third, CURRENT)
    assert gap.value.reason == "version-gap"
    with pytest.raises(TrustError, match="version 2, and version 1 is missing before"):
        complete_draft(DRAFT, None)


def test_why_a_device_refuses() -> None:
    assert isinstance(find_refusal(DRAFT, CURRENT), ThresholdError)
    some = find_refusal(signed_draft(second(), ALICE, BOB, current=CURRENT), CURRENT)
    assert "carol, dave, erin did not sign" in str(some)
    forged = replace(DRAFT, signatures=(sign_draft(DRAFT, STRANGER),))
    refusal = find_refusal(forged, CURRENT)
    assert isinstance(refusal, TrustError)
    assert refusal.reason == "unknown-key"
    assert isinstance(find_refusal(signed_draft(first(), ALICE), CURRENT), RollbackError)
    good = signed_draft(second(), BOB, CAROL, DAVE, current=CURRENT)
    assert find_refusal(good, CURRENT) is None


def refused(data: bytes, reason: str, said: str) -> None:
    with pytest.raises(ResponseError, match=said) as caught:
        signatures_of_response(data, DRAFT)
    assert caught.value.reason == reason


def test_a_response_to_another_draft() -> None:
    other = new_draft(next_version(CURRENT, issued=ISSUED))
    refused(response_to(other, BOB), "context", "the response is not for this draft, whose SHA-256")
    refused(response_file(), "context", "the response is not for this draft")


def test_a_response_that_says_this_draft_and_signs_another() -> None:
    """Attacker: a station that answers for this draft with a signature of an earlier one."""
    other = new_draft(next_version(CURRENT, issued=ISSUED))
    digest = compute_digest(DRAFT.payload)
    refused(response_to(other, BOB, digest=digest), "context", "is of another trust root")


def test_a_response_that_signed_nothing() -> None:
    problem = ItemError(code="policy", message="not today")
    data = response_to(DRAFT, signatures=(), error=problem)
    refused(data, "context", "the station signed nothing: not today")


def test_a_response_to_two_items() -> None:
    items = (result_value(), result_value(item=1))
    data = response_file(response_value(*items))
    refused(data, "context", "the response answers 2 items, and a trust root is asked for alone")


def test_what_is_no_response() -> None:
    refused(b"{}", "malformed", "response")


def test_a_signature_by_another_than_the_root_keys_is_passed_over_when_shown() -> None:
    stranger = replace(DRAFT, signatures=(sign_draft(DRAFT, STRANGER), sign_draft(DRAFT, BOB)))
    assert own_status(stranger).signed == ("bob",)
