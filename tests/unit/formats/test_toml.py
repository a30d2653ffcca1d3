"""TOML that people write: what is refused, and how the nearest known name is found."""

from __future__ import annotations

import pytest

from signkit.errors import MalformedError, TooLargeError
from signkit.formats.toml import check_names, parse_toml


def test_values() -> None:
    assert parse_toml(b'a = 1\n[b]\nc = "x"', limit=100, what="list") == {"a": 1, "b": {"c": "x"}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", "list is not UTF-8: byte 0 cannot be decoded"),
        (b"a = [" + b"[" * 9000, "list is nested too deeply"),
        (b"a = 1\na = 2", "list is not TOML: cannot overwrite a value"),
    ],
)
def test_no_toml(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=f"^{message}"):
        parse_toml(data, limit=100_000, what="list")


def test_size() -> None:
    assert parse_toml(b"#" * 10, limit=10, what="list") == {}
    with pytest.raises(TooLargeError, match="list is too large: expected at most 10 bytes"):
        parse_toml(b"#" * 11, limit=10, what="list")


@pytest.mark.parametrize(("name", "near"), [("colour", "color"), ("Size", "size"), ("", "size")])
def test_the_nearest_known_name(name: str, near: str) -> None:
    with pytest.raises(MalformedError) as caught:
        check_names({name: 1}, ("color", "size"), where="here")
    assert str(caught.value) == f"here: unknown name {name!r}; the nearest known is {near!r}"
    assert caught.value.hint == "known there: color, size"


def test_known_names_and_no_table() -> None:
    check_names({"color": 1}, ("color", "size"), where="here")
    check_names("no table", ("color",), where="here")
