"""Writing envelopes: what is handed out was verified, and reads back as the very same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from signkit.errors import (
    KeyLockedError,
    MalformedError,
    NotCanonicalError,
    SignatureInvalidError,
    TooLargeError,
)
from signkit.formats.envelope import (
    OpenedDocument,
    encode_document,
    envelope_value,
    open_document,
    sign_payload,
    signed_document,
)
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.envelope import pre_authentication_encoding
from tests.support.keys import PROD, REQUESTER, SPARE, KeyOfTest

TYPE = "application/x"
PAYLOAD = b'{"a":1}'
DATA = encode_document(TYPE, PAYLOAD, REQUESTER)


def opened(data: bytes, limit: int = 10_000) -> OpenedDocument:
    return open_document(data, payload_type=TYPE, limit=limit, what="thing")


class Faulty:
    """A signer whose signatures are altered on their way, as faulty memory would."""

    def __init__(self, alter: Callable[[bytes], bytes], public: KeyOfTest = REQUESTER) -> None:
        self.alter = alter
        self.public = public

    @property
    def public_key(self) -> PublicKey:
        return self.public.public_key

    def sign(self, message: bytes) -> bytes:
        return self.alter(REQUESTER.sign(message))


def test_a_signature_covers_type_and_payload() -> None:
    made = sign_payload(TYPE, PAYLOAD, PROD, carry_key=False)
    assert made.keyid == PROD.public_key.keyid
    assert made.signature == PROD.sign(pre_authentication_encoding(TYPE, PAYLOAD))
    assert made.public_key is None


def test_a_key_travels_where_it_is_asked_to() -> None:
    made = sign_payload(TYPE, PAYLOAD, PROD, carry_key=True)
    assert made.public_key == PROD.public_key


def test_an_envelope_is_written_as_its_page_says() -> None:
    made = sign_payload(TYPE, PAYLOAD, PROD, carry_key=True)
    assert encode_json(envelope_value(TYPE, PAYLOAD, [made])).decode() == (
        '{"payloadType":"application/x","payload":"eyJhIjoxfQ==","signatures":[{'
        f'"keyid":"{PROD.public_key.keyid}",'
        f'"public_key":"{encode_base64(PROD.public_key.raw)}",'
        f'"sig":"{encode_base64(made.signature)}"}}]}}'
    )


def test_a_document_is_opened_under_the_key_that_travels_in_it() -> None:
    assert opened(DATA) == OpenedDocument(
        payload=PAYLOAD, digest=compute_digest(DATA), key=REQUESTER.public_key
    )


@pytest.mark.parametrize("bit", range(0, 512, 37))
def test_a_flipped_bit_in_the_signature_never_leaves(bit: int) -> None:
    def flip(signature: bytes) -> bytes:
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    with pytest.raises(SignatureInvalidError):
        encode_document(TYPE, PAYLOAD, Faulty(flip))


@pytest.mark.parametrize("alter", [lambda _: b"", lambda data: data * 2, lambda _: bytes(64)])
def test_what_is_no_signature_never_leaves(alter: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SignatureInvalidError):
        encode_document(TYPE, PAYLOAD, Faulty(alter))


def test_a_key_that_is_not_the_one_that_signs() -> None:
    with pytest.raises(SignatureInvalidError):
        encode_document(TYPE, PAYLOAD, Faulty(bytes, public=PROD))


def test_what_was_begun_meanwhile_is_stopped_by_a_bad_signature() -> None:
    seen: list[bytes] = []
    with (
        pytest.raises(SignatureInvalidError),
        signed_document(TYPE, PAYLOAD, Faulty(lambda _: bytes(64))) as data,
    ):
        seen.append(data)
    assert b"payloadType" in seen[0]


def test_an_error_of_the_signer_comes_through() -> None:
    def locked(_signature: bytes) -> bytes:
        message = "the token is gone"
        raise KeyLockedError(message)

    with pytest.raises(KeyLockedError, match=r"^the token is gone$"):
        encode_document(TYPE, PAYLOAD, Faulty(locked))


def value(*signers: KeyOfTest, carry_key: bool = True) -> dict[str, Any]:
    made = [sign_payload(TYPE, PAYLOAD, signer, carry_key=carry_key) for signer in signers]
    return envelope_value(TYPE, PAYLOAD, made)


@pytest.mark.parametrize(
    "broken", [value(PROD, carry_key=False), value(PROD, SPARE)], ids=["no key", "two signatures"]
)
def test_exactly_one_signature_with_its_key(broken: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match=r"^thing: expected one signature with its public key"):
        opened(encode_json(broken))


def test_a_document_is_bounded() -> None:
    assert opened(DATA, limit=len(DATA)).payload == PAYLOAD
    with pytest.raises(TooLargeError, match=r"^thing is too large"):
        opened(DATA, limit=len(DATA) - 1)


def _reordered(data: bytes) -> bytes:
    return encode_json(dict(reversed(json.loads(data).items())))


def _signature_reordered(data: bytes) -> bytes:
    whole = json.loads(data)
    whole["signatures"] = [dict(sorted(whole["signatures"][0].items(), reverse=True))]
    return encode_json(whole)


@pytest.mark.parametrize(
    "respell",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: data + bytes(0) + b" " * 4096,
        lambda data: data.replace(b":", b": ", 1),
        lambda data: data.replace(b"keyid", b"key\\u0069d"),
        lambda data: data.replace(b"/", b"\\/"),
        lambda data: json.dumps(json.loads(data), indent=1).encode(),
        _reordered,
        _signature_reordered,
    ],
)
def test_every_other_spelling_is_refused(respell: Callable[[bytes], bytes]) -> None:
    """F25: only the exact bytes are the document; a digest of it means one file."""
    with pytest.raises(NotCanonicalError, match=r"^thing: the file is not spelled as a writer"):
        opened(respell(DATA))


@pytest.mark.parametrize("tail", [b"\0", bytes(4096), b"x", DATA, b"{}"])
def test_every_tail_is_refused(tail: bytes) -> None:
    with pytest.raises(MalformedError):
        opened(DATA + tail)
