"""minisign's key files: public, and private with scrypt or without encryption.

Spec: docs/formats/keys.md section 11; the key formats of minisign 0.11 (`minisign.h`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from signkit.errors import MalformedError, TooLargeError, UnsupportedVersionError
from signkit.formats.commented import (
    ALGORITHM,
    NUMBER_SIZE,
    check_algorithm,
    encode_commented,
    encode_commented_public,
    key_number,
)
from signkit.formats.found_key import FoundKey, wipe
from signkit.formats.pbes2 import wrong_passphrase

MINISIGN_PRIVATE_SIZE: Final = 158
"""Bytes of a private key: algorithms, salt, two limits, and 104 that may be encrypted."""
_SCRYPT = b"Sc"
_NO_KDF = b"\0\0"
_BLAKE2 = b"B2"
_SALT_SIZE = 32
_LIMIT_SIZE = 8
_SEED_SIZE = 32
_CHECK_SIZE = 32
_SECRET_SIZE = NUMBER_SIZE + 2 * _SEED_SIZE + _CHECK_SIZE
_BLOCK_SIZE = 8  # r of scrypt
_LEAST_OPERATIONS = 32_768  # libsodium takes no less
_MEMORY_MOST = 1 << 30  # bytes; what minisign writes
_WORK_MOST = 1 << 26  # n * r * p: some twenty seconds
_WORK_LEAST = 1 << 17  # libsodium's interactive limits
_WHAT = "private key"
_AGAIN = "encrypt it again: minisign -C -s FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class MinisignCost:
    """libsodium's two limits for scrypt, as they stand in the file.

    Attributes:
        operations: Times r, 8: how often a block is mixed.
        memory: Bytes.
    """

    operations: int
    memory: int

    def scrypt(self) -> tuple[int, int]:
        """Return n and p of scrypt with r = 8, as libsodium picks them."""
        operations = max(self.operations, _LEAST_OPERATIONS)
        if operations < self.memory // 32:
            return _power_below(operations // (_BLOCK_SIZE * 4)), 1
        n = _power_below(self.memory // (_BLOCK_SIZE * 128))
        return n, min(operations // 4 // n, 0x3FFFFFFF) // _BLOCK_SIZE


# libsodium's "sensitive" limits, which minisign writes: n = 2^20, p = 1.
NEW_COST = MinisignCost(operations=33_554_432, memory=1 << 30)


def _power_below(most: int) -> int:
    """Return libsodium's power of two: the least that is more than half of what may be, at least 2."""
    n = 2
    while n <= most // 2:
        n *= 2
    return n


def parse_minisign_private(
    blob: bytes, passphrase: Callable[[], bytes], *, comment: str
) -> FoundKey:
    """Parse minisign's private key.

    Args:
        blob: `MINISIGN_PRIVATE_SIZE` bytes, what the base64 of the file says.
        passphrase: Called once, and only where the key is encrypted and its cost is accepted.
        comment: The file's.

    Raises:
        MalformedError: the check does not fit a key that is not encrypted.
        UnsupportedVersionError: another algorithm, derivation or check, or a weak derivation.
        TooLargeError: a derivation that takes more than any honest file asks for.
        KeyLockedError: the passphrase is wrong.

    Spec: docs/formats/keys.md section 11.
    """
    check_algorithm(blob, what=_WHAT)
    kdf, check = blob[2:4], blob[4:6]
    if kdf not in {_SCRYPT, _NO_KDF} or check != _BLAKE2:
        message = f"{_WHAT}: expected minisign's scrypt or no encryption, and BLAKE2b"
        raise UnsupportedVersionError(message, hint=_AGAIN)
    secret = bytearray(blob[-_SECRET_SIZE:])
    encrypted = kdf == _SCRYPT
    if encrypted:
        salt, cost = _read_cost(blob)
        _mix(secret, _derive(passphrase(), salt=salt, cost=cost))
    try:
        return _read_secret(bytes(secret), comment=comment, encrypted=encrypted)
    finally:
        wipe(secret)


