"""Custom metadata: bounded, and with one spelling for its digest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError, TooLargeError
from signkit.formats.metadata import check_metadata
from signkit.verify import limits
from signkit.verify.encoding import canonical_json, parse_json

FOLDER = Path(__file__).parents[2] / "vectors" / "json"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-limits.INTEGER_MAX, limits.INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


def _parse(data: bytes) -> object:
    return parse_json(data, limit=2**20, what="thing")


@given(VALUES)
def test_canonical_json_is_one_spelling(value: object) -> None:
    data = canonical_json(value)
    assert _parse(data) == value
    shuffled = json.loads(json.dumps(value), object_pairs_hook=lambda pairs: dict(pairs[::-1]))
    assert canonical_json(shuffled) == data


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode"])
def test_canonical_json_is_that_of_rfc_8785(name: str) -> None:
    source = (FOLDER / "jcs" / "input" / f"{name}.json").read_bytes()
    source = source.replace(b"56.0", b"56")  # a fraction is not ours to read
    expected = (FOLDER / "jcs" / "output" / f"{name}.json").read_bytes()
    assert canonical_json(_parse(source)) == expected


def test_canonical_json_sorts_by_utf_16() -> None:
    value = {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "a": 4, "\r": 5}
    assert list(json.loads(canonical_json(value))) == ["\r", "a", "\u20ac", "\U0001f600", "\ufb33"]


def test_metadata_at_the_depth_and_one_past() -> None:
    value: dict[str, object] = {"a": 1}
    for _ in range(limits.CUSTOM_METADATA_DEPTH - 1):
        value = {"a": value}
    assert check_metadata(value, what="thing") is value
    with pytest.raises(MalformedError, match=r"^thing: nested deeper than 32 levels$"):
        check_metadata({"a": value}, what="thing")
    with pytest.raises(MalformedError, match=r"^thing: nested deeper than 32 levels$"):
        check_metadata({"b": 1, "a": [value]}, what="thing")


def test_metadata_at_the_size_and_one_past() -> None:
    value = {"a": "x" * (limits.CUSTOM_METADATA_SIZE - len('{"a":""}'))}
    assert check_metadata(value, what="thing") is value
    with pytest.raises(TooLargeError, match=r"^thing is too large: .* 1000000 bytes, got 1000001$"):
        check_metadata({"a": value["a"] + "x"}, what="thing")


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), ([], "an array"), ("{}", "a text"), (1, "a number"), (True, "true or false")],
)
def test_metadata_is_an_object(value: object, kind: str) -> None:
    with pytest.raises(MalformedError, match=rf"^thing: expected a JSON object, got {kind}$"):
        check_metadata(value, what="thing")
