"""Ed25519 under one meaning, signkit-strict, over PyNaCl (libsodium).

A signature is valid when the key has 32 bytes and the signature 64, S < L, A and R are canonical
encodings and neither is of small order, and the cofactorless equation holds. libsodium answers
exactly that. OpenSSL does not, so it never verifies here. When a key is enrolled it is additionally
checked to be a point of the prime-order group, and none whose private half is published.

Spec: docs/formats/ed25519.md; RFC 8032 section 5.1.7.
Controls: SK-VERIFY-ED25519, SK-VERIFY-KEY (docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.errors import KeyRefusedError, MalformedError, SignatureInvalidError
from signkit.verify.encoding import encode_base64
from signkit.verify.published import PREFIX_SIZE, PUBLISHED
from signkit.verify.sodium import sodium_is_valid_point, sodium_sha256, sodium_verify
from signkit.verify.value import Value

PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64


class PublicKey(Value):
    """An Ed25519 public key that passed enrolment: make it with `enrol_public_key`.

    Attributes:
        raw: The 32 bytes of RFC 8032.
        keyid: SHA-256 of raw, 64 lower-case hex digits; for data.
    """

    raw: bytes
    keyid: str


def enrol_public_key(raw: bytes, *, allow_test_keys: bool = False) -> PublicKey:
    """Check a public key and return it as one that may verify.

    This is the one way in, for every key from anywhere.

    Args:
        raw: 32 bytes.
        allow_test_keys: Whether a key counts although everybody has its private half: where a person
            said so, or where the key was judged when it came in.

    Raises:
        MalformedError: not 32 bytes.
        KeyRefusedError: not a canonical encoding of a point of the prime-order group: off the
            curve, of small or mixed order, or a second spelling; or a published test key.

    Spec: docs/formats/ed25519.md section 2.
    """
    if len(raw) != PUBLIC_KEY_SIZE:
        message = f"public key: expected {PUBLIC_KEY_SIZE} bytes, got {len(raw)}"
        raise MalformedError(message)
    raw = bytes(raw)
    keyid = sodium_sha256(raw)
    # Named by its keyid: the bytes may be a private seed that was taken for a public key.
    if not sodium_is_valid_point(raw):
        message = (
            f"public key with keyid {keyid.hex()} is refused: not the canonical encoding of a point of"
            " the prime-order group (off the curve, or of small or mixed order)"
        )
        hint = "get the key again; where it is a private seed, keys show and convert take --private"
        raise KeyRefusedError(message, hint=hint)
    if not allow_test_keys and encode_base64(keyid[:PREFIX_SIZE]) in PUBLISHED.split():
        message = f"public key with keyid {keyid.hex()} is published: anybody can sign with it"
        raise KeyRefusedError(message, hint="make a key of your own; for a test, --allow-test-keys")
    return PublicKey(raw=raw, keyid=keyid.hex())


def verify_signature(key: PublicKey, message: bytes, signature: bytes) -> bytes:
    """Verify one signature.

    Args:
        key: The key.
        message: The bytes that were signed, as they are.
        signature: 64 bytes, R then S.

    Returns:
        The message, now verified.

    Raises:
        SignatureInvalidError: the signature is not 64 bytes, or does not verify.
    """
    if len(signature) != SIGNATURE_SIZE:
        text = f"signature: expected {SIGNATURE_SIZE} bytes, got {len(signature)}"
        raise SignatureInvalidError(text)
    if not sodium_verify(key.raw, message, signature):
        text = f"the signature does not verify under key {key.keyid}"
        raise SignatureInvalidError(text)
    return message
