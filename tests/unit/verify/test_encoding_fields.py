"""The fields of an object are each read once, and whatever is left over is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from signkit.errors import FormatError, MalformedError, NotCanonicalError, TooLargeError
from signkit.verify.encoding import Fields

KINDS: list[tuple[object, str]] = [
    (None, "null"),
    (True, "true or false"),
    (1, "a number"),
    ("x", "a text"),
    ([], "an array"),
    ({}, "an object"),
]
READERS: dict[str, tuple[Callable[[Fields], object], str]] = {
    "text": (lambda fields: fields.text("f"), "a text"),
    "label": (lambda fields: fields.label("f"), "a text"),
    "time": (lambda fields: fields.time("f"), "a text"),
    "integer": (lambda fields: fields.integer("f"), "an integer"),
    "array": (lambda fields: fields.array("f", most=3), "an array"),
    "sha256": (lambda fields: fields.sha256("f"), 'a digest {"sha256": hex}'),
}
WRONG = [
    (name, value, kind)
    for name in READERS
    for value, kind in KINDS
    if not (name in {"text", "label", "time"} and kind == "a text")
    and not (name == "integer" and kind == "a number")
    and not (name == "array" and kind == "an array")
]


def _fields(value: object) -> Fields:
    return Fields({"f": value}, "thing")


@pytest.mark.parametrize(("value", "kind"), KINDS[:-1])
def test_only_an_object_has_fields(value: object, kind: str) -> None:
    with pytest.raises(MalformedError, match=f"^thing: expected an object, got {kind}$"):
        Fields(value, "thing")


@pytest.mark.parametrize(("name", "value", "kind"), WRONG)
def test_a_field_of_another_kind(name: str, value: object, kind: str) -> None:
    read, expected = READERS[name]
    with pytest.raises(MalformedError) as caught:
        read(_fields(value))
    assert str(caught.value) == f"thing.f: expected {expected}, got {kind}"


@pytest.mark.parametrize("name", READERS)
def test_a_missing_field(name: str) -> None:
    with pytest.raises(MalformedError, match=r"^thing: the field 'f' is missing$"):
        READERS[name][0](Fields({}, "thing"))


def test_a_field_is_read_once() -> None:
    fields = _fields("x")
    assert fields.has("f")
    assert fields.text("f") == "x"
    assert not fields.has("f")
    with pytest.raises(MalformedError, match="missing"):
        fields.text("f")


def test_what_is_left_over_is_refused() -> None:
    fields = Fields({"f": 1, "g" * 90: 2}, "thing")
    fields.take("f")
    with pytest.raises(MalformedError, match=f"^thing: unknown field '{'g' * 80}'$"):
        fields.done()


def test_nothing_left_over() -> None:
    fields = _fields(1)
    fields.take("f")
    fields.done()


def test_the_object_itself_stays_whole() -> None:
    value = {"f": 1}
    Fields(value, "thing").take("f")
    assert value == {"f": 1}


def test_a_text_at_the_limit_and_one_past() -> None:
    assert _fields("xyz").text("f", limit=3) == "xyz"
    with pytest.raises(TooLargeError, match=r"^thing.f is too long: expected at most 2 .*, got 3$"):
        _fields("xyz").text("f", limit=2)


def test_a_label_at_the_limit_and_one_past() -> None:
    assert _fields("x" * 128).label("f") == "x" * 128
    with pytest.raises(TooLargeError, match=r"^thing.f is too long: expected at most 128 "):
        _fields("x" * 129).label("f")
    with pytest.raises(MalformedError, match=r"^thing.f is empty$"):
        _fields("").label("f")


@pytest.mark.parametrize("number", [3, 4, 5])
def test_an_integer_within(number: int) -> None:
    assert _fields(number).integer("f", least=3, most=5) == number


@pytest.mark.parametrize("number", [2, 6, -3])
def test_an_integer_outside(number: int) -> None:
    with pytest.raises(MalformedError, match=f"^thing.f: expected 3 to 5, got {number}$"):
        _fields(number).integer("f", least=3, most=5)


def test_an_integer_is_not_negative_unless_said() -> None:
    with pytest.raises(MalformedError, match=r"^thing.f: expected 0 to 9007199254740991, got -1$"):
        _fields(-1).integer("f")


def test_an_array_within_and_outside() -> None:
    assert _fields([1, 2]).array("f", least=2, most=2) == [1, 2]
    with pytest.raises(TooLargeError, match=r"^thing.f is too long: .* 2 members, got 3$"):
        _fields([1, 2, 3]).array("f", most=2)
    with pytest.raises(MalformedError, match=r"^thing.f: expected at least 2 members, got 1$"):
        _fields([1]).array("f", least=2, most=2)


def test_a_member_names_its_place() -> None:
    with pytest.raises(MalformedError, match=r"^thing.f: the field 'g' is missing$"):
        _fields({}).member("f").text("g")
    with pytest.raises(MalformedError, match=r"^thing.f: expected an object, got null$"):
        _fields(None).member("f")


def test_a_digest() -> None:
    assert _fields({"sha256": "ab" * 32}).sha256("f") == b"\xab" * 32


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"sha512": "ab" * 64}, MalformedError),
        ({"sha256": "ab" * 32, "sha512": "ab" * 64}, MalformedError),
        ({"sha256": None}, MalformedError),
        ({"sha256": ["ab" * 32]}, MalformedError),
        ("sha256:" + "ab" * 32, MalformedError),
        ({"sha256": "AB" * 32}, NotCanonicalError),
        ({"sha256": "ab" * 31}, NotCanonicalError),
        ({"sha256": "ab" * 31 + " a"}, NotCanonicalError),
    ],
)
def test_what_is_no_digest(value: object, error: type[FormatError]) -> None:
    with pytest.raises(error, match=r"^thing.f"):
        _fields(value).sha256("f")


def test_a_time_or_null() -> None:
    assert _fields(None).optional_time("f") is None
    assert _fields("2026-01-31T12:00:00Z").optional_time("f") == "2026-01-31T12:00:00Z"
    with pytest.raises(MalformedError, match=r"^thing.f: expected a UTC time"):
        _fields("").optional_time("f")
    with pytest.raises(MalformedError, match=r"^thing: the field 'f' is missing$"):
        Fields({}, "thing").optional_time("f")


def test_null_is_read_where_it_stands() -> None:
    fields = _fields(None)
    assert fields.is_null("f")
    fields.done()
    kept = _fields("")
    assert not kept.is_null("f")
    assert kept.has("f")


def test_a_constant() -> None:
    fields = _fields("v1")
    fields.constant("f", "v1")
    fields.done()


@pytest.mark.parametrize(
    ("value", "got"),
    [("v2", "'v2'"), (None, "null"), (["v1"], "an array"), ("v" * 41, f"'{'v' * 40}'... (41 char")],
)
def test_another_value_than_the_constant(value: object, got: str) -> None:
    with pytest.raises(MalformedError) as caught:
        _fields(value).constant("f", "v1")
    assert str(caught.value).startswith(f"thing.f: expected 'v1', got {got}")


def test_an_array_may_be_empty_unless_said() -> None:
    assert _fields([]).array("f", most=1) == []
