"""Private keys in every form, and what must never be taken for one."""

from __future__ import annotations

import base64
import copy
import hashlib
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from signkit.errors import (
    FormatError,
    KeyLockedError,
    KeyRefusedError,
    MalformedError,
    SignkitError,
    TooLargeError,
    UnsupportedVersionError,
)
from signkit.formats.key_form import KeyForm
from signkit.formats.pbes2 import encrypt_key
from signkit.formats.private_key import (
    PrivateKey,
    encode_encrypted_key,
    encode_private_key,
    is_encrypted_key,
    is_private_key,
    new_private_key,
    parse_private_key,
)
from signkit.formats.public_key import encode_public_key
from signkit.verify.pem import encode_pem
from tests.support.cheap import NEW_KEY_COST_OF_USERS
from tests.support.key_files import (
    CHEAP,
    CONTRACT_KEYID,
    CONTRACT_PUBLIC,
    CONTRACT_SEED,
    DALEK_V2,
    KEYID,
    PASSPHRASE,
    PRIVATE_PEM_SHA256,
    PUBLIC,
    PUBLIC_PEM_SHA256,
    SEED,
    VECTORS,
    cheap_pem,
    never,
    openssl,
    passphrase,
)

KEY = PrivateKey(SEED)


def seed_of(data: bytes) -> bytes:
    return parse_private_key(data, passphrase=never, allow_test_keys=True).key.seed


def test_the_contracts_key_gives_the_contracts_files() -> None:
    key = PrivateKey(CONTRACT_SEED, allow_test_keys=True)
    assert (key.public_key.raw, key.public_key.keyid) == (CONTRACT_PUBLIC, CONTRACT_KEYID)
    private, public = (
        encode_private_key(key, KeyForm.PEM),
        encode_public_key(key.public_key, KeyForm.PEM),
    )
    assert hashlib.sha256(private).hexdigest() == PRIVATE_PEM_SHA256
    assert hashlib.sha256(public).hexdigest() == PUBLIC_PEM_SHA256


@given(st.binary(min_size=32, max_size=32), st.sampled_from(KeyForm))
def test_reads_what_it_writes(seed: bytes, form: KeyForm) -> None:
    key = PrivateKey(seed, allow_test_keys=True)
    assert key.public_key.raw == bytes(SigningKey(seed).verify_key)
    assert seed_of(encode_private_key(key, form)) == seed


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=1, max_size=40))
def test_reads_what_it_encrypts(seed: bytes, secret: bytes) -> None:
    pem = encode_encrypted_key(PrivateKey(seed, allow_test_keys=True), secret, cost=CHEAP)
    opened = parse_private_key(pem, passphrase=lambda: secret, allow_test_keys=True)
    assert (opened.key.seed, opened.encrypted) == (seed, True)
    assert is_encrypted_key(pem)


def test_raw_forms_are_those_of_the_contract() -> None:
    """Contract section 3.3: seed then public key, base64 of 88 characters."""
    assert encode_private_key(KEY, KeyForm.RAW64) == base64.b64encode(SEED + PUBLIC) + b"\n"
    assert encode_private_key(KEY, KeyForm.HEX64).decode() == f"{SEED.hex()}{PUBLIC.hex()}\n"
    assert encode_private_key(KEY, KeyForm.RAW) == base64.b64encode(SEED) + b"\n"
    assert encode_private_key(KEY, KeyForm.HEX).decode() == f"{SEED.hex()}\n"


def test_reads_version_2_as_dalek_writes_it() -> None:
    assert len(DALEK_V2) == 83
    assert seed_of(DALEK_V2) == SEED
    assert seed_of(encode_pem("PRIVATE KEY", DALEK_V2)) == SEED
    encrypted = encrypt_key(DALEK_V2, PASSPHRASE, cost=CHEAP)
    assert parse_private_key(encrypted, passphrase=passphrase).key.seed == SEED


@pytest.mark.parametrize(
    "data",
    [
        DALEK_V2[:-1] + bytes((DALEK_V2[-1] ^ 1,)),
        base64.b64encode(SEED + SEED),
        (SEED + bytes(32)).hex().encode(),
        encode_pem("PRIVATE KEY", DALEK_V2[:-32] + SEED),
    ],
)
def test_a_public_key_that_is_not_the_seeds_is_refused(data: bytes) -> None:
    """Attacker: has the victim sign with two public keys, and solves for the private one."""
    with pytest.raises(MalformedError, match="is not that of its seed"):
        parse_private_key(data, passphrase=never)


