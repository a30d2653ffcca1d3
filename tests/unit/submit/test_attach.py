from __future__ import annotations

from uuid import uuid4

import pytest

from signkit.errors import ReceiptMismatchError, StateError, StatusError
from tests.support.hostile_registry import ORGANIZATION, Answer, edited, json_answer
from tests.support.keys import PROD, SPARE
from tests.support.submission import make_signed


def signatures(registry) -> list[str]:
    return [each["signature"] for each in registry.binary["signatures"]]


@pytest.fixture
def twice_signed(tmp_path):
    return make_signed(tmp_path, keys=(PROD, SPARE))


def test_one_signature_by_default(registry, submitter, twice_signed):
    outcome = submitter.one(twice_signed)
    assert outcome.keyids == (PROD.public_key.keyid,)
    assert len(signatures(registry)) == 1


def test_every_signature_where_it_is_asked_for(registry, submitter, twice_signed):
    outcome = submitter.one(twice_signed, attach_all=True)
    assert outcome.keyids == (PROD.public_key.keyid, SPARE.public_key.keyid)
    assert len(set(signatures(registry))) == 2


def test_one_that_is_there_is_enough(registry, submitter, twice_signed, tmp_path):
    """The second key's signature was attached; the response's first is not added to it."""
    submitter.one(twice_signed, attach_all=True)
    del registry.binary["signatures"][0]
    assert submitter.one(twice_signed).keyids == (SPARE.public_key.keyid,)
    assert len(signatures(registry)) == 1


def test_w13_a_signed_binary_gets_what_is_missing(registry, submitter, signed):
    submitter.one(signed)
    registry.binary["signatures"].clear()
    submitter.one(signed)
    assert len(signatures(registry)) == 1


def test_the_case_of_hex_is_the_registrys(registry, submitter, signed):
    submitter.one(signed)
    (entry,) = registry.binary["signatures"]
    entry["signature"] = entry["signature"].lower()
    assert submitter.one(signed).keyids == (PROD.public_key.keyid,)


def test_somebody_elses_signature_is_not_joined_unasked(registry, submitter, signed):
    submitter.one(signed)
    registry.binary["signatures"][0]["signature"] = "AB" * 64
    with pytest.raises(StateError, match="by another key already") as caught:
        submitter.one(signed)
    assert "--all-signatures" in str(caught.value.hint)
    submitter.one(signed, attach_all=True)
    assert len(signatures(registry)) == 2


def test_somebody_elses_signature_meanwhile_is_not_joined_unasked(registry, submitter, signed):
    """Another submitter of the same content, with another key, is done while this one uploads."""
    other = {"signature": "AB" * 64, "signing_key_prn": f"{ORGANIZATION}:signing_key:{uuid4()}"}

    def finish(call, answer):
        if b"hashing" not in call.body:
            return answer
        registry.binary.update(state="signed", signatures=[other])
        return json_answer({"binary": registry.binary})

    registry.bend("PATCH", "/binaries/", finish)
    with pytest.raises(StateError, match="by another key already"):
        submitter.one(signed)
    assert registry.binary["signatures"] == [other]


@pytest.mark.parametrize("answer", [Answer(raw=b""), json_answer({}, 500), json_answer({}, 409)])
def test_f37_a_lost_answer_attaches_nothing_twice(registry, submitter, signed, answer):
    registry.bend("POST", "/binary_signatures", lambda *_: answer, times=1)
    submitter.one(signed)
    assert len(registry.made("POST", "/binary_signatures")) == 1


def test_w10_a_refused_signature_is_an_error(registry, submitter, signed):
    def refuse(_call, _answer):
        registry.binary["signatures"].clear()
        return json_answer({"errors": {"signature": ["is invalid"]}}, 422)

    registry.bend("POST", "/binary_signatures", refuse)
    with pytest.raises(StatusError, match="signature: is invalid"):
        submitter.one(signed)


def test_w09_state_signed_is_asked_for_where_it_does_not_come_by_itself(
    registry, submitter, signed
):
    def stay(_call, answer):
        registry.binary["state"] = "signable"
        return answer

    registry.bend("POST", "/binary_signatures", stay)
    assert submitter.one(signed).binary.state == "signed"
    assert b'"state":"signed"' in registry.made("PATCH")[-1].body


def test_w09_a_state_that_came_by_itself_is_not_asked_for(registry, submitter, signed):
    submitter.one(signed)
    assert b'"state":"hashing"' in registry.made("PATCH")[-1].body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "signable"}, "expected the state signed"),
        ({"hash": "00" * 32}, "other content"),
        ({"size": 15}, "other content"),
        ({"custom_metadata": {}}, "other custom metadata"),
        ({"signatures": []}, "does not give back"),
        ({"signatures": None}, "does not give back"),
    ],
)
def test_f55_what_is_read_back_must_be_what_was_sent(registry, submitter, signed, change, said):
    def edit(value):
        if value.get("binary", {}).get("state") == "signed":
            value["binary"].update(change)

    registry.bend("GET", "/binaries/prn", edited(edit))
    with pytest.raises(ReceiptMismatchError, match=said):
        submitter.one(signed)
