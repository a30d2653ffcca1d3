"""The one door to libsodium, through PyNaCl's compiled module.

PyNaCl's own facade costs more time to import than a verdict on a small file takes, so it is passed by
(docs/design/decisions/0002). Nothing is decided here.
"""

from __future__ import annotations

from nacl._sodium import ffi, lib

from signkit.errors import VerificationError

_DIGEST_SIZE = 32

if lib.sodium_init() < 0:
    raise VerificationError("could not check: libsodium cannot be initialised")


def sodium_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether libsodium's `crypto_sign_open` accepts a signature.

    Args:
        public_key: 32 bytes.
        message: What was signed.
        signature: 64 bytes.
    """
    signed = signature + message
    # NULL for what it would return: the message is at hand, and large ones are not copied again.
    return bool(lib.crypto_sign_open(ffi.NULL, ffi.NULL, signed, len(signed), public_key) == 0)


def sodium_is_valid_point(public_key: bytes) -> bool:
    """Say whether 32 bytes are a canonical point of the prime-order group, not of small order."""
    return bool(lib.crypto_core_ed25519_is_valid_point(public_key))


def sodium_sha256(data: bytes) -> bytes:
    """Return the 32 bytes of the SHA-256 of little data.

    For up to some KiB this is quicker than loading OpenSSL, and far slower for more.
    """
    digest = ffi.new("unsigned char[]", _DIGEST_SIZE)
    lib.crypto_hash_sha256(digest, data, len(data))
    return bytes(ffi.buffer(digest, _DIGEST_SIZE))