@pytest.mark.parametrize("file", ["ossl.key.pem", "ossl.enc.scrypt.pem", "ossl.enc.pbkdf2.pem"])
def test_reads_recorded_openssl_files(file: str) -> None:
    folder = VECTORS / "openssl"
    data = (folder / file).read_bytes()
    opened = parse_private_key(data, passphrase=passphrase, allow_test_keys=True)
    public = encode_public_key(opened.key.public_key, KeyForm.PEM)
    assert public == (folder / "ossl.pub.pem").read_bytes()
    assert (opened.encrypted, opened.weakness) == ("enc" in file, None)


def test_says_that_openssls_default_is_cheap_to_guess_at() -> None:
    secret = ["-passout", "pass:correct horse"]
    private = openssl("genpkey", "-algorithm", "Ed25519")
    pem = openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", *secret, data=private)
    assert parse_private_key(pem, passphrase=passphrase).weakness == "PBKDF2 with 2048 rounds"


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-scrypt"],
        ["-scrypt", "-scrypt_N", "1024", "-scrypt_r", "4", "-scrypt_p", "3"],
        ["-v2", "aes-256-cbc"],
        ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"],
        ["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA1", "-iter", "5000"],
    ],
)
def test_reads_what_openssl_writes(tmp_path: Path, options: list[str], form: str) -> None:
    private = openssl("genpkey", "-algorithm", "Ed25519")
    public = openssl("pkey", "-pubout", data=private)
    extra = [*options, "-passout", "pass:correct horse"] if options else ["-nocrypt"]
    data = openssl("pkcs8", "-topk8", "-outform", form, *extra, data=private)
    opened = parse_private_key(data, passphrase=passphrase if options else never)
    assert encode_public_key(opened.key.public_key, KeyForm.PEM) == public
    assert encode_private_key(opened.key, KeyForm.PEM) == private


@pytest.mark.parametrize("form", [KeyForm.PEM, KeyForm.DER])
def test_w19_openssl_reads_what_it_writes(form: KeyForm) -> None:
    key = new_private_key()
    public = openssl("pkey", "-inform", form.upper(), "-pubout", data=encode_private_key(key, form))
    assert public == encode_public_key(key.public_key, KeyForm.PEM)


def test_w19_openssl_reads_what_it_encrypts() -> None:
    key = new_private_key()
    pem = encode_encrypted_key(key, PASSPHRASE, cost=NEW_KEY_COST_OF_USERS)
    public = openssl("pkey", "-passin", "pass:correct horse", "-pubout", data=pem)
    assert public == encode_public_key(key.public_key, KeyForm.PEM)
    structure = openssl("asn1parse", data=pem).decode()
    for part in (":PBES2", ":scrypt", ":4000", ":08", ":0A", ":aes-256-cbc"):
        assert part in structure


def test_openssl_cannot_open_it_with_another_passphrase() -> None:
    with pytest.raises(AssertionError, match=r"(?i)could not|unable|error"):
        openssl("pkey", "-passin", "pass:wrong", "-noout", data=cheap_pem())


def test_a_wrong_passphrase_is_said_in_one_way() -> None:
    pem, said = cheap_pem(), set()
    for number in range(1500):
        with pytest.raises(KeyLockedError) as caught:
            parse_private_key(pem, passphrase=lambda: b"%d" % number)  # noqa: B023
        said.add((str(caught.value), caught.value.hint))
    assert len(said) == 1


def test_a_foreign_key_is_named_once_it_is_open() -> None:
    private = openssl("genpkey", "-algorithm", "X25519")
    pem = openssl("pkcs8", "-topk8", "-scrypt", "-passout", "pass:correct horse", data=private)
    with pytest.raises(UnsupportedVersionError, match="an X25519 key"):
        parse_private_key(pem, passphrase=passphrase)


def test_no_passphrase_is_asked_for_what_is_refused_anyway() -> None:
    weak = (VECTORS / "openssl" / "neg_ossl.enc.3des.pem").read_bytes()
    with pytest.raises(UnsupportedVersionError, match="PKCS#12 cipher"):
        parse_private_key(weak, passphrase=never)


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"", MalformedError, "private key is empty"),
        (b"x" * 16385, TooLargeError, "at most 16384 bytes"),
        (bytes(32), MalformedError, "32 bytes without any encoding"),
        (b"0V" + b"A" * 84 + b"==", MalformedError, "not that of its seed"),
        (b"hello", MalformedError, "none of PEM"),
    ],
)
def test_refuses_everything_else(data: bytes, kind: type[FormatError], said: str) -> None:
    with pytest.raises(kind, match=said):
        parse_private_key(data, passphrase=never)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_has_32_bytes(size: int) -> None:
    """cryptography raises InternalError for some of these when they come in PKCS#8."""
    with pytest.raises(MalformedError, match=f"32 bytes, got {size}"):
        PrivateKey(bytes(size))


