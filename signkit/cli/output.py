"""The only module that prints.

Results go to stdout, everything else to stderr. With `--json` a result is one JSON document on
stdout and an error is one on stderr. Text that came out of a file is escaped before it is shown:
no control, format or bidirectional character reaches the terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from signkit.errors import FileError, SignkitError, describe_error
from signkit.formats.display import counted, one_line

if TYPE_CHECKING:
    from rich.progress import Progress

_NAME_LENGTH = 24
Advance = Callable[[int], None]
Track = Callable[[str, int], AbstractContextManager[Advance]]


def show_result(value: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print the result of a command on stdout: the value as JSON, or the text."""
    line = json.dumps(value, ensure_ascii=True, indent=2) if as_json else text
    if line:
        _write(sys.stdout, line + "\n")


def terminal_width() -> int | None:
    """Return how many columns the terminal has that results go to; None where they go elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show_bytes(data: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """Say on stderr what happens."""
    _write(sys.stderr, text + "\n")


def prompt(text: str) -> None:
    """Ask on stderr; the answer is typed on the same line."""
    _write(sys.stderr, text)


def warn(text: str) -> None:
    """Say on stderr what the person should know but need not act on."""
    _write(sys.stderr, f"warning: {text}\n")


def fail(error: SignkitError, *, as_json: bool) -> int:
    """Print an error on stderr and return its exit code."""
    if as_json:
        _write(sys.stderr, json.dumps(describe_error(error), ensure_ascii=True) + "\n")
    else:
        _write(sys.stderr, f"error: {one_line(str(error))}\n")
        if error.hint:
            _write(sys.stderr, f"hint: {one_line(error.hint)}\n")
    return error.exit_code


@contextmanager
def progress(
    label: str, total: int | Callable[[], int], *, unit: str = "bytes"
) -> Iterator[Advance]:
    """Show a progress bar on stderr while the body runs, where stderr is a terminal.

    Args:
        label: What is being done.
        total: Units in all, or how to find out: nobody asks where nobody looks.
        unit: "bytes" shows sizes and a rate; anything else shows counts.

    Yields:
        A function that takes the units just done; it may be called from any thread.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _count: None
        return
    with _bars(unit) as bar:
        task = bar.add_task(label, total=total() if callable(total) else total)
        yield lambda count: bar.advance(task, count)


def _bars(unit: str = "bytes") -> Progress:
    """Return bars that are gone when they end."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.table import Column

    def whole() -> Column:  # the bar gets shorter where the line does not fit, and nothing else
        return Column(no_wrap=True)

    amounts = (
        (
            DownloadColumn(binary_units=True, table_column=whole()),
            TransferSpeedColumn(table_column=whole()),
        )
        if unit == "bytes"
        else (MofNCompleteColumn(table_column=whole()), TextColumn(unit, table_column=whole()))
    )
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=whole()),
        BarColumn(),
        *amounts,
        TimeRemainingColumn(table_column=whole()),
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def transfer(label: str, total: int, *, count: int) -> Iterator[Track]:
    """Show on stderr how files are sent while the body runs: each one under way, and all together.

    At a terminal as bars; elsewhere a line every ten seconds.

    Args:
        label: What is being done.
        total: Bytes of all files.
        count: How many files.

    Yields:
        A function that takes the name and the bytes of a file, and gives a context in which a
        function takes the bytes just sent. All may be called from any thread.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        from signkit.formats.progress import ProgressLines

        yield ProgressLines(label, total, count=count, say=note).track
        return
    with _bars() as bars:
        everything = bars.add_task(f"{label}, {counted(count, 'file')}", total=total)

        @contextmanager
        def track(name: str, size: int) -> Iterator[Advance]:
            task = bars.add_task(f"  {_shortened(one_line(name))}", total=size)

            def advance(sent: int) -> None:
                bars.advance(task, sent)
                bars.advance(everything, sent)

            try:
                yield advance
            finally:
                bars.remove_task(task)

        yield track


def _shortened(name: str) -> str:
    """Return a name that leaves room for its bar: its beginning and its end."""
    half = _NAME_LENGTH // 2
    return name if len(name) <= _NAME_LENGTH else f"{name[:half]}...{name[-half:]}"


def _write(stream: TextIO, text: str) -> None:
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # LANG=C must not lose the message
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"the output cannot be written: {error.strerror}"
        raise FileError(
            message, hint="check where the output goes: a full disk, a closed pipe"
        ) from None
