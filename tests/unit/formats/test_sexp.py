from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError, SignkitError, TooLargeError
from signkit.formats.sexp import Sexp, encode_sexp, find_part, parse_sexp

SIGNATURE = b"(7:sig-val(5:eddsa(1:r2:ab)(1:s0:)))"
VALUES: st.SearchStrategy[Sexp] = st.recursive(
    st.binary(max_size=20), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=10
)


def deep(levels: int) -> bytes:
    return b"(" * levels + b")" * levels


def test_a_signature() -> None:
    value = parse_sexp(SIGNATURE)
    assert value == (b"sig-val", (b"eddsa", (b"r", b"ab"), (b"s", b"")))
    assert find_part(value, b"eddsa", b"r") == b"ab"
    assert find_part(value, b"eddsa", b"s") == b""


@pytest.mark.parametrize("path", [(b"rsa", b"r"), (b"eddsa", b"q"), (b"eddsa",), (), (b"a",) * 9])
def test_what_is_not_in_it(path: tuple[bytes, ...]) -> None:
    assert find_part(parse_sexp(SIGNATURE), *path) is None
    assert find_part(b"text", *path) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"(", b")", b"()x", b"()()", b"1:", b"2:a", b"01:a", b"a:b", b":", b"-1:a", b" 1:a",
     b"1:ab", b"(1:a", b"(1:a))", b"99999:a", b"\xb2:ab", b"[1:a]1:b", SIGNATURE + b"\0"],
)  # fmt: skip
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_sexp(data)


def test_limits() -> None:
    assert parse_sexp(deep(8))
    with pytest.raises(TooLargeError, match="too deeply"):
        parse_sexp(deep(9))
    assert parse_sexp(b"4091:" + bytes(4091))
    with pytest.raises(TooLargeError, match="4096"):
        parse_sexp(b"4092:" + bytes(4092))


@given(VALUES)
def test_what_is_encoded_is_parsed(value: Sexp) -> None:
    try:
        assert parse_sexp(encode_sexp(value)) == value
    except TooLargeError:
        assert encode_sexp(value).count(b"(") > 8


@given(st.binary(max_size=40) | st.text("()1:a", max_size=20).map(str.encode))
def test_one_spelling(data: bytes) -> None:
    with suppress(SignkitError):
        assert encode_sexp(parse_sexp(data)) == data
