"""The stick in the operator's hand: which request on it is meant, and when it may be pulled out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import FileError, UsageError

if TYPE_CHECKING:
    from signkit.formats.media import Stick

MediaFolder = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Find the request on this stick instead.")
]

_SHOWN = 50


def choose_request(request: Path | None, media: Path | None) -> Path:
    """Return the request that is named, or the one on a stick; of several the operator names one.

    Raises:
        UsageError: both or none are given, or several are there and nobody names one.
        FileError: there is none, or the stick cannot be read.
    """
    from signkit.formats.media import list_requests

    if request is not None and media is None:
        return request
    if media is None or request is not None:
        message = "expected a REQUEST or --media DIR: exactly one of the two"
        raise UsageError(message, hint="signkit sign X.request.json --key NAME")
    stick = list_requests(media)
    if not stick.requests:
        message = f"no request on {media}: expected X.request.json in the folder itself"
        hint = f"is it mounted there? {stick.others} entries were passed over; `findmnt` tells"
        raise FileError(message, hint=hint)
    return stick.requests[0].path if len(stick.requests) == 1 else _ask(stick, media)


def _ask(stick: Stick, media: Path) -> Path:
    """Show several requests and return the one whose number is typed."""
    from signkit.formats.display import escape, format_table, human_size

    rows = [
        (
            str(number),
            escape(each.path.name, width=46),
            human_size(each.size),
            "beside it" if each.answered else "-",
        )
        for number, each in enumerate(stick.requests[:_SHOWN], start=1)
    ]
    output.note(format_table(("NUMBER", "REQUEST", "SIZE", "RESPONSE"), rows))
    if len(stick.requests) > _SHOWN:
        output.note(f"and {len(stick.requests) - _SHOWN} more")
    if not sys.stdin.isatty():
        message = f"{len(stick.requests)} requests on {media}: expected to be told which"
        raise UsageError(message, hint="give one as REQUEST instead of --media")
    output.prompt("number of the request to look at: ")
    typed = sys.stdin.readline().strip()
    if typed not in {row[0] for row in rows}:
        message = f"expected a number from 1 to {len(rows)}, got {typed!r:.40}; nothing was signed"
        raise UsageError(message, hint="or give one as REQUEST instead of --media")
    return stick.requests[int(typed) - 1].path


def note_damaged(path: Path, data: bytes) -> None:
    """Say what was read of a request that does not open, to be compared with what was written."""
    from signkit.formats.display import one_line
    from signkit.formats.words import encode_words
    from signkit.verify.digest import compute_digest

    words = " ".join(encode_words(compute_digest(data)[:4]))
    output.note(
        f"{one_line(str(path))} has {len(data)} bytes here, and its SHA-256 begins with: {words}\n"
        "If `signkit prepare` showed other words, it was changed on its way."
    )


def note_removable(media: Path) -> None:
    """Say that a stick may be pulled out."""
    output.note(f"read back from the stick and compared; safe to remove after: umount {media}")
