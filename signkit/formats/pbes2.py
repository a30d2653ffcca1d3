"""Encrypted private keys: PKCS#8 under PBES2, with scrypt or PBKDF2, and AES in CBC mode.

cryptography itself writes PBKDF2 with 2,048 rounds and cannot be told otherwise, so the container
is written here, from its primitives. New keys get scrypt within the 32 MiB that OpenSSL allows
itself when it reads: more memory would make files that openssl refuses, so the rest of the cost
is time. Everything weaker than AES is refused by name before a passphrase is asked for.

Spec: docs/formats/keys.md section 5; RFC 8018 section 6.2, RFC 7914 section 7, RFC 5958 section 3.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from signkit.errors import KeyLockedError, MalformedError, TooLargeError, UnsupportedVersionError
from signkit.formats.der import (
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    DerReader,
    encode_der,
    encode_der_integer,
)

_WHAT = "private key"
_BLOCK_SIZE = 16  # bytes; AES
_SALT_SIZE = 16
_SALT_LIMIT = 1024
_MEMORY_LIMIT = 1 << 30  # bytes that a file may make scrypt take
_WORK_LIMIT = 1 << 26  # n * r * p: some twenty seconds
_ITERATION_LIMIT = 10_000_000
_WEAK_ITERATIONS = 100_000
_WEAK_WORK = 1 << 17  # n * r * p of `openssl pkcs8 -scrypt`

_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_AES256_CBC = bytes.fromhex("60864801650304012a")
_KEY_SIZES = {
    bytes.fromhex("608648016503040102"): 16,
    bytes.fromhex("608648016503040116"): 24,
    _AES256_CBC: 32,
}
_SHA1_PRF = bytes.fromhex("2a864886f70d0207")
_PRFS: dict[bytes, Callable[[], hashes.HashAlgorithm]] = {
    _SHA1_PRF: hashes.SHA1,
    bytes.fromhex("2a864886f70d0208"): hashes.SHA224,
    bytes.fromhex("2a864886f70d0209"): hashes.SHA256,
    bytes.fromhex("2a864886f70d020a"): hashes.SHA384,
    bytes.fromhex("2a864886f70d020b"): hashes.SHA512,
}
_WEAK = {
    bytes.fromhex("2a864886f70d0307"): "triple DES",
    bytes.fromhex("2b0e030207"): "DES",
    bytes.fromhex("2a864886f70d0302"): "RC2",
}
# PBES2 is of the first family, and the only one of them that is not weak.
_WEAK_FAMILIES = {
    bytes.fromhex("2a864886f70d0105"): "PBES1 (DES or RC2)",
    bytes.fromhex("2a864886f70d010c01"): "a PKCS#12 cipher (RC2, RC4 or triple DES)",
}
_FAMILY_WITHIN = 24  # bytes: the algorithm comes first
_ENCRYPT_AGAIN = "encrypt it again: openssl pkcs8 -topk8 -scrypt -in FILE -out NEW"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptCost:
    """How dear a guess at the passphrase is.

    Attributes:
        n: A power of two; scrypt takes 128 * n * r bytes of memory.
        r: Block size.
        p: How often the whole is done.
    """

    n: int
    r: int
    p: int


# The most memory that openssl reads, and twice the time that OWASP asks for with so little of it.
NEW_KEY_COST = ScryptCost(n=1 << 14, r=8, p=10)


class _Kdf(Protocol):
    def derive(self, key_material: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedKey:
    """An encrypted private key, its parameters checked and nothing decrypted.

    Attributes:
        kdf: Makes a function that turns a passphrase into the cipher's key, once.
        weakness: Why guessing the passphrase is cheap, or None.
        iv: 16 bytes.
        ciphertext: A whole number of blocks, at least one.
    """

    kdf: Callable[[], _Kdf]
    weakness: str | None
    iv: bytes
    ciphertext: bytes


def looks_encrypted(der: bytes) -> bool:
    """Say whether DER starts like an encrypted private key, of whatever kind."""
    return any(family in der[:_FAMILY_WITHIN] for family in _WEAK_FAMILIES)


def parse_encrypted_key(der: bytes) -> EncryptedKey:
    """Parse EncryptedPrivateKeyInfo.

    Raises:
        MalformedError: not exactly that structure.
        UnsupportedVersionError: a cipher or derivation that is weak or unknown, by name.
        TooLargeError: parameters that would take more time or memory than any honest file.
    """
    reader = DerReader(der, what=_WHAT)
    outer = reader.inner()
    reader.done()
    algorithm = outer.inner()
    ciphertext = outer.take(OCTET_STRING)
    outer.done()
    identifier = algorithm.take(OBJECT_IDENTIFIER)
    if identifier != _PBES2:
        raise _unsupported(identifier, "the encryption")
    parameters = algorithm.inner()
    algorithm.done()
    derivation, encryption = parameters.inner(), parameters.inner()
    parameters.done()
    key_size, iv = _read_cipher(encryption)
    kdf, weakness = _read_kdf(derivation, key_size)
    if not ciphertext or len(ciphertext) % _BLOCK_SIZE:
        message = f"{_WHAT}: expected whole blocks of ciphertext, got {len(ciphertext)} bytes"
        raise MalformedError(message)
    return EncryptedKey(kdf=kdf, weakness=weakness, iv=iv, ciphertext=ciphertext)


def _read_cipher(reader: DerReader) -> tuple[int, bytes]:
    identifier = reader.take(OBJECT_IDENTIFIER)
    if identifier not in _KEY_SIZES:
        raise _unsupported(identifier, "the cipher")
    iv = reader.take(OCTET_STRING)
    reader.done()
    if len(iv) != _BLOCK_SIZE:
        message = f"{_WHAT}: expected an IV of {_BLOCK_SIZE} bytes, got {len(iv)}"
        raise MalformedError(message)
    return _KEY_SIZES[identifier], iv


def _read_kdf(reader: DerReader, key_size: int) -> tuple[Callable[[], _Kdf], str | None]:
    identifier = reader.take(OBJECT_IDENTIFIER)
    parameters = reader.inner()
    reader.done()
    if identifier == _SCRYPT:
        return _read_scrypt(parameters, key_size)
    if identifier == _PBKDF2:
        return _read_pbkdf2(parameters, key_size)
    raise _unsupported(identifier, "the key derivation")


def _read_scrypt(reader: DerReader, key_size: int) -> tuple[Callable[[], _Kdf], str | None]:
    salt = _read_salt(reader)
    n = reader.integer(most=_MEMORY_LIMIT)
    r = reader.integer(most=_MEMORY_LIMIT)
    p = reader.integer(most=_MEMORY_LIMIT)
    _read_key_size(reader, key_size)
    reader.done()
    if n < 2 or n & (n - 1) or not r or not p:
        message = f"{_WHAT}: scrypt cannot have n={n} r={r} p={p}"
        raise MalformedError(message)
    if 128 * n * r > _MEMORY_LIMIT or n * r * p > _WORK_LIMIT:
        message = f"{_WHAT}: scrypt with n={n} r={r} p={p} takes more than any honest file asks for"
        raise TooLargeError(message, hint=_ENCRYPT_AGAIN)
    weakness = f"scrypt with n={n} r={r} p={p}" if n * r * p < _WEAK_WORK else None
    return (lambda: Scrypt(salt=salt, length=key_size, n=n, r=r, p=p)), weakness


def _read_pbkdf2(reader: DerReader, key_size: int) -> tuple[Callable[[], _Kdf], str | None]:
    salt = _read_salt(reader)
    iterations = reader.integer(most=1 << 62)
    _read_key_size(reader, key_size)
    prf = _read_prf(reader)
    reader.done()
    if not iterations:
        message = f"{_WHAT}: PBKDF2 cannot have 0 rounds"
        raise MalformedError(message)
    if iterations > _ITERATION_LIMIT:
        message = f"{_WHAT}: PBKDF2 with {iterations} rounds takes more than any honest file asks"
        raise TooLargeError(message, hint=_ENCRYPT_AGAIN)
    weakness = f"PBKDF2 with {iterations} rounds" if iterations < _WEAK_ITERATIONS else None
    kdf = _PRFS[prf]
    return (
        lambda: PBKDF2HMAC(algorithm=kdf(), length=key_size, salt=salt, iterations=iterations)
    ), weakness


def _read_salt(reader: DerReader) -> bytes:
    salt = reader.take(OCTET_STRING)
    if not 1 <= len(salt) <= _SALT_LIMIT:
        message = f"{_WHAT}: expected a salt of 1 to {_SALT_LIMIT} bytes, got {len(salt)}"
        raise MalformedError(message)
    return salt


def _read_key_size(reader: DerReader, key_size: int) -> None:
    if reader.has(0x02) and (got := reader.integer(most=1 << 16)) != key_size:
        message = f"{_WHAT}: expected a cipher key of {key_size} bytes, got {got}"
        raise MalformedError(message)


def _read_prf(reader: DerReader) -> bytes:
    if not reader.has(SEQUENCE):
        return _SHA1_PRF  # the default of RFC 8018
    algorithm = reader.inner()
    prf = algorithm.take(OBJECT_IDENTIFIER)
    if prf not in _PRFS:
        raise _unsupported(prf, "the derivation's hash")
    if algorithm.take(NULL):
        message = f"{_WHAT}: NULL is not empty"
        raise MalformedError(message)
    algorithm.done()
    return prf


def _unsupported(identifier: bytes, what: str) -> UnsupportedVersionError:
    name = _WEAK.get(identifier)
    for family, weak in _WEAK_FAMILIES.items():
        if identifier.startswith(family) and len(identifier) == len(family) + 1:
            name = weak
    said = f"is {name}, which is weak" if name else f"({identifier.hex()}) is unknown"
    message = f"{_WHAT} is refused: {what} {said}; expected scrypt or PBKDF2 with AES-CBC"
    return UnsupportedVersionError(message, hint=_ENCRYPT_AGAIN)


def decrypt_key(encrypted: EncryptedKey, passphrase: bytes) -> bytes:
    """Decrypt a private key.

    Returns:
        What was encrypted: a PKCS#8 structure where the passphrase is right; where it is wrong,
        random bytes may come back, which the caller must refuse in the same words.

    Raises:
        KeyLockedError: the passphrase is wrong.
        TooLargeError: the derivation takes more memory than there is.
    """
    try:
        key = encrypted.kdf().derive(passphrase)
    except MemoryError:
        message = f"{_WHAT}: not enough memory for its key derivation"
        raise TooLargeError(message) from None
    decryptor = Cipher(algorithms.AES(key), modes.CBC(encrypted.iv)).decryptor()
    unpadder = PKCS7(8 * _BLOCK_SIZE).unpadder()
    padded = decryptor.update(encrypted.ciphertext) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise wrong_passphrase() from None


def wrong_passphrase() -> KeyLockedError:
    """Return the one error for a passphrase that does not open a key, wherever that shows."""
    return KeyLockedError("the passphrase does not open the private key", hint="try again")


def encrypt_key(
    plain: bytes,
    passphrase: bytes,
    *,
    cost: ScryptCost = NEW_KEY_COST,
    random: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Encrypt a private key with scrypt and AES-256-CBC.

    Args:
        plain: The DER of PKCS#8.
        passphrase: 1 byte or more.
        cost: What a guess is to cost. More than 32 MiB (128 * n * r) makes openssl refuse it.
        random: Where salt and IV come from.

    Returns:
        The DER of EncryptedPrivateKeyInfo.
    """
    salt, iv = random(_SALT_SIZE), random(_BLOCK_SIZE)
    key = Scrypt(salt=salt, length=32, n=cost.n, r=cost.r, p=cost.p).derive(passphrase)
    padder = PKCS7(8 * _BLOCK_SIZE).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    padded = padder.update(plain) + padder.finalize()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    numbers = (encode_der_integer(number) for number in (cost.n, cost.r, cost.p))
    kdf = encode_der(SEQUENCE, encode_der(OCTET_STRING, salt), *numbers)
    derivation = encode_der(SEQUENCE, encode_der(OBJECT_IDENTIFIER, _SCRYPT), kdf)
    encryption = encode_der(
        SEQUENCE, encode_der(OBJECT_IDENTIFIER, _AES256_CBC), encode_der(OCTET_STRING, iv)
    )
    algorithm = encode_der(
        SEQUENCE,
        encode_der(OBJECT_IDENTIFIER, _PBES2),
        encode_der(SEQUENCE, derivation, encryption),
    )
    return encode_der(SEQUENCE, algorithm, encode_der(OCTET_STRING, ciphertext))
