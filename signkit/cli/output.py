"""The only module that prints.

Results go to stdout, everything else to stderr. With `--json` a result is one JSON document on
stdout and an error is one on stderr. Text that came out of a file is escaped before it is shown:
no control, format or bidirectional character reaches the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from signkit.errors import DocumentError, PolicyError, SignkitError

Advance = Callable[[int], None]


def escape(text: str, *, width: int | None = None) -> str:
    r"""Make text from outside safe to show.

    Args:
        text: Anything.
        width: The most characters shown; longer text ends in an ellipsis.

    Returns:
        The text with every unprintable character as `\u{hex}` and every backslash doubled.
    """
    safe = "".join(
        character if character.isprintable() and character != "\\" else _escaped(character)
        for character in text
    )
    return safe if width is None or len(safe) <= width else safe[: width - 1] + "…"


def _escaped(character: str) -> str:
    return "\\\\" if character == "\\" else f"\\u{{{ord(character):x}}}"


def show_result(value: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print the result of a command on stdout: the value as JSON, or the text."""
    line = json.dumps(value, ensure_ascii=True, indent=2) if as_json else text
    if line:
        _write(sys.stdout, line + "\n")


def show_bytes(data: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Say on stderr what happens."""
    _write(sys.stderr, text + "\n")


def warn(text: str) -> None:
    """Say on stderr what the person should know but need not act on."""
    _write(sys.stderr, f"warning: {text}\n")


def fail(error: SignkitError, *, as_json: bool) -> int:
    """Print an error on stderr and return its exit code."""
    if as_json:
        _write(sys.stderr, json.dumps(describe_error(error), ensure_ascii=True) + "\n")
    else:
        _write(sys.stderr, f"error: {_one_line(str(error))}\n")
        if error.hint:
            _write(sys.stderr, f"hint: {_one_line(error.hint)}\n")
    return error.exit_code


def describe_error(error: SignkitError) -> dict[str, object]:
    """Return an error as machines read it: `error`, `code`, and what else it carries."""
    value: dict[str, object] = {"error": str(error), "code": error.code}
    if error.hint:
        value["hint"] = error.hint
    if isinstance(error, DocumentError) and error.reason:
        value["reason"] = error.reason
    if isinstance(error, PolicyError):
        value["control"] = error.control
    return value


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns of text, left-aligned, two spaces apart."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def human_size(size: int) -> str:
    """Return bytes as people read them, exact below 10 KiB."""
    value, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):  # noqa: B007
        if value < 1024 or unit == "TiB":  # noqa: PLR2004
            break
        value /= 1024
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


@contextmanager
def progress(label: str, total: int, *, unit: str = "bytes") -> Iterator[Advance]:
    """Show a progress bar on stderr while the body runs, where stderr is a terminal.

    Args:
        label: What is being done.
        total: Units in all.
        unit: "bytes" shows sizes and a rate; anything else shows counts.

    Yields:
        A function that takes the units just done; it may be called from any thread.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _count: None
        return
    from rich.console import Console  # noqa: PLC0415  (only a terminal pays for the import)
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    amounts = (
        (DownloadColumn(binary_units=True), TransferSpeedColumn())
        if unit == "bytes"
        else (MofNCompleteColumn(), TextColumn(unit))
    )
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *amounts,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)


def _one_line(text: str) -> str:
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def _write(stream: object, text: str) -> None:
    stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    stream.write(text)  # type: ignore[attr-defined]
    stream.flush()  # type: ignore[attr-defined]
