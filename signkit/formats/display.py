"""How values look to people: escaped text, sizes, tables. Digests: `fingerprint.py`.

Nothing here prints. Text that came out of a file passes `escape` before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Sequence


def escape(text: str, *, width: int | None = None) -> str:
    r"""Make text from outside safe to show.

    Args:
        text: Anything.
        width: The most characters shown; longer text ends in an ellipsis.

    Returns:
        The text with every unprintable character (controls, bidirectional marks, line ends) as
        `\u{hex}` and every backslash doubled.
    """
    safe = "".join(
        character if character.isprintable() and character != "\\" else _escaped(character)
        for character in text
    )
    return safe if width is None or len(safe) <= width else safe[: width - 3] + "..."


def _escaped(character: str) -> str:
    return "\\\\" if character == "\\" else f"\\u{{{ord(character):x}}}"


def one_line(text: str) -> str:
    """Return our own text with whatever unprintable stands in it escaped, backslashes kept."""
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def human_size(size: int) -> str:
    """Return bytes as people read them, exact below 1 KiB."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns of text, left-aligned, two spaces apart."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
