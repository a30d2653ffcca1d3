"""Text from outside is shown so that nothing of it is hidden, and nothing of it acts."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.formats.display import (
    count_columns,
    cut_columns,
    escape,
    format_table,
    hides_characters,
    human_size,
    one_line,
    pad_columns,
    wrap_columns,
)

STRINGS = Path(__file__).parents[2] / "vectors" / "strings"
HOSTILE = [entry["value"] for entry in json.loads((STRINGS / "hostile_names.json").read_text())]
HOSTILE += json.loads((STRINGS / "blns.json").read_text())


def acts(text: str) -> list[str]:
    """What a terminal would act on, or a reader would not see."""
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return [each for each in text if unicodedata.category(each) in hidden]


def unescaped(text: str) -> str:
    """The other way: what was shown, read back."""
    out, rest = "", text
    while rest:
        if rest.startswith("\\\\"):
            out, rest = out + "\\", rest[2:]
        elif rest.startswith("\\u{"):
            digits, _, rest = rest[3:].partition("}")
            out += chr(int(digits, 16))
        else:
            out, rest = out + rest[0], rest[1:]
    return out


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_harmless_and_whole(text: str) -> None:
    assert acts(escape(text)) == []
    assert acts(one_line(text)) == []
    assert unescaped(escape(text)) == text


@given(st.text())
def test_any_text_is_shown_harmless_and_whole(text: str) -> None:
    assert acts(escape(text)) == []
    assert unescaped(escape(text)) == text


@given(st.text(), st.text())
def test_no_two_texts_look_the_same(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("ключ 鍵 😀", "ключ 鍵 😀"),
        ("\x1b[2J", "\\u{1b}[2J"),
        ("a\\b", "a\\\\b"),
        ("\\u{1b}", "\\\\u{1b}"),
        ("\u202e\u2066", "\\u{202e}\\u{2066}"),
        ("\u3164\u2800\ufe0f\xa0\xad", "\\u{3164}\\u{2800}\\u{fe0f}\\u{a0}\\u{ad}"),
        ("\ud800", "\\u{d800}"),
        (" a  b ", "\\u{20}a  b\\u{20}"),
        ("  ", "\\u{20}\\u{20}"),
        ("", ""),
    ],
)
def test_what_is_escaped(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_our_own_text_keeps_its_backslashes() -> None:
    assert one_line("C:\\a\n\x1b") == "C:\\a\\u{a}\\u{1b}"


def test_long_text_ends_in_an_ellipsis() -> None:
    assert escape("x" * 10, width=10) == "x" * 10
    assert escape("x" * 11, width=10) == "xxxxxxx..."
    assert escape("\x1b" * 3, width=10) == "\\u{1b}\\..."


@given(st.text().map(escape), st.integers(2, 40))
def test_wrapping_drops_nothing_and_exceeds_nothing(text: str, width: int) -> None:
    lines = wrap_columns(text, width)
    assert "".join(lines) == text
    assert all(count_columns(line) <= width for line in lines)


@given(st.text().map(escape), st.integers(3, 40))
def test_cutting_says_so_and_exceeds_nothing(text: str, width: int) -> None:
    cut = cut_columns(text, width)
    assert count_columns(cut) <= width
    assert cut == text or (cut.endswith("...") and text.startswith(cut[:-3]))


def test_cutting_counts_columns() -> None:
    assert cut_columns("界界界", 6) == "界界界"
    assert cut_columns("界界界界", 6) == "界..."
    assert cut_columns("abcdef", 5) == "ab..."


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        ("plain", False),
        ("a\\b", False),
        ("ключ 鍵", False),
        ("a\u200bb", True),
        ("a\nb", True),
        (" a", True),
        ("a ", True),
        ("a b", False),
        ("", False),
    ],
)
def test_what_hides_characters(text: str, hides: bool) -> None:
    assert hides_characters(text) is hides


def test_wrapping_breaks_after_spaces_where_there_are_any() -> None:
    assert wrap_columns("one two three", 8) == ["one two ", "three"]
    assert wrap_columns("onetwothree", 8) == ["onetwoth", "ree"]
    assert wrap_columns("", 8) == [""]


def test_wide_characters_fill_two_columns() -> None:
    assert count_columns("a界😀é") == 6
    assert wrap_columns("界界界", 5) == ["界界", "界"]
    assert pad_columns("界", 5) == "界   "
    assert pad_columns("toolong", 3) == "toolong"


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 2**30, "5.0 GiB"),
        (53_687_091_200_000, "48.8 TiB"),
        (2**60, "1048576.0 TiB"),
    ],
)
def test_sizes_as_people_read_them(size: int, shown: str) -> None:
    assert human_size(size) == shown


def test_a_table() -> None:
    text = format_table(["name", "keyid"], [["a", "12"], ["longer", ""]])
    assert text == "name    keyid\na       12\nlonger"
    assert format_table(["name"], []) == "name"
