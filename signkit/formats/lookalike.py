"""Names that can be taken for other names: mixed alphabets, and letters of the same shape.

A help for people who look, not a proof: the table is short, and covers what reads as Latin.

Spec: docs/design/review.md section 3; the idea of a skeleton is that of Unicode's UTS #39 section 4.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+")
# Used together every day, and with Latin: UTS #39 section 5.2, "highly restrictive".
_EAST_ASIAN = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"}
)
_EAST = "EAST ASIAN"
_STYLED = "STYLED"  # fullwidth, mathematical, and others that stand for a plain letter
# Letters beside what they look like; that they can be mistaken is the point.
_CYRILLIC = ("авсеһіјкмнорѕтухԁԛԝАВСЕНІЈКМОРЅТУХԌԚԜ", "abcehijkmhopstyxdqwabcehijkmopstyxgqw")
_GREEK = ("αγεηικνορτυχϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ayenlkvoptuxcjabezhikmnoptyx")
_LATIN = ("ɑɡı", "agl")  # noqa: RUF001
_LETTERS = str.maketrans(*map("".join, zip(_CYRILLIC, _GREEK, _LATIN, strict=True)))
_SHAPES = str.maketrans("01i|_. ", "olll---")


def mixed_alphabets(text: str) -> tuple[str, ...]:
    """Return the alphabets that one word of a text mixes, sorted, or nothing.

    Latin beside Chinese, Japanese or Korean is no mixture.
    """
    if text.isascii():
        return ()
    for word in _WORD.findall(text):
        alphabets = {_alphabet(letter) for letter in word}
        if len(alphabets) > 1 and not alphabets <= {"LATIN", _EAST}:
            return tuple(sorted(each.capitalize() for each in alphabets))
    return ()


@lru_cache(maxsize=4096)
def _alphabet(letter: str) -> str:
    if unicodedata.normalize("NFKC", letter) != letter:
        return _STYLED
    word = unicodedata.name(letter, "UNKNOWN").split(maxsplit=1)[0]
    return _EAST if word in _EAST_ASIAN else word


def skeleton(text: str) -> str:
    """Return the shape of a name: two names of one shape can be taken for one another."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(map(_plain, parts))
    shape = text.translate(_LETTERS).casefold().translate(_SHAPES)
    return shape.replace("rn", "m").replace("vv", "w")


def _plain(character: str) -> str:
    """Return nothing for an accent or what is not seen, and one dash for all."""
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf"}:
        return ""
    return "-" if category == "Pd" else character
