"""Pages of HTML that load nothing from anywhere: no script, font, picture or address.

Text from files passes `html_text`: what is not seen is escaped as in a terminal, then for HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as escape_html

from signkit.formats.display import escape

MARK = "<!doctype html>"
"""How every page of ours begins."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html_page(title: str, style: str, body: Sequence[str]) -> str:
    """Return a whole page.

    Args:
        title: HTML text, escaped.
        style: CSS; our own, nothing of it from outside.
        body: Pieces of HTML, everything from outside in them escaped.
    """
    head = [
        MARK,
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{title}</title><style>{style}</style></head><body>",
    ]
    return "\n".join([*head, *body, "</body></html>", ""])


def html_text(text: str) -> str:
    """Return text from outside as HTML text: hidden characters shown, nothing acting."""
    return escape_html(escape(text))
