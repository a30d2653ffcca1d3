"""signify's key files: public, and private with bcrypt or without encryption.

Spec: docs/formats/keys.md section 11; `struct enckey` of OpenBSD's signify.c.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha512
from typing import Final

from signkit.errors import MalformedError, UnsupportedVersionError
from signkit.formats.bcrypt_kdf import NEW_ROUNDS, check_bcrypt_rounds, derive_bcrypt_key
from signkit.formats.commented import (
    ALGORITHM,
    check_algorithm,
    encode_commented,
    encode_commented_public,
    key_number,
)
from signkit.formats.found_key import FoundKey, wipe
from signkit.formats.pbes2 import wrong_passphrase

SIGNIFY_PRIVATE_SIZE: Final = 104
"""Bytes of a private key: algorithms, rounds, salt, check, key number, and 64 secret ones."""
_BCRYPT = b"BK"
_SALT_SIZE = 16
_CHECK_SIZE = 8
_SEED_SIZE = 32
_SECRET_SIZE = 2 * _SEED_SIZE
_WHAT = "private key"
_AGAIN = "make it again with signkit: signkit keys convert FILE --to signify"


def parse_signify_private(
    blob: bytes, passphrase: Callable[[], bytes], *, comment: str
) -> FoundKey:
    """Parse signify's private key.

    Args:
        blob: `SIGNIFY_PRIVATE_SIZE` bytes, what the base64 of the file says.
        passphrase: Called once, and only where the key is encrypted and its rounds are accepted.
        comment: The file's.

    Raises:
        MalformedError: the check does not fit a key that is not encrypted.
        UnsupportedVersionError: another algorithm or derivation, or too few rounds.
        TooLargeError: more rounds than any honest file asks for.
        KeyLockedError: the passphrase is wrong.

    Spec: docs/formats/keys.md section 11.
    """
    check_algorithm(blob, what=_WHAT)
    if blob[2:4] != _BCRYPT:
        message = f"{_WHAT}: expected signify's derivation BK, bcrypt, got another one"
        raise UnsupportedVersionError(message)
    rounds, salt, check = int.from_bytes(blob[4:8]), blob[8:24], blob[24:32]
    secret = bytearray(blob[-_SECRET_SIZE:])
    if rounds:
        check_bcrypt_rounds(rounds, again=_AGAIN)
        _mix(secret, passphrase(), salt=salt, rounds=rounds)
    try:
        if sha512(secret).digest()[:_CHECK_SIZE] != check:
            raise _refusal(encrypted=bool(rounds))
        return FoundKey(
            seed=bytes(secret[:_SEED_SIZE]),
            publics=(bytes(secret[_SEED_SIZE:]),),
            encrypted=bool(rounds),
            comment=comment or None,
        )
    finally:
        wipe(secret)


def _refusal(*, encrypted: bool) -> Exception:
    if encrypted:
        return wrong_passphrase()
    message = f"{_WHAT}: its check does not fit"
    return MalformedError(message, hint="the file was damaged; get the key from its backup")


def _mix(secret: bytearray, passphrase: bytes, *, salt: bytes, rounds: int) -> None:
    """Encrypt or decrypt in place: signify adds the derived bytes to the secret ones."""
    stream = derive_bcrypt_key(passphrase, salt=salt, rounds=rounds, size=_SECRET_SIZE)
    for place, byte in enumerate(stream):
        secret[place] ^= byte


def encode_signify_public(raw: bytes) -> bytes:
    """Encode signify's public key file."""
    return encode_commented_public(raw, comment="signify public key")


def encode_signify_private(
    seed: bytes,
    public: bytes,
    *,
    passphrase: bytes | None,
    rounds: int = NEW_ROUNDS,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Encode signify's private key file.

    Args:
        seed: 32 private bytes.
        public: The seed's own public key, 32 bytes.
        passphrase: Encrypts it; None leaves it open, as `signify -n` does.
        rounds: Of bcrypt.
        random: Where the salt comes from.

    Raises:
        UnsupportedVersionError: a passphrase, and bcrypt is not installed.
    """
    secret = bytearray(seed + public)
    check, salt = sha512(secret).digest()[:_CHECK_SIZE], random(_SALT_SIZE)
    if passphrase is None:
        rounds = 0
    else:
        _mix(secret, passphrase, salt=salt, rounds=rounds)
    head = ALGORITHM + _BCRYPT + rounds.to_bytes(4) + salt + check + key_number(public)
    return encode_commented("signify secret key", head + bytes(secret))
