"""JSON, hex, base64, times and text are read strictly: one spelling, bounded, refused by name."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FormatError, MalformedError, NotCanonicalError, TooLargeError
from signkit.verify import limits
from signkit.verify.encoding import (
    canonical_json,
    check_name,
    check_text,
    check_time,
    decode_base64,
    decode_hex,
    encode_base64,
    encode_json,
    json_depth,
    parse_json,
)

FOLDER = Path(__file__).parents[2] / "vectors" / "json"
SUITE = sorted((FOLDER / "JSONTestSuite_parsing").iterdir())
TRANSFORM = sorted((FOLDER / "JSONTestSuite_transform").iterdir())
MADE_HERE = [
    entry["file"] for entry in json.loads((FOLDER / "made_here" / "EXPECT.json").read_text())
]

# Valid JSON that docs/formats/conventions.md section 2 refuses all the same.
NARROWED = {
    "y_number.json": "a fraction",
    "y_number_0e1.json": "an exponent",
    "y_number_double_close_to_zero.json": "a fraction",
    "y_number_real_capital_e.json": "an exponent",
    "y_number_real_capital_e_neg_exp.json": "an exponent",
    "y_number_real_capital_e_pos_exp.json": "an exponent",
    "y_number_real_pos_exponent.json": "an exponent",
    "y_object_extreme_numbers.json": "an exponent",
    "y_structure_lonely_negative_real.json": "a fraction",
    "y_object_duplicated_key.json": "a name twice",
}
TRANSFORM_ACCEPTED = {
    "object_key_nfc_nfd.json",
    "object_key_nfd_nfc.json",
    "string_with_escaped_NULL.json",
}
# In made_here, what is wrong with a document rather than with the JSON: its fields say so.
FINE_AS_JSON = {
    "artifacts_1e5.json",
    "int_as_string.json",
    "int_neg.json",
    "just_null.json",
    "key_order_swapped.json",
    "keys_200k.json",
    "not_canonical_space.json",
    "null_field.json",
    "proto.json",
    "string_10MB.json",
    "string_top.json",
    "trailing_ws.json",
    "unknown_field.json",
}
LARGE = {
    "deep_objects_50k.json": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "int_1e6_digits.json": b'{"size":' + b"9" * 1_000_000 + b"}",
    "string_10MB.json": b'{"name":"' + b"a" * 10_000_000 + b'"}',
    "keys_200k.json": encode_json({f"k{number}": 0 for number in range(200_000)}),
    "artifacts_1e5.json": encode_json({"artifacts": [{"id": str(n)} for n in range(100_000)]}),
}


def _parse(data: bytes) -> object:
    return parse_json(data, limit=limits.REQUEST_SIZE, what="thing")


def _accepts(data: bytes) -> bool:
    try:
        _parse(data)
    except FormatError as error:
        refusal = str(error)
    else:
        return True
    assert len(refusal) < 400  # a message is read by a person
    return False


@pytest.mark.parametrize("path", SUITE, ids=lambda path: path.stem)
def test_json_test_suite(path: Path) -> None:
    expected = path.name[0] == "y" and path.name not in NARROWED
    assert _accepts(path.read_bytes()) == expected


@pytest.mark.parametrize("path", TRANSFORM, ids=lambda path: path.stem)
def test_json_test_suite_transform(path: Path) -> None:
    assert _accepts(path.read_bytes()) == (path.name in TRANSFORM_ACCEPTED)


def test_names_are_not_normalised() -> None:
    value = _parse((FOLDER / "JSONTestSuite_transform" / "object_key_nfc_nfd.json").read_bytes())
    assert value == {"\u00e9": "NFC", "e\u0301": "NFD"}


@pytest.mark.parametrize("name", MADE_HERE)
def test_made_here(name: str) -> None:
    data = LARGE.get(name)
    data = (FOLDER / "made_here" / name).read_bytes() if data is None else data
    assert _accepts(data) == (name in FINE_AS_JSON)


def test_the_narrowings_are_really_in_the_suite() -> None:
    assert set(NARROWED) <= {path.name for path in SUITE}
    assert set(MADE_HERE) >= FINE_AS_JSON


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff", r"^thing is not UTF-8: byte 0 cannot be decoded$"),
        (b'{"a":1,"a":1}', r"^thing holds the name 'a' twice in one object$"),
        (b'[{"a":{"b":1,"\\u0062":2}}]', r"^thing holds the name 'b' twice in one object$"),
        (b"1.0", r"^thing holds the number 1.0: expected an integer$"),
        (b"1e3", r"^thing holds the number 1e3: expected an integer$"),
        (b"1." + b"0" * 30, r"^thing holds the number 1\.0{22}: expected an integer$"),
        (b"-0", r"^thing holds the number -0: expected 0$"),
        (b"[NaN]", r"^thing holds the number NaN: expected an integer$"),
        (b"-Infinity", r"^thing holds the number -Infinity: expected an integer$"),
        (b"9007199254740992", r"^thing holds the number 9007199254740992: expected an integer of"),
        (b"9" * 5000, r"^thing holds the number 9{24}: expected an integer of at most 53 bits$"),
        (b'"\\ud800"', r"^thing holds a lone surrogate, which no UTF-8 text can hold$"),
        (b'{"\\udfff":1}', r"^thing holds a lone surrogate, which no UTF-8 text can hold$"),
        (b"[" * 100_000, r"^thing is nested too deeply: expected at most 64 levels$"),
        (b"{", r"^thing is not JSON: expecting property name .* at character 1$"),
        (b"\xef\xbb\xbf{}", r"^thing is not JSON: unexpected utf-8 bom.* at character 0$"),
        (b"{}\n{}", r"^thing is not JSON: extra data at character 3$"),
    ],
)
def test_a_refusal_says_what_is_wrong(data: bytes, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        _parse(data)


def test_a_long_name_does_not_make_a_long_message() -> None:
    name = b'"' + b"n" * 100_000 + b'":1'
    with pytest.raises(
        MalformedError, match=r"'n{40}'\.\.\. \(100000 characters\) twice"
    ) as caught:
        _parse(b"{" + name + b"," + name + b"}")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("number", [0, 1, -1, limits.INTEGER_MAX, -limits.INTEGER_MAX])
def test_integers_up_to_53_bits(number: int) -> None:
    assert _parse(str(number).encode()) == number


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**17, -(10**16)])
def test_integers_of_more_bits_are_refused(number: int) -> None:
    with pytest.raises(MalformedError, match="expected an integer of at most 53 bits"):
        _parse(str(number).encode())


def test_size_at_the_limit_and_one_past() -> None:
    assert parse_json(b'"12"', limit=4, what="thing") == "12"
    with pytest.raises(TooLargeError, match=r"^thing is too large: expected at most 3 b.* got 4$"):
        parse_json(b'"12"', limit=3, what="thing")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-limits.INTEGER_MAX, limits.INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    data = encode_json(value)
    assert _parse(data) == value
    assert encode_json(_parse(data)) == data


@given(st.binary())
def test_only_format_errors_leave_for_any_bytes(data: bytes) -> None:
    _accepts(data)


HEX = "d75a98"
SECOND_HEX = ["D75A98", "d7 5a98", " d75a98", "d75a98\n", "d7_5a98", "0xd75a", "d75a9", "d75a9800"]
SECOND_HEX += ["", "d75a9g", "\u0661\u0662\u0663\u0661\u0662\u0663", "\uff44\uff17\uff15a98"]


def test_hex_is_decoded() -> None:
    assert decode_hex(HEX, size=3, what="thing") == b"\xd7\x5a\x98"
    assert decode_hex("", size=0, what="thing") == b""


@pytest.mark.parametrize("text", SECOND_HEX)
def test_no_second_spelling_of_hex(text: str) -> None:
    with pytest.raises(NotCanonicalError, match=r"^thing: expected 6 lower-case hex digits, got '"):
        decode_hex(text, size=3, what="thing")


SECOND_BASE64 = [
    "AB==",
    "AA=",
    "AA",
    "AA===",
    "A*A==",
    "AA==junk",
    "AA==\n",
    " AA==",
    "AA ==",
    "=AA=",
]
SECOND_BASE64 += ["AA==AA==", "-_==", "A", "====", "\uff21\uff21==", "AAE"]


def test_base64_is_decoded() -> None:
    assert decode_base64("AA==", what="thing") == b"\0"
    assert decode_base64("+/8=", what="thing", size=2) == b"\xfb\xff"
    assert decode_base64("", what="thing") == b""


@pytest.mark.parametrize("text", SECOND_BASE64)
def test_no_second_spelling_of_base64(text: str) -> None:
    with pytest.raises(NotCanonicalError, match=r"^thing: expected standard padded base64, got '"):
        decode_base64(text, what="thing")


def test_base64_of_another_size() -> None:
    with pytest.raises(MalformedError, match=r"^thing: expected 2 bytes in base64, got 1$"):
        decode_base64("AA==", what="thing", size=2)


def test_a_long_text_does_not_make_a_long_message() -> None:
    with pytest.raises(NotCanonicalError, match=r"got 'A{40}'\.\.\. \(1000001 characters\)$"):
        decode_base64("A" * 1_000_001, what="thing")


@given(st.binary())
def test_hex_and_base64_round_trip(data: bytes) -> None:
    assert encode_base64(data) == base64.b64encode(data).decode()
    assert decode_base64(encode_base64(data), what="thing") == data
    assert decode_hex(data.hex(), size=len(data), what="thing") == data


@given(st.text(st.sampled_from("ABab01+/=-_ \n\u0661"), max_size=12))
def test_base64_that_is_accepted_is_the_only_spelling(text: str) -> None:
    try:
        data = decode_base64(text, what="thing")
    except FormatError:
        return
    assert base64.b64encode(data).decode() == text


def _is_time(text: str) -> bool:
    """The oracle: the standard library's calendar, after the shape."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text):
        return False
    try:
        datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return not text.endswith(("60Z", "61Z"))  # strptime knows leap seconds


