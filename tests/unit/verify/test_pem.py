"""PEM: one block, one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import (
    FormatError,
    MalformedError,
    NotCanonicalError,
    UnsupportedVersionError,
)
from signkit.formats.foreign import explain_pem
from signkit.verify.pem import decode_pem, encode_pem
from tests.support.key_files import openssl

BLOCK = encode_pem("PUBLIC KEY", bytes(100))


@given(st.binary(max_size=300))
def test_decodes_what_it_encodes(der: bytes) -> None:
    assert decode_pem(encode_pem("X Y", der), what="key") == ("X Y", der)


def test_writes_as_openssl_does() -> None:
    pem = openssl("genpkey", "-algorithm", "Ed448")
    assert encode_pem("PRIVATE KEY", decode_pem(pem, what="key")[1]) == pem


@pytest.mark.parametrize(
    "data", [BLOCK, BLOCK.replace(b"\n", b"\r\n"), BLOCK[:-1], BLOCK.replace(b"\n", b"\r\n")[:-2]]
)
def test_accepts_either_line_end_and_a_missing_last_one(data: bytes) -> None:
    assert decode_pem(data, what="key") == ("PUBLIC KEY", bytes(100))


@pytest.mark.parametrize(
    ("data", "kind", "said"),  # what a device says is one thing; people get the reason
    [
        (BLOCK + BLOCK, MalformedError, "expected one PEM block, got 2"),
        (b"hello\n" + BLOCK, MalformedError, "nothing before the PEM block"),
        (b"\n" + BLOCK, MalformedError, "nothing before the PEM block"),
        (b"", MalformedError, "nothing before"),
        (BLOCK.split(b"-----END")[0], MalformedError, "no END line"),
        (BLOCK.replace(b"\n", b"\r"), MalformedError, "no END line"),
        (BLOCK + b"\n", NotCanonicalError, "not canonical"),
        (BLOCK + b"hello\n", NotCanonicalError, "not canonical"),
        (BLOCK.replace(b"\n", b"\r\n", 1), NotCanonicalError, "not canonical"),
        (BLOCK.replace(b"AAAA\n", b"\nAAAA\n", 1), NotCanonicalError, "not canonical"),
        (BLOCK.replace(b"AA==", b"AB=="), NotCanonicalError, "not canonical"),
        (BLOCK.replace(b"AA==", b"AA"), NotCanonicalError, "not canonical"),
        (BLOCK.replace(b"END PUBLIC", b"END PRIVATE"), NotCanonicalError, "not canonical"),
        (BLOCK.replace(b"PUBLIC", b"P\xffBLIC"), NotCanonicalError, "not canonical"),
        (
            BLOCK.replace(b"KEY-----\n", b"KEY-----\nProc-Type: 4\n", 1),
            UnsupportedVersionError,
            "weak",
        ),
    ],
)
def test_refuses_every_other_spelling(data: bytes, kind: type[FormatError], said: str) -> None:
    with pytest.raises(NotCanonicalError, match="not canonical") as caught:
        decode_pem(data, what="key")
    assert caught.value.hint
    named = explain_pem(data, caught.value, what="key")
    assert (type(named), bool(named.hint)) == (kind, True)
    assert said in str(named)


@given(st.integers(0, len(BLOCK) - 1), st.integers(0, 255))
def test_every_other_byte_is_another_block_or_refused(place: int, byte: int) -> None:
    changed = BLOCK[:place] + bytes((byte,)) + BLOCK[place + 1 :]
    try:
        label, der = decode_pem(changed, what="key")
    except FormatError:
        return
    assert encode_pem(label, der).rstrip() == changed.rstrip()


@pytest.mark.parametrize(
    "data", [b"-----BEGIN \xff", BLOCK + b"x", BLOCK.replace(b"END PUBLIC", b"END PRIVATE")]
)
def test_a_refusal_names_the_file(data: bytes) -> None:
    with pytest.raises(NotCanonicalError, match=r"^the key of x is not canonical PEM"):
        decode_pem(data, what="the key of x")
