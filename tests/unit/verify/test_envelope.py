"""The one envelope: verified first, parsed after, every key counted once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import (
    KeyRefusedError,
    MalformedError,
    NotCanonicalError,
    SignatureInvalidError,
    ThresholdError,
    TooLargeError,
    UnknownKeyError,
)
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.envelope import (
    Opened,
    carried_keys,
    open_envelope,
    parse_envelope,
    pre_authentication_encoding,
    read_envelope,
)
from tests.support.keys import PROD, ROOT, SPARE, STATION, STRANGER, KeyOfTest

TYPE = "application/x"
PAYLOAD = b"payload"


def signature_of(
    key: KeyOfTest, payload: bytes = PAYLOAD, payload_type: str = TYPE, **changes: Any
) -> dict[str, Any]:
    message = pre_authentication_encoding(payload_type, payload)
    value = {"keyid": key.public_key.keyid, "sig": encode_base64(key.sign(message))}
    return {**value, **changes}


def envelope_of(*signatures: dict[str, Any], payload: bytes = PAYLOAD) -> dict[str, Any]:
    return {
        "payloadType": TYPE,
        "payload": encode_base64(payload),
        "signatures": list(signatures),
    }


def keys_of(*keys: KeyOfTest) -> Mapping[str, PublicKey]:
    return {key.public_key.keyid: key.public_key for key in keys}


def opened(value: object, *keys: KeyOfTest, threshold: int = 1) -> Opened:
    envelope = read_envelope(value, payload_type=TYPE, what="thing")
    return open_envelope(envelope, keys=keys_of(*keys), threshold=threshold, what="the thing")


def broken_by(key: KeyOfTest) -> dict[str, Any]:
    return signature_of(key, payload=b"another payload")


def test_pre_authentication_encoding_is_that_of_the_specification() -> None:
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_pre_authentication_encoding_counts_bytes() -> None:
    assert pre_authentication_encoding("é", b"\xff\0") == b"DSSEv1 2 \xc3\xa9 2 \xff\0"
    assert pre_authentication_encoding("", b"") == b"DSSEv1 0  0 "


@given(st.tuples(st.text(), st.binary()), st.tuples(st.text(), st.binary()))
def test_no_two_contents_have_one_encoding(
    one: tuple[str, bytes], other: tuple[str, bytes]
) -> None:
    same = pre_authentication_encoding(*one) == pre_authentication_encoding(*other)
    assert same == (one == other)


def test_one_key_opens() -> None:
    assert opened(envelope_of(signature_of(PROD)), PROD) == Opened(
        payload=PAYLOAD, signers=(PROD.public_key,)
    )


def test_an_empty_payload_opens() -> None:
    value = envelope_of(signature_of(PROD, payload=b""), payload=b"")
    assert opened(value, PROD).payload == b""


def test_signatures_by_other_keys_are_passed_over() -> None:
    value = envelope_of(signature_of(STRANGER), broken_by(SPARE), signature_of(PROD))
    assert opened(value, PROD, ROOT).signers == (PROD.public_key,)


def test_one_bad_signature_refuses_the_envelope() -> None:
    for signatures in ([PROD, SPARE], [SPARE, PROD]):
        made = [broken_by(key) if key is SPARE else signature_of(key) for key in signatures]
        with pytest.raises(SignatureInvalidError, match=SPARE.public_key.keyid):
            opened(envelope_of(*made), PROD, SPARE)


def test_no_key_that_counts() -> None:
    value = envelope_of(signature_of(STRANGER), signature_of(ROOT))
    named = f"^the thing is signed by {STRANGER.public_key.keyid}, {ROOT.public_key.keyid}, which"
    with pytest.raises(UnknownKeyError, match=named):
        opened(value, PROD)
    with pytest.raises(UnknownKeyError):
        opened(value)


def test_a_threshold_that_is_met() -> None:
    value = envelope_of(signature_of(PROD), signature_of(STRANGER), signature_of(SPARE))
    assert opened(value, SPARE, PROD, ROOT, threshold=2).signers == (
        PROD.public_key,
        SPARE.public_key,
    )


def test_a_threshold_that_is_not_met_says_who_is_missing() -> None:
    value = envelope_of(signature_of(PROD), signature_of(STRANGER))
    with pytest.raises(ThresholdError, match=r"by 2 distinct keys, got 1$") as caught:
        opened(value, PROD, SPARE, ROOT, threshold=2)
    missing = tuple(sorted([SPARE.public_key.keyid, ROOT.public_key.keyid]))
    assert (caught.value.required, caught.value.got, caught.value.missing) == (2, 1, missing)


def test_one_key_counts_once_under_two_keyids() -> None:
    """Attacker: holds one key. Move: has it trusted, and signs, under two keyids. Counts once."""
    value = envelope_of(signature_of(PROD), signature_of(PROD, keyid=SPARE.public_key.keyid))
    envelope = read_envelope(value, payload_type=TYPE, what="thing")
    keys = {PROD.public_key.keyid: PROD.public_key, SPARE.public_key.keyid: PROD.public_key}
    with pytest.raises(ThresholdError) as caught:
        open_envelope(envelope, keys=keys, threshold=2, what="the thing")
    assert caught.value.got == 1


@pytest.mark.parametrize("threshold", [0, -1])
def test_no_threshold_is_a_mistake_of_the_programmer(threshold: int) -> None:
    with pytest.raises(ValueError, match=f"expected at least 1, got {threshold}"):
        opened(envelope_of(signature_of(PROD)), PROD, threshold=threshold)


def test_the_type_is_signed() -> None:
    """Attacker: holds a signed document. Move: passes it off as another type. Refused."""
    other = signature_of(PROD, payload_type="application/y")
    with pytest.raises(SignatureInvalidError):
        opened(envelope_of(other), PROD)


def test_another_type_is_refused_before_anything_else() -> None:
    value = envelope_of(signature_of(PROD))
    with pytest.raises(MalformedError, match=r"^thing.payloadType: expected 'application/y', got"):
        read_envelope(value, payload_type="application/y", what="thing")


def test_carried_keys_are_given_out() -> None:
    carried = signature_of(STATION, public_key=encode_base64(STATION.public_key.raw))
    value = envelope_of(carried, signature_of(PROD))
    envelope = read_envelope(value, payload_type=TYPE, what="thing")
    assert carried_keys(envelope) == keys_of(STATION)


def test_a_carried_key_is_trusted_by_nobody() -> None:
    """Attacker: signs with a key of his own. Move: sends the key along. Unknown all the same."""
    carried = signature_of(STRANGER, public_key=encode_base64(STRANGER.public_key.raw))
    with pytest.raises(UnknownKeyError):
        opened(envelope_of(carried), PROD)


def test_a_carried_key_under_the_keyid_of_a_trusted_one() -> None:
    carried = signature_of(
        STRANGER,
        keyid=PROD.public_key.keyid,
        public_key=encode_base64(STRANGER.public_key.raw),
    )
    with pytest.raises(MalformedError, match=f"expected {STRANGER.public_key.keyid}, the SHA-256"):
        opened(envelope_of(carried), PROD)


def test_a_keyid_is_only_a_hint() -> None:
    """Attacker: signs with a key of his own. Move: names a trusted keyid. Does not verify."""
    with pytest.raises(SignatureInvalidError):
        opened(envelope_of(signature_of(STRANGER, keyid=PROD.public_key.keyid)), PROD)


ENCODED = encode_base64(PROD.public_key.raw)
SIG = signature_of(PROD)["sig"]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"keyid": PROD.public_key.keyid.upper()}, NotCanonicalError, r"keyid: expected 64 lower"),
        ({"keyid": "ab"}, NotCanonicalError, r"keyid: expected 64 lower-case hex digits, got 'ab'"),
        ({"keyid": None}, MalformedError, r"keyid: expected a text, got null"),
        (
            {"sig": encode_base64(bytes(63))},
            MalformedError,
            r"sig: expected 64 bytes in b.* got 63",
        ),
        ({"sig": SIG.rstrip("=")}, NotCanonicalError, r"sig: expected standard padded base64"),
        ({"sig": "\n" + SIG}, NotCanonicalError, r"sig: expected standard padded base64"),
        ({"sig": ""}, MalformedError, r"sig: expected 64 bytes in base64, got 0"),
        ({"sig": [SIG]}, MalformedError, r"sig: expected a text, got an array"),
        ({"cert": ""}, MalformedError, r"signatures\[0\]: unknown field 'cert'"),
        ({"public_key": None}, MalformedError, r"public_key: expected a text, got null"),
        ({"public_key": encode_base64(bytes(31))}, MalformedError, r"expected 32 bytes in base64"),
        ({"public_key": ENCODED[:-1]}, NotCanonicalError, r"public_key: expected standard padded"),
        ({"public_key": encode_base64(b"\1" + bytes(31))}, KeyRefusedError, r"is refused: not the"),
    ],
)
def test_a_signature_of_another_shape(
    changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        opened(envelope_of(signature_of(PROD, **changes)), PROD)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], MalformedError),
        (None, MalformedError),
        ({**envelope_of(), "signatures": {}}, MalformedError),
        (envelope_of(), MalformedError),
        (envelope_of(*[[]] * 64), MalformedError),  # type: ignore[arg-type]
        (envelope_of(*[{}] * 65), TooLargeError),
        ({**envelope_of(signature_of(PROD)), "payload": "cGF5bG9hZA"}, NotCanonicalError),
        ({**envelope_of(signature_of(PROD)), "payload": None}, MalformedError),
        ({**envelope_of(signature_of(PROD)), "_": 0}, MalformedError),
        (envelope_of(signature_of(PROD), broken_by(PROD)), MalformedError),
    ],
)
def test_an_envelope_of_another_shape(value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^thing"):
        opened(value, PROD)


def test_sixty_four_signatures_are_read() -> None:
    keys = [KeyOfTest(str(byte), byte) for byte in range(128, 192)]
    value = envelope_of(*map(signature_of, keys))
    assert len(opened(value, *keys, threshold=64).signers) == 64


def test_parsing_is_bounded_and_reads_the_same() -> None:
    value = envelope_of(signature_of(PROD))
    data = encode_json(value)
    read = parse_envelope(data, payload_type=TYPE, limit=len(data), what="thing")
    assert read == read_envelope(value, payload_type=TYPE, what="thing")
    with pytest.raises(TooLargeError, match=r"^thing is too large"):
        parse_envelope(data, payload_type=TYPE, limit=len(data) - 1, what="thing")


def test_a_payload_is_not_shown_before_it_is_opened() -> None:
    envelope = read_envelope(envelope_of(signature_of(PROD)), payload_type=TYPE, what="thing")
    assert not hasattr(envelope, "payload")


def test_a_refusal_names_the_document() -> None:
    with pytest.raises(MalformedError, match=r"^the request: expected an object, got an array"):
        parse_envelope(b"[]", payload_type=TYPE, limit=100, what="the request")
