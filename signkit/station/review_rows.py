"""Rows of text behind labels, 78 columns wide: only our own words stand at the left edge."""

from __future__ import annotations

from collections.abc import Sequence

from signkit.formats.display import count_columns, wrap_columns
from signkit.formats.words import encode_words

WIDTH = 78
_INDENT = 13  # of what a label says
_WORDS_A_ROW = 6  # at most 65 characters, whatever the words


def labelled(label: str, text: str) -> Sequence[str]:
    """Return escaped text behind a label, on as many rows as it takes."""
    rows = wrap_columns(text, WIDTH - _INDENT)
    return [_row("" if place else label, row) for place, row in enumerate(rows)]


def labelled_words(label: str, digest: bytes) -> Sequence[str]:
    """Return the words of a digest behind a label, six a row."""
    words = encode_words(digest)
    starts = range(0, len(words), _WORDS_A_ROW)
    return [
        _row(label if start == 0 else "", " ".join(words[start : start + _WORDS_A_ROW]))
        for start in starts
    ]


def titled(title: str, text: str) -> Sequence[str]:
    """Return a title and what it is about; further rows are indented as those of labels are."""
    first, *rest = wrap_columns(text, WIDTH - max(_INDENT, count_columns(title)))
    return [title + first, *(_row("", row) for row in rest)]


def _row(label: str, text: str) -> str:
    return f"  {label.ljust(_INDENT - 2)}{text}"
