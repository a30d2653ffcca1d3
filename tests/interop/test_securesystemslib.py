"""securesystemslib, the DSSE library of TUF and in-toto, reads what signkit writes, and back."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey  # type: ignore[attr-defined]

from signkit.errors import SignatureInvalidError, ThresholdError
from signkit.schemes import statement
from signkit.verify.encoding import encode_json
from signkit.verify.envelope import open_envelope, parse_envelope, pre_authentication_encoding
from signkit.verify.verdict import Expectation, role_of_keys, verify_statement
from tests.support.documents import (
    REQUEST_TYPE,
    STATEMENT_TYPE,
    TRUST_TYPE,
    request_file,
    request_of,
    statement_envelope,
    statement_value,
    trust_file,
)
from tests.support.keys import PROD, REQUESTER, ROOT, SPARE, STRANGER, KeyOfTest

ANYTHING = Expectation(artifact=None, target=None, floor=0, now=None)


def theirs(key: KeyOfTest) -> CryptoSigner:
    """The same key in their hands, under the keyid that signkit gives it."""
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    public = SSlibKey.from_crypto(private.public_key(), keyid=key.public_key.keyid)
    return CryptoSigner(private, public)


def their_verdict(value: dict[str, Any], *keys: KeyOfTest, threshold: int = 1) -> set[str]:
    public: list[Key] = [theirs(key).public_key for key in keys]
    return set(Envelope.from_dict(deepcopy(value)).verify(public, threshold))


def both_signed() -> dict[str, Any]:
    value = statement_envelope()
    value["signatures"] += statement_envelope(SPARE)["signatures"]
    return value


def test_they_verify_our_statement() -> None:
    assert their_verdict(statement_envelope(), PROD) == {PROD.public_key.keyid}


def test_they_count_our_signatures() -> None:
    keyids = {PROD.public_key.keyid, SPARE.public_key.keyid}
    assert their_verdict(both_signed(), PROD, SPARE, threshold=2) == keyids
    with pytest.raises(VerificationError):
        their_verdict(statement_envelope(), PROD, SPARE, threshold=2)


@pytest.mark.parametrize("part", ["payload", "payloadType", "sig"])
def test_they_refuse_a_flipped_one_as_we_do(part: str) -> None:
    value = statement_envelope()
    if part == "payload":
        value["payload"] = statement_envelope(version="1.0.1")["payload"]
    elif part == "payloadType":
        value["payloadType"] = "application/json"
    else:
        value["signatures"][0]["sig"] = statement_envelope(STRANGER)["signatures"][0]["sig"]
    with pytest.raises(VerificationError):
        their_verdict(value, PROD)
    envelope = parse_envelope(
        encode_json(value), payload_type=value["payloadType"], limit=9999, what="statement"
    )
    with pytest.raises(SignatureInvalidError):
        open_envelope(
            envelope, keys={PROD.public_key.keyid: PROD.public_key}, threshold=1, what="it"
        )


def test_they_refuse_another_key() -> None:
    with pytest.raises(VerificationError):
        their_verdict(statement_envelope(), STRANGER)


@pytest.mark.parametrize(
    ("data", "key", "payload_type"),
    [(request_file(), REQUESTER, REQUEST_TYPE), (trust_file(), ROOT, TRUST_TYPE)],
    ids=["request", "trust root"],
)
def test_they_verify_every_document(data: bytes, key: KeyOfTest, payload_type: str) -> None:
    value = json.loads(data)
    assert value["payloadType"] == payload_type
    assert their_verdict(value, key) == {key.public_key.keyid}


def test_we_verify_their_statement() -> None:
    envelope = Envelope(encode_json(statement_value()), STATEMENT_TYPE, {})
    envelope.sign(theirs(PROD))
    data = json.dumps(envelope.to_dict(), indent=2).encode()
    role = role_of_keys((PROD.public_key,))
    assert verify_statement(data, roles=(role,), expectation=ANYTHING).signers == (PROD.public_key,)
    two = role_of_keys((PROD.public_key, SPARE.public_key), threshold=2)
    with pytest.raises(ThresholdError):
        verify_statement(data, roles=(two,), expectation=ANYTHING)
    envelope.sign(theirs(SPARE))
    both = json.dumps(envelope.to_dict()).encode()
    assert len(verify_statement(both, roles=(two,), expectation=ANYTHING).signers) == 2


def test_they_sign_the_very_bytes_that_we_sign() -> None:
    request = request_of()
    payload = statement.compute_payload(request.items[0], request)
    envelope = Envelope(payload, STATEMENT_TYPE, {})
    assert envelope.pae() == pre_authentication_encoding(STATEMENT_TYPE, payload)
    envelope.sign(theirs(PROD))
    assert envelope.to_dict() == statement_envelope()