def _agrees(text: str) -> None:
    try:
        accepted = check_time(text, what="thing") == text
    except MalformedError:
        accepted = False
    assert accepted == _is_time(text), text


@given(st.datetimes())
def test_every_time_there_is(moment: datetime) -> None:
    text = f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")
    assert check_time(text, what="thing") == text


TWO_DIGITS = st.integers(0, 99)


@given(st.integers(0, 9999), st.tuples(*[TWO_DIGITS] * 5))
def test_times_are_those_of_the_calendar(year: int, rest: tuple[int, ...]) -> None:
    month, day, hour, minute, second = rest
    _agrees(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")


@given(st.integers(0, 13), st.integers(0, 32), st.integers(22, 25), st.integers(58, 61))
def test_the_edges_of_the_calendar(month: int, day: int, hour: int, second: int) -> None:
    _agrees(f"2024-{month:02}-{day:02}T{hour:02}:59:{second:02}Z")


@given(
    st.integers(1, 9999), st.sampled_from(["02-28", "02-29", "02-30", "04-31", "13-01", "00-10"])
)
def test_leap_years_are_those_of_the_calendar(year: int, day: str) -> None:
    _agrees(f"{year:04}-{day}T23:59:59Z")


@given(st.text(st.sampled_from("0129-:TZtz. +\u0661\uff11"), min_size=18, max_size=22))
def test_no_other_shape_is_a_time(text: str) -> None:
    _agrees(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31t12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "+026-01-31T12:00:00Z",
        "\u0662\u0660\u0662\u0666-01-31T12:00:00Z",
        "2026-01-31T12:00:0\u00b2Z",
        "20260131T120000Z0000",
    ],
)
def test_no_second_spelling_of_a_time(text: str) -> None:
    with pytest.raises(
        MalformedError, match=r"^thing: expected a UTC time such as 2026-01-31T12:0"
    ):
        check_time(text, what="thing")


