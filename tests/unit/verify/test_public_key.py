"""Public keys in four forms, each with one spelling."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import (
    FormatError,
    KeyRefusedError,
    NotCanonicalError,
    SignkitError,
    TooLargeError,
    UnsupportedVersionError,
)
from signkit.formats.key_form import KeyForm
from signkit.formats.public_key import encode_public_key
from signkit.verify.ed25519 import enrol_public_key
from signkit.verify.public_key import decode_raw_key, encode_public_der, parse_public_key
from tests.support.key_files import KEYID, PUBLIC, SEED
from tests.support.keys import PUBLISHED

KEY = enrol_public_key(PUBLIC)
BASE64 = base64.b64encode(PUBLIC)
PUBLIC_FORMS = (KeyForm.PEM, KeyForm.DER, KeyForm.RAW, KeyForm.HEX)
FORMS = [encode_public_key(KEY, form) for form in PUBLIC_FORMS]


@pytest.mark.parametrize("data", [*FORMS, PUBLIC.hex().upper().encode(), BASE64, BASE64 + b"\r\n"])
def test_reads_every_form(data: bytes) -> None:
    assert parse_public_key(data).keyid == KEYID


def test_der_has_the_44_bytes_of_rfc_8410() -> None:
    assert encode_public_der(KEY).hex() == f"302a300506032b6570032100{PUBLIC.hex()}"


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"", UnsupportedVersionError, "none of PEM"),
        (b"x" * 16385, TooLargeError, "at most 16384 bytes, got 16385"),
        (BASE64 + b"\n\n", UnsupportedVersionError, "none of PEM"),
        (b" " + BASE64, UnsupportedVersionError, "none of PEM"),
        (
            BASE64[:-2] + b"a=",
            NotCanonicalError,
            "^public key: expected 32 bytes as standard base64",
        ),
        (BASE64[:-1] + b"*", NotCanonicalError, "32 bytes as standard base64"),
        (PUBLIC.hex()[:-1].encode() + b"g", NotCanonicalError, "hex of one case"),
        (PUBLIC.hex()[:-1].encode() + b"F", NotCanonicalError, "hex of one case"),
        (bytes(32), UnsupportedVersionError, "none of PEM"),
        (encode_public_der(KEY) + b"\0", UnsupportedVersionError, "none of PEM"),
        (encode_public_der(KEY)[:-1], UnsupportedVersionError, "none of PEM"),
        (base64.b64encode(SEED + PUBLIC), UnsupportedVersionError, "none of PEM"),
        (b"\xef\xbb\xbf" + BASE64, UnsupportedVersionError, "none of PEM"),
        (b"0*" + b"A" * 42, UnsupportedVersionError, "none of PEM"),  # begins as DER does
        (FORMS[0] + b"x", NotCanonicalError, "^public key is not canonical PEM"),
    ],
)
def test_refuses_everything_else(data: bytes, kind: type[SignkitError], said: str) -> None:
    with pytest.raises(kind, match=said):
        parse_public_key(data)


def test_a_published_key_is_read_only_where_it_is_said() -> None:
    data = PUBLISHED.public_key.raw.hex().encode()
    with pytest.raises(KeyRefusedError, match=r"is published: anybody can sign with it$"):
        parse_public_key(data)
    assert parse_public_key(data, allow_test_keys=True) == PUBLISHED.public_key


def test_refuses_a_key_that_anyone_can_sign_for() -> None:
    """Attacker: enrols the identity point, under which a fixed signature fits any message."""
    with pytest.raises(KeyRefusedError):
        parse_public_key(bytes.fromhex("302a300506032b6570032100") + b"\1" + bytes(31))


def test_does_not_quote_a_line_that_may_be_a_seed() -> None:
    seed = next(bytes((n,)) + bytes(31) for n in range(2, 99) if not _is_point(n))
    with pytest.raises(KeyRefusedError, match="prime-order") as caught:
        parse_public_key(seed.hex().encode())
    assert seed.hex() not in f"{caught.value}{caught.value.hint}"
    assert "--private" in (caught.value.hint or "")


def _is_point(number: int) -> bool:
    try:
        enrol_public_key(bytes((number,)) + bytes(31))
    except KeyRefusedError:
        return False
    return True


@pytest.mark.parametrize("data", FORMS)
@given(data_strategy=st.data())
def test_a_flipped_bit_never_gives_the_same_key(data: bytes, data_strategy: st.DataObject) -> None:
    place = data_strategy.draw(st.integers(0, 8 * len(data) - 1))
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    try:
        key = parse_public_key(bytes(changed))
    except SignkitError:
        return
    assert key.keyid != KEYID or bytes(changed).strip() == data.strip()


@pytest.mark.parametrize("data", FORMS)
def test_a_file_cut_anywhere_is_refused(data: bytes) -> None:
    for size in range(len(data.rstrip(b"\n"))):
        with pytest.raises(SignkitError):
            parse_public_key(data[:size])


@given(st.binary(max_size=200))
def test_any_bytes_give_a_key_or_an_error_of_ours(data: bytes) -> None:
    with suppress(SignkitError):
        assert parse_public_key(data).keyid


@given(st.binary(min_size=64, max_size=64))
def test_raw_keys_of_another_size_decode_as_well(raw: bytes) -> None:
    line = base64.b64encode(raw) + b"\n"
    assert decode_raw_key(line, size=64, what="key") == raw
    assert decode_raw_key(raw.hex().encode(), size=64, what="key") == raw
    assert decode_raw_key(line, size=32, what="key") is None


def test_what_is_not_ascii_is_no_line() -> None:
    assert decode_raw_key("é".encode() * 32, size=32, what="key") is None
    with pytest.raises(FormatError):
        decode_raw_key(b"\0" * 64, size=32, what="key")


@pytest.mark.parametrize("size", [31, 33])  # as many characters of base64 as 32 bytes take
def test_base64_of_the_right_length_and_another_size_is_refused(size: int) -> None:
    line = base64.b64encode(bytes(size))
    assert len(line) == len(BASE64)
    with pytest.raises(NotCanonicalError, match=r"^key: expected 32 bytes as standard base64"):
        decode_raw_key(line, size=32, what="key")


def test_a_line_with_a_blank_is_no_raw_key() -> None:
    assert decode_raw_key(b"ssh " + BASE64[4:], size=32, what="key") is None


def test_a_raw_key_of_a_whole_number_of_groups_is_not_padded() -> None:
    assert decode_raw_key(base64.b64encode(bytes(33)), size=33, what="key") == bytes(33)
