"""Signatures are verified before they are stored, and attached once for each key."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest

from signkit.verify.encoding import canonical_json
from tests.support.keys import PROD, SPARE, STRANGER

L = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture
def binary(api):
    return api.signable(b"content")


def post(api, binary, **changes):
    body = {
        "binary_prn": binary["prn"],
        "signing_key_prn": api.key()["prn"],
        "signature": PROD.sign(binary["hash"].encode()).hex().upper(),
        **changes,
    }
    return api.call(
        "POST", "/binary_signatures", {k: v for k, v in body.items() if v != "leave out"}
    )


def keyids(key):
    named = {"keytype": "ed25519", "keyval": {"public": key.raw.hex()}, "scheme": "ed25519"}
    short = "sha256-" + sha256(key.raw).hexdigest()[:16]
    return [sha256(key.raw).hexdigest(), short, sha256(canonical_json(named)).hexdigest()]


@pytest.mark.parametrize("spell", [str.upper, str.lower, str.swapcase, str.title])
def test_the_case_given_is_the_case_returned(api, binary, spell):
    text = spell(PROD.sign(binary["hash"].encode()).hex())
    made = post(api, binary, signature=text).json()["binary_signature"]
    assert made["signature"] == text
    assert api.read(binary)["signatures"][0]["signature"] == text


def test_over_the_raw_digest(api, binary):
    signature = PROD.sign(bytes.fromhex(binary["hash"])).hex()
    assert post(api, binary, signature=signature).status_code == 201


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("spell", [str.lower, str.upper])
def test_by_any_keyid(api, binary, which, spell):
    api.key()
    keyid = spell(keyids(PROD.public_key)[which])
    answer = post(api, binary, signing_key_prn="leave out", signing_key_keyid=keyid)
    assert answer.status_code == 201
    assert answer.json()["binary_signature"]["keyid"] == PROD.public_key.keyid


def test_by_both_names(api, binary):
    spare = api.key(SPARE)
    answer = post(api, binary, signing_key_keyid=spare["keyid"])
    assert answer.json() == {"errors": {"signing_key_keyid": ["is not that of signing_key_prn"]}}
    answer = post(api, binary, signing_key_keyid=PROD.public_key.keyid)
    assert answer.status_code == 201


def test_twice_is_once(api, binary):
    first = post(api, binary)
    raw = PROD.sign(bytes.fromhex(binary["hash"])).hex()
    again = [post(api, binary), post(api, binary, signature=raw)]
    assert [answer.status_code for answer in again] == [200, 200]
    assert [answer.json() for answer in again] == [first.json()] * 2
    assert len(api.read(binary)["signatures"]) == 1


def test_a_bad_signature_is_refused_even_where_a_good_one_is(api, binary):
    assert post(api, binary).status_code == 201
    assert post(api, binary, signature="0" * 128).status_code == 422


def test_signing_makes_it_signed(api, binary):
    assert post(api, binary).status_code == 201
    now = api.read(binary)
    assert now["state"] == "signed"
    assert api.sign(binary, SPARE).status_code == 201
    assert len(api.read(binary)["signatures"]) == 2


def forge(binary, what):
    good = PROD.sign(binary["hash"].encode())
    return {
        "other key": STRANGER.sign(binary["hash"].encode()),
        "other content": PROD.sign(sha256(b"other").hexdigest().encode()),
        "content itself": PROD.sign(b"content"),
        "upper hex": PROD.sign(binary["hash"].upper().encode()),
        "line feed": PROD.sign(binary["hash"].encode() + b"\n"),
        "one bit": bytes([good[0] ^ 1]) + good[1:],
        "S + L": good[:32] + (int.from_bytes(good[32:], "little") + L).to_bytes(32, "little"),
        "zeroes": bytes(64),
    }[what].hex()


@pytest.mark.parametrize(
    "what",
    [
        "other key",
        "other content",
        "content itself",
        "upper hex",
        "line feed",
        "one bit",
        "S + L",
        "zeroes",
    ],
)
def test_forgeries(api, binary, what):
    answer = post(api, binary, signature=forge(binary, what))
    assert answer.status_code == 422
    assert "does not verify" in answer.json()["errors"]["signature"][0]
    now = api.read(binary)
    assert (now["state"], now["signatures"]) == ("signable", [])


@pytest.mark.parametrize("text", ["", "00", "0" * 127, "0" * 129, "g" * 128, "0" * 128 + "\n"])
def test_texts_that_are_no_signature(api, binary, text):
    answer = post(api, binary, signature=text)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["signature"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"signing_key_prn": "leave out"}, "signing_key_prn"),
        ({"signing_key_prn": None}, "signing_key_prn"),
        ({"signing_key_prn": "x"}, "signing_key_prn"),
        ({"signing_key_keyid": "0" * 64}, "signing_key_keyid"),
        ({"signing_key_keyid": "%"}, "signing_key_keyid"),
        ({"binary_prn": "x"}, "binary_prn"),
    ],
)
def test_keys_and_binaries_that_are_not_there(api, binary, changes, field):
    answer = post(api, binary, **changes)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


@pytest.mark.parametrize("state", ["uploadable", "hashable"])
def test_not_before_the_content_is_verified(api, state):
    binary = api.binary(b"content")
    api.upload(binary, b"content")
    if state == "hashable":
        api.move(binary, state)
    answer = post(api, binary)
    assert answer.status_code == 409
    assert api.read(binary)["signatures"] == []


def test_w17_delete_can_be_read_by_the_client_that_panics_on_204(api, binary):
    made = post(api, binary).json()["binary_signature"]
    answer = api.call("DELETE", f"/binary_signatures/{made['prn']}")
    assert (answer.status_code, answer.json()) == (200, {})
    assert api.call("GET", f"/binary_signatures/{made['prn']}").status_code == 404
    now = api.read(binary)
    assert (now["state"], now["signatures"]) == ("signed", [])
    assert post(api, binary).status_code == 201


def test_read_and_pem(api, binary):
    made = post(api, binary).json()["binary_signature"]
    assert api.ask("GET", f"/binary_signatures/{made['prn']}") == made
    der = bytes.fromhex("302a300506032b6570032100") + PROD.public_key.raw
    lines = made["public_value"].splitlines()
    assert lines == [
        "-----BEGIN PUBLIC KEY-----",
        b64encode(der).decode(),
        "-----END PUBLIC KEY-----",
    ]
