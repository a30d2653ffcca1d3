"""Encrypted keys: what openssl reads, what is refused, and what a wrong passphrase looks like."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import (
    FormatError,
    KeyLockedError,
    MalformedError,
    TooLargeError,
    UnsupportedVersionError,
)
from signkit.formats.der import (
    INTEGER,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    encode_der,
    encode_der_integer,
)
from signkit.formats.pbes2 import (
    NEW_KEY_COST,
    decrypt_key,
    encrypt_key,
    looks_encrypted,
    parse_encrypted_key,
)
from signkit.formats.private_key import encode_encrypted_key
from signkit.verify.pem import decode_pem
from tests.support.cheap import NEW_KEY_COST_OF_USERS
from tests.support.key_files import CHEAP, PASSPHRASE, VECTORS

OIDS = {
    "pbes2": "2a864886f70d01050d",
    "pbes1": "2a864886f70d010503",
    "pkcs12": "2a864886f70d010c0103",
    "scrypt": "2b06010401da47040b",
    "pbkdf2": "2a864886f70d01050c",
    "aes128": "608648016503040102",
    "aes192": "608648016503040116",
    "aes256": "60864801650304012a",
    "gcm": "60864801650304012e",
    "3des": "2a864886f70d0307",
    "des": "2b0e030207",
    "rc2": "2a864886f70d0302",
    "sha1": "2a864886f70d0207",
    "sha512": "2a864886f70d020b",
    "md5": "2a864886f70d0206",
}


def oid(name: str) -> bytes:
    return encode_der(OBJECT_IDENTIFIER, bytes.fromhex(OIDS[name]))


def sequence(*values: bytes) -> bytes:
    return encode_der(SEQUENCE, *values)


def octets(value: bytes) -> bytes:
    return encode_der(OCTET_STRING, value)


def scrypt(*numbers: int, salt: bytes = bytes(8)) -> bytes:
    return sequence(oid("scrypt"), sequence(octets(salt), *map(encode_der_integer, numbers)))


def pbkdf2(iterations: int, *rest: bytes) -> bytes:
    return sequence(
        oid("pbkdf2"), sequence(octets(bytes(8)), encode_der_integer(iterations), *rest)
    )


def prf(name: str, parameters: bytes | None = None) -> bytes:
    return sequence(oid(name), encode_der(NULL) if parameters is None else parameters)


AES256 = sequence(oid("aes256"), octets(bytes(16)))


def encrypted(
    kdf: bytes, cipher: bytes = AES256, scheme: str = "pbes2", text: bytes = bytes(16)
) -> bytes:
    return sequence(sequence(oid(scheme), sequence(kdf, cipher)), octets(text))


@given(st.binary(max_size=100), st.binary(min_size=1, max_size=50))
def test_decrypts_what_it_encrypts(plain: bytes, passphrase: bytes) -> None:
    der = encrypt_key(plain, passphrase, cost=CHEAP)
    assert looks_encrypted(der)
    assert decrypt_key(parse_encrypted_key(der), passphrase) == plain


def test_salt_and_iv_are_new_each_time() -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return bytes([len(asked)]) * size

    der = encrypt_key(b"x", b"y", cost=CHEAP, random=random)
    assert asked == [16, 16]
    assert b"\1" * 16 in der
    assert b"\2" * 16 in der
    assert encrypt_key(b"x", b"y", cost=CHEAP) != encrypt_key(b"x", b"y", cost=CHEAP)


def test_new_keys_cost_what_the_page_says_and_openssl_can_read() -> None:
    cost = NEW_KEY_COST_OF_USERS
    assert (cost.n, cost.r, cost.p) == (16384, 8, 10)
    assert 128 * cost.n * cost.r <= 32 * 1024 * 1024
    assert cost.p >= 5  # what OWASP asks for with n = 2^14 and r = 8
    for encrypt in (encrypt_key, encode_encrypted_key):
        assert (encrypt.__kwdefaults__ or {})["cost"] is NEW_KEY_COST  # lowered for the tests


@pytest.mark.parametrize(
    ("kdf", "weakness"),
    [
        (scrypt(2, 8, 1), "scrypt with n=2 r=8 p=1"),
        (scrypt(16384, 8, 1), None),
        (scrypt(16384, 8, 1, 32), None),
        (pbkdf2(2048), "PBKDF2 with 2048 rounds"),
        (pbkdf2(2048, prf("sha1")), "PBKDF2 with 2048 rounds"),
        (pbkdf2(600_000, prf("sha512")), None),
        (pbkdf2(600_000, encode_der_integer(32), prf("sha512")), None),
    ],
)
def test_says_what_is_cheap_to_guess_at(kdf: bytes, weakness: str | None) -> None:
    assert parse_encrypted_key(encrypted(kdf)).weakness == weakness


@pytest.mark.parametrize("cipher", ["aes128", "aes192", "aes256"])
def test_takes_every_length_of_aes(cipher: str) -> None:
    der = encrypted(scrypt(2, 8, 1), sequence(oid(cipher), octets(bytes(16))))
    assert parse_encrypted_key(der).iv == bytes(16)


@pytest.mark.parametrize(
    ("der", "said"),
    [
        (encrypted(scrypt(2, 8, 1), scheme="pbes1"), r"encryption is PBES1 .* weak"),
        (encrypted(scrypt(2, 8, 1), scheme="pkcs12"), r"encryption is a PKCS#12 cipher"),
        (encrypted(scrypt(2, 8, 1), scheme="gcm"), r"encryption \(60864801650304012e\) is unknown"),
        (encrypted(scrypt(2, 8, 1), sequence(oid("3des"), octets(bytes(8)))), "triple DES"),
        (encrypted(scrypt(2, 8, 1), sequence(oid("des"), octets(bytes(8)))), "is DES"),
        (encrypted(scrypt(2, 8, 1), sequence(oid("rc2"), octets(bytes(8)))), "is RC2"),
        (encrypted(scrypt(2, 8, 1), sequence(oid("gcm"), octets(bytes(12)))), "is unknown"),
        (encrypted(sequence(oid("sha1"), sequence())), "key derivation .* is unknown"),
        (encrypted(pbkdf2(2048, prf("md5"))), "derivation's hash .* is unknown"),
    ],
)
def test_names_what_is_weak_or_unknown(der: bytes, said: str) -> None:
    with pytest.raises(UnsupportedVersionError, match=said) as caught:
        parse_encrypted_key(der)
    assert "openssl pkcs8 -topk8 -scrypt" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "kdf",
    [
        scrypt(1 << 20, 9, 1),
        scrypt(1 << 16, 8, 1 << 10),
        scrypt(2, 8, 1 << 26),
        pbkdf2(10_000_001),
    ],
)
def test_a_file_cannot_make_the_machine_work_for_ever(kdf: bytes) -> None:
    """Attacker: hands over a key file whose parameters take all memory, or a year."""
    with pytest.raises(TooLargeError, match="more than any honest file"):
        parse_encrypted_key(encrypted(kdf))


@pytest.mark.parametrize(
    "der",
    [
        encrypted(scrypt(0, 8, 1)),
        encrypted(scrypt(1, 8, 1)),
        encrypted(scrypt(3, 8, 1)),
        encrypted(scrypt(2, 0, 1)),
        encrypted(scrypt(2, 8, 0)),
        encrypted(scrypt(2, 8)),
        encrypted(scrypt(2, 8, 1, 16)),
        encrypted(scrypt(2, 8, 1, 32, 0)),
        encrypted(scrypt(2, 8, 1, salt=b"")),
        encrypted(scrypt(2, 8, 1, salt=bytes(1025))),
        encrypted(pbkdf2(0)),
        encrypted(pbkdf2(1, encode_der_integer(16))),
        encrypted(pbkdf2(1, prf("sha1", encode_der(NULL, b"x")))),
        encrypted(pbkdf2(1, prf("sha1", b""))),
        encrypted(pbkdf2(1, prf("sha1"), encode_der(NULL))),
        encrypted(scrypt(2, 8, 1), sequence(oid("aes256"), octets(bytes(15)))),
        encrypted(scrypt(2, 8, 1), sequence(oid("aes256"), octets(bytes(16)), octets(b""))),
        encrypted(scrypt(2, 8, 1), text=b""),
        encrypted(scrypt(2, 8, 1), text=bytes(17)),
        encrypted(scrypt(2, 8, 1)) + b"\0",
        sequence(encode_der(INTEGER, b"\0")),
    ],
)
def test_refuses_any_other_structure(der: bytes) -> None:
    with pytest.raises(MalformedError, match="private key"):
        parse_encrypted_key(der)


def test_a_wrong_passphrase_is_said_in_one_way() -> None:
    """Attacker: learns from the words whether padding or key was wrong."""
    der = encrypt_key(bytes(range(48)), PASSPHRASE, cost=CHEAP)
    said = set()
    for number in range(600):  # one in 256 wrong passphrases leaves good padding
        try:
            decrypt_key(parse_encrypted_key(der), b"%d" % number)
        except KeyLockedError as error:
            said.add(f"{error}")
    assert said == {"the passphrase does not open the private key"}


def test_too_little_memory_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    encrypted_key = parse_encrypted_key(encrypt_key(b"x", b"y", cost=CHEAP))

    def no_memory(*_args: object, **_options: object) -> Scrypt:
        raise MemoryError

    monkeypatch.setattr("signkit.formats.pbes2.Scrypt", no_memory)
    with pytest.raises(TooLargeError, match="not enough memory"):
        decrypt_key(encrypted_key, b"y")


def test_every_cut_and_flip_is_refused_or_parsed() -> None:
    der = decode_pem((VECTORS / "openssl" / "ossl.enc.pbkdf2.pem").read_bytes(), what="key")[1]
    for size in range(len(der)):
        with pytest.raises(FormatError):
            parse_encrypted_key(der[:size])
    for place in range(8 * len(der)):
        changed = bytearray(der)
        changed[place // 8] ^= 1 << place % 8
        with suppress(FormatError):  # a flip in salt, IV or ciphertext still has the shape
            assert parse_encrypted_key(bytes(changed)).ciphertext
