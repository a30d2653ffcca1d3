"""Names that can be taken for one another have one shape; mixed alphabets are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.formats.lookalike import mixed_alphabets, skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Thermostat", "Therm0stat"),
        ("Thermostat", "thermostat"),
        ("model-1", "model-l"),
        ("model-I", "model-1"),
        ("modern", "modem"),
        ("vvatch", "watch"),
        ("a-b", "a_b"),
        ("a-b", "a\u2013b"),
        ("pay", "рау"),  # noqa: RUF001
        ("SCOPE", "ЅСОРЕ"),  # noqa: RUF001
        ("TAXI", "ΤΑΧΙ"),  # noqa: RUF001
        ("model", "ｍｏｄｅｌ"),  # noqa: RUF001
        ("model", "mod\u00e9l"),
        ("model", "mo\u200bdel"),
        ("model", "𝐦𝐨𝐝𝐞𝐥"),  # noqa: RUF001
    ],
)
def test_of_one_shape(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("model-1", "model-2"), ("arm", "amd"), ("a", "b"), ("界", "世"), ("", "a")]
)
def test_of_two_shapes(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize(
    ("text", "alphabets"),
    [
        ("plain text", ()),
        ("модель", ()),
        ("ML-модель 1", ()),
        ("日本語ひらがなカタカナ", ()),
        ("ABC社", ()),
        ("한국어", ()),
        ("sensоr", ("Cyrillic", "Latin")),  # noqa: RUF001
        ("ok sensоr", ("Cyrillic", "Latin")),  # noqa: RUF001
        ("αbc", ("Greek", "Latin")),  # noqa: RUF001
        ("ｍodel", ("Latin", "Styled")),  # noqa: RUF001
        ("д社", ("Cyrillic", "East asian")),
    ],
)
def test_mixed_alphabets(text: str, alphabets: tuple[str, ...]) -> None:
    assert mixed_alphabets(text) == alphabets


@given(st.text())
def test_a_shape_is_its_own_shape(text: str) -> None:
    assert skeleton(skeleton(text)) == skeleton(text)


@given(st.text(st.characters(codec="ascii")))
def test_ascii_mixes_nothing_and_case_is_no_shape(text: str) -> None:
    assert mixed_alphabets(text) == ()
    assert skeleton(text.upper()) == skeleton(text.lower())
