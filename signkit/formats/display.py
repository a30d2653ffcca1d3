"""How values look to people: escaped text, sizes, tables. Digests: `fingerprint.py`.

Nothing here prints. Text that came out of a file passes `escape` before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import east_asian_width

# Printable by their category, and yet nothing is seen of them (Unicode, Default_Ignorable).
_UNSEEN = frozenset(
    map(
        chr,
        (
            0x034F,
            *(0x115F, 0x1160, 0x3164, 0xFFA0),  # Hangul fillers
            *(0x17B4, 0x17B5),
            *(0x180B, 0x180C, 0x180D, 0x180F),
            0x2800,  # braille without a dot
            *range(0xFE00, 0xFE10),  # variation selectors
            *range(0xE0100, 0xE01F0),
        ),
    )
)


def escape(text: str, *, width: int | None = None) -> str:
    r"""Make text from outside safe to show.

    Args:
        text: Anything.
        width: The most characters shown; longer text ends in an ellipsis.

    Returns:
        The text with every character that is not seen (controls, bidirectional marks, line ends,
        fillers, spaces at its start and end) as `\u{hex}` and every backslash doubled.
    """
    inner = text.strip(" ")
    safe = inner if _is_plain(inner) else "".join(map(_shown, inner))
    if len(inner) < len(text):
        space, start = _escaped(" "), len(text) - len(text.lstrip(" "))
        safe = space * start + safe + space * (len(text) - len(inner) - start)
    return safe if width is None or len(safe) <= width else safe[: width - 3] + "..."


def _is_plain(text: str) -> bool:
    """Say whether nothing in a text needs a closer look, as in most texts."""
    return text.isascii() and text.isprintable() and "\\" not in text


def _shown(character: str) -> str:
    return character if _is_seen(character) and character != "\\" else _escaped(character)


def _is_seen(character: str) -> bool:
    return character.isprintable() and character not in _UNSEEN


def _escaped(character: str) -> str:
    return "\\\\" if character == "\\" else f"\\u{{{ord(character):x}}}"


def one_line(text: str) -> str:
    """Return our own text with whatever is not seen in it escaped, backslashes kept."""
    if _is_plain(text):
        return text
    return "".join(character if _is_seen(character) else _escaped(character) for character in text)


def hides_characters(text: str) -> bool:
    """Say whether there is anything in a text that would not be seen as it stands."""
    return text != text.strip(" ") or not (_is_plain(text) or all(map(_is_seen, text)))


def cut_columns(text: str, width: int) -> str:
    """Return as much of a line of escaped text as fits, ending in an ellipsis where it was cut.

    Args:
        text: Without line ends.
        width: The most columns of the result, at least 3.
    """
    return text if count_columns(text) <= width else text[: _fitting(text, width - 3)] + "..."


def wrap_columns(text: str, width: int) -> list[str]:
    """Break escaped text into lines that a terminal does not break again; nothing is dropped.

    A line that the terminal itself had to break would go on at its left edge, where only our own
    words may stand. So characters are counted as the columns that they fill: ideographs, fullwidth
    forms and emoji fill two.

    Args:
        text: Without line ends.
        width: The most columns of a line, at least 2.

    Returns:
        At least one line; a break stands after a space where there is one.
    """
    lines: list[str] = []
    while (fitting := _fitting(text, width)) < len(text):
        cut = text.rfind(" ", 0, fitting) + 1 or fitting
        lines.append(text[:cut])
        text = text[cut:]
    return [*lines, text]


def pad_columns(text: str, width: int) -> str:
    """Return a line of escaped text filled with spaces up to width columns."""
    return text + " " * (width - count_columns(text))


def count_columns(text: str) -> int:
    """Return the most columns that a line of escaped text can fill."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _fitting(text: str, width: int) -> int:
    """Return how many characters of a text fit into so many columns."""
    if text.isascii():
        return min(len(text), width)
    used = 0
    for place, character in enumerate(text):
        used += _columns(character)
        if used > width:
            return place
    return len(text)


def _columns(character: str) -> int:
    return 2 if east_asian_width(character) in {"W", "F"} else 1


def human_size(size: int) -> str:
    """Return bytes as people read them, exact below 1 KiB."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: 1 item, 2 items; `many` where an s does not do."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns of text, left-aligned, two spaces apart."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