def _read_cost(blob: bytes) -> tuple[bytes, MinisignCost]:
    salt, limits = blob[6 : 6 + _SALT_SIZE], blob[6 + _SALT_SIZE : -_SECRET_SIZE]
    cost = MinisignCost(
        operations=int.from_bytes(limits[:_LIMIT_SIZE], "little"),
        memory=int.from_bytes(limits[_LIMIT_SIZE:], "little"),
    )
    # Before n and p are worked out, which takes as long as the numbers are large.
    too_much = cost.memory > _MEMORY_MOST or cost.operations > 4 * _WORK_MOST
    n, p = (0, 0) if too_much else cost.scrypt()
    if too_much or n * _BLOCK_SIZE * p > _WORK_MOST:
        message = f"{_WHAT}: its scrypt takes more than any honest file asks for"
        raise TooLargeError(message, hint=_AGAIN)
    if n * _BLOCK_SIZE * p < _WORK_LEAST:
        message = f"{_WHAT} is refused: scrypt with n={n} r={_BLOCK_SIZE} p={p} is weak"
        raise UnsupportedVersionError(message, hint=_AGAIN)
    return salt, cost


def _derive(passphrase: bytes, *, salt: bytes, cost: MinisignCost) -> bytes:
    n, p = cost.scrypt()
    try:
        kdf = Scrypt(salt=salt, length=_SECRET_SIZE, n=n, r=_BLOCK_SIZE, p=p)
        return kdf.derive(passphrase)
    except MemoryError:
        message = f"{_WHAT}: not enough memory for its key derivation"
        raise TooLargeError(message) from None


def _mix(secret: bytearray, stream: bytes) -> None:
    """Encrypt or decrypt in place: minisign adds the derived bytes to the secret ones."""
    for place, byte in enumerate(stream):
        secret[place] ^= byte


def _read_secret(secret: bytes, *, comment: str, encrypted: bool) -> FoundKey:
    both = secret[NUMBER_SIZE:-_CHECK_SIZE]
    check = secret[-_CHECK_SIZE:]
    fits = check == _check(secret[:NUMBER_SIZE], both)
    # minisign -W leaves the check of a key that was never encrypted empty.
    if not fits and (encrypted or any(check)):
        if encrypted:
            raise wrong_passphrase()
        message = f"{_WHAT}: its check does not fit"
        raise MalformedError(message, hint="the file was damaged; get the key from its backup")
    return FoundKey(
        seed=both[:_SEED_SIZE],
        publics=(both[_SEED_SIZE:],),
        encrypted=encrypted,
        comment=comment or None,
    )


def _check(number: bytes, both: bytes) -> bytes:
    return blake2b(ALGORITHM + number + both, digest_size=_CHECK_SIZE).digest()


def encode_minisign_public(raw: bytes) -> bytes:
    """Encode minisign's public key file; the comment names the key as minisign shows it."""
    shown = key_number(raw)[::-1].hex().upper()
    return encode_commented_public(raw, comment=f"minisign public key {shown}")


def encode_minisign_private(
    seed: bytes,
    public: bytes,
    *,
    passphrase: bytes | None,
    cost: MinisignCost = NEW_COST,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Encode minisign's private key file.

    Args:
        seed: 32 private bytes.
        public: The seed's own public key, 32 bytes.
        passphrase: Encrypts it; None leaves it open, as `minisign -W` does.
        cost: Of a guess at the passphrase.
        random: Where the salt comes from.

    Raises:
        TooLargeError: there is not the memory that the cost asks for.
    """
    number, both = key_number(public), seed + public
    secret = bytearray(number + both + _check(number, both))
    kdf, salt, limits = _NO_KDF, bytes(_SALT_SIZE), bytes(2 * _LIMIT_SIZE)
    if passphrase is not None:
        kdf, salt = _SCRYPT, random(_SALT_SIZE)
        limits = cost.operations.to_bytes(_LIMIT_SIZE, "little")
        limits += cost.memory.to_bytes(_LIMIT_SIZE, "little")
        _mix(secret, _derive(passphrase, salt=salt, cost=cost))
    blob = ALGORITHM + kdf + _BLAKE2 + salt + limits + bytes(secret)
    # The comment is the one that minisign 0.11 writes in either case.
    return encode_commented("minisign encrypted secret key", blob)