def test_private_bytes_stay_inside() -> None:
    opened = parse_private_key(DALEK_V2, passphrase=never)
    for text in (repr(opened), repr(opened.key), str(opened.key)):
        assert KEYID in text
        assert SEED.hex() not in text
        assert repr(SEED)[2:-1] not in text
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            leak(opened.key)


def test_new_keys_come_from_32_random_bytes() -> None:
    assert new_private_key(lambda size: bytes([7]) * size).seed == bytes([7]) * 32
    assert new_private_key().seed != new_private_key().seed


# Those of other tools have tests of their own: in them some bits say nothing about the key.
OURS = [KeyForm.PEM, KeyForm.DER, KeyForm.RAW, KeyForm.HEX, KeyForm.RAW64, KeyForm.HEX64]
PLAIN_FORMS = [encode_private_key(KEY, form) for form in OURS]


@pytest.mark.parametrize("data", [*PLAIN_FORMS, DALEK_V2])
def test_every_flipped_bit_gives_another_key_or_an_error(data: bytes) -> None:
    for place in range(8 * len(data)):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        try:
            seed = seed_of(bytes(changed))
        except SignkitError:
            continue
        assert seed != SEED or bytes(changed).strip() == data.strip()


def test_every_flipped_bit_of_an_encrypted_key_gives_another_key_or_an_error() -> None:
    pem = cheap_pem()
    for place in range(8 * len(pem)):
        changed = bytearray(pem)
        changed[place // 8] ^= 1 << place % 8
        try:
            opened = parse_private_key(bytes(changed), passphrase=passphrase)
        except SignkitError:
            continue
        assert opened.key.seed != SEED or bytes(changed).strip() == pem.strip()


@pytest.mark.parametrize("data", [*PLAIN_FORMS, DALEK_V2, cheap_pem()])
def test_a_file_cut_anywhere_is_refused(data: bytes) -> None:
    whole = data.rstrip(b"\n")
    for size in range(len(whole)):
        if size == len(whole) // 2 and data in PLAIN_FORMS[4:]:
            continue  # half a 64-byte line is the 32-byte line
        with pytest.raises(SignkitError):
            parse_private_key(data[:size], passphrase=passphrase)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_error_of_ours(data: bytes) -> None:
    for form in (data, encode_pem("PRIVATE KEY", data), encode_pem("ENCRYPTED PRIVATE KEY", data)):
        is_private_key(form)
        with pytest.raises(SignkitError):
            parse_private_key(form, passphrase=passphrase)


@pytest.mark.parametrize("data", [PLAIN_FORMS[0], PLAIN_FORMS[1], *PLAIN_FORMS[4:], DALEK_V2])
def test_tells_private_keys(data: bytes) -> None:
    assert is_private_key(data)
    assert not is_encrypted_key(data)


def test_tells_encrypted_and_foreign_private_keys() -> None:
    rsa = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
    assert is_private_key(cheap_pem())
    assert is_private_key(encrypt_key(b"x", b"y", cost=CHEAP))
    assert is_private_key(rsa)
    assert is_private_key(openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", data=rsa))


@pytest.mark.parametrize("form", [KeyForm.PEM, KeyForm.DER, KeyForm.RAW, KeyForm.HEX])
def test_tells_public_keys(form: KeyForm) -> None:
    assert not is_private_key(encode_public_key(KEY.public_key, form))


@pytest.mark.parametrize("seed", [bytes(32), CONTRACT_SEED, bytes(range(32))])
def test_a_published_seed_is_no_key_to_sign_with(seed: bytes) -> None:
    """Attacker: knows the seeds of every test set. A key that anybody can sign with is refused."""
    line = seed.hex().encode()
    with pytest.raises(KeyRefusedError, match="is published: anybody can sign with it") as caught:
        parse_private_key(line, passphrase=never)
    assert seed.hex() not in f"{caught.value}{caught.value.hint}"
    assert parse_private_key(line, passphrase=never, allow_test_keys=True).key.seed == seed
