"""Ed25519 under one meaning, signkit-strict, over PyNaCl (libsodium).

A signature is valid when the key has 32 bytes and the signature 64, S < L, A and R are canonical
encodings and neither is of small order, and the cofactorless equation holds. libsodium answers
exactly that. OpenSSL does not, so it never verifies here. A key is additionally checked to be a
point of the prime-order group when it is enrolled.

Spec: docs/formats/ed25519.md; RFC 8032 section 5.1.7.
"""

from __future__ import annotations

from signkit.errors import KeyRefusedError, MalformedError, SignatureInvalidError
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

    __slots__ = ("keyid", "raw")
    raw: bytes
    keyid: str


def enrol_public_key(raw: bytes) -> PublicKey:
    """Check a public key and return it as one that may verify.

    Args:
        raw: 32 bytes.

    Raises:
        MalformedError: not 32 bytes.
        KeyRefusedError: not a canonical encoding of a point of the prime-order group: off the
            curve, of small or mixed order, or a second spelling.
    """
    if len(raw) != PUBLIC_KEY_SIZE:
        message = f"public key: expected {PUBLIC_KEY_SIZE} bytes, got {len(raw)}"
        raise MalformedError(message)
    raw = bytes(raw)
    if not sodium_is_valid_point(raw):
        message = (
            f"public key {raw.hex()} is refused: not the canonical encoding of a point of the"
            " prime-order group (off the curve, or of small or mixed order)"
        )
        raise KeyRefusedError(message, hint="make a new key; this one was not made honestly")
    return PublicKey(raw=raw, keyid=sodium_sha256(raw).hex())


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