def test_times_order_as_text_does() -> None:
    texts = ["2026-01-31T12:00:00Z", "2026-02-01T00:00:00Z", "2026-01-31T12:00:01Z"]
    moments = [datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z") for text in texts]
    assert sorted(range(3), key=texts.__getitem__) == sorted(range(3), key=moments.__getitem__)


CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDC80, 0xDFFF]


@pytest.mark.parametrize("point", CONTROLS)
def test_text_holds_no_control_character(point: int) -> None:
    with pytest.raises(
        MalformedError, match=rf"^thing holds the control character U[+]{point:04X}$"
    ):
        check_text(f"a{chr(point)}b", what="thing", limit=10)


@pytest.mark.parametrize(
    "text", ["a", "a b", "ключ", "\u202e", "\u2028", "e\u0301", "😀", "\xa0", " "]
)
def test_text_is_taken_as_it_is(text: str) -> None:
    assert check_text(text, what="thing", limit=2 + len(text)) == text


def test_only_line_feeds_may_stand_in_free_text() -> None:
    assert check_text("a\n\nb", what="thing", limit=4, lines=True) == "a\n\nb"
    for text in ("a\r\nb", "a\tb", "a\n\x1bb"):
        with pytest.raises(MalformedError, match=r"control character U[+]00"):
            check_text(text, what="thing", limit=10, lines=True)


