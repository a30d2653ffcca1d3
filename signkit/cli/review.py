"""The review at the terminal and on paper: a pager of our own, and the page of `--html`.

Lines out, lines in. Nothing is asked of the terminal, so a serial line will do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import ConfirmationError, FileError, TooLargeError

if TYPE_CHECKING:
    from signkit.station.review import Review
    from signkit.station.review_screen import Trail

_SHOWN_WHOLE = 5  # items
_LINE = 1000  # characters that are taken of what is typed

HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write the review as a page to print as well."),
]


def show_review(review: Review, *, asked: bool) -> None:
    """Show a review whole on stderr: where nobody pages through it, or where it is short.

    Args:
        review: What is to be shown.
        asked: Whether somebody is asked for words next, and so sees the first screen.
    """
    from signkit.station.review_text import review_request

    if not asked or len(review.items) <= _SHOWN_WHOLE or not sys.stderr.isatty():
        output.note(review_request(review) + "\n")


def ask_words(review: Review, *, operator: int, count: int) -> list[str]:
    """Show the first screen, let an operator look at everything, and return the words they type.

    Args:
        review: What is to be shown.
        operator: Who is asked, from 0.
        count: How many are to confirm.

    Raises:
        ConfirmationError: nobody can type, or nobody wants to.
    """
    from signkit.station.review_screen import first_view, say_prompt, turn

    if not sys.stdin.isatty():
        message = "nobody can confirm: standard input is not a terminal"
        raise ConfirmationError(message, hint="for scripts: --yes-to SHA256-OF-THE-REQUEST-FILE")
    trail: Trail = (first_view(review),)
    while True:
        output.note(trail[-1].show())
        output.prompt(say_prompt(operator, count))
        typed = sys.stdin.readline(_LINE)
        if not typed or typed.strip() == "q":
            message = "nobody confirmed this request; nothing was signed"
            raise ConfirmationError(message, hint="run the command again when it is to be signed")
        turned = turn(review, trail, typed)
        if turned is None:
            return typed.split()
        trail = turned


def write_page(path: Path, review: Review, *, replace: bool) -> None:
    """Write the page of a review, as `write_html`."""
    from signkit.station.review_page import render_page

    write_html(path, render_page(review), replace=replace)


def write_html(path: Path, page: str, *, replace: bool) -> None:
    """Write a page; the same one may be there already.

    Raises:
        FileError: something else is, or the folder cannot be written.
    """
    from signkit.formats.files import write_new

    data = page.encode("utf-8")
    if not _is_there(path, data):
        write_new(path, data, replace=replace)


def _is_there(path: Path, data: bytes) -> bool:
    from signkit.formats.files import read_file

    try:
        return read_file(path, limit=len(data), what="page") == data
    except (FileError, TooLargeError):
        return False