def test_text_at_the_limit_and_one_past() -> None:
    assert check_text("😀" * 3, what="thing", limit=3) == "😀" * 3
    with pytest.raises(TooLargeError, match=r"^thing is too long: expected at most 3 .*, got 4$"):
        check_text("😀" * 4, what="thing", limit=3)
    with pytest.raises(MalformedError, match=r"^thing is empty$"):
        check_text("", what="thing", limit=3)


@pytest.mark.parametrize("name", [".", "..", "/", "a/b", "/a", "a\\b", "..\\a", "../a"])
def test_a_file_name_is_one_component(name: str) -> None:
    with pytest.raises(MalformedError, match=r"^thing: expected a plain file name, got '"):
        check_name(name, what="thing")


@pytest.mark.parametrize("name", ["...", ".a", "a.", "-rf", "a b", "x" * 255])
def test_odd_file_names_are_names(name: str) -> None:
    assert check_name(name, what="thing") == name


def test_a_file_name_is_bounded() -> None:
    with pytest.raises(TooLargeError, match="expected at most 255 characters, got 256"):
        check_name("x" * 256, what="thing")


@pytest.mark.parametrize(
    ("day", "exists"),
    [
        ("1900-02-29", False),
        ("2000-02-29", True),
        ("2020-02-29", True),
        ("2100-02-29", False),
        ("2101-02-29", False),
        ("2400-02-29", True),
    ],
)
def test_leap_years_at_the_turn_of_centuries(day: str, exists: bool) -> None:
    text = f"{day}T00:00:00Z"
    if exists:
        assert check_time(text, what="x") == text
    else:
        with pytest.raises(MalformedError):
            check_time(text, what="x")


def test_what_no_font_shows_is_still_text() -> None:
    text = "a b\xad\ue000\ue001"
    assert check_text(text, what="x", limit=9) == text


def test_only_text_past_forty_characters_is_shortened() -> None:
    with pytest.raises(NotCanonicalError, match=rf"got '{'z' * 40}'$"):
        decode_hex("z" * 40, size=20, what="x")
    with pytest.raises(NotCanonicalError, match=rf"got '{'z' * 40}'\.\.\. \(41 characters\)$"):
        decode_hex("z" * 41, size=20, what="x")


def test_canonical_json_sorts_names_by_utf_16_at_every_level() -> None:
    """RFC 8785 section 3.2.3: a character past U+FFFF sorts by its first surrogate, before U+FF00."""
    value = {"\uff00": [{"b": 1, "a": [None]}], "\U00010000": {"d": "é", "c": True}, "": 0}
    canonical = '{"":0,"\U00010000":{"c":true,"d":"é"},"\uff00":[{"a":[null],"b":1}]}'
    assert canonical_json(value) == canonical.encode()


@pytest.mark.parametrize(
    ("value", "depth"),
    [(None, 0), ("[]", 0), (7, 0), ({}, 1), ([], 1), ([1, {"a": []}, {}], 3), ({"a": {"b": 1}}, 2)],
)
def test_how_deep_a_value_is(value: object, depth: int) -> None:
    assert json_depth(value) == depth
