"""The access log: one line for each request, on stderr and, where asked, in a file.

    2026-11-23T20:45:01.123456Z PUT /upload/ID/ID/3 200 in=16777216 out=0 ms=18.2 id=...

The path stands there without its query: that of a presigned URL is as good as a key. No header is
ever logged.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from signkit.errors import RegistryError
from signkit.registry.tables import now
from signkit.registry.views import format_time

_PRIVATE_FILE = 0o600
_PATH_LENGTH = 300


class AccessLog:
    """Writes lines.

    Args:
        path: A file that gets each line as well, or None; appended to.

    Raises:
        RegistryError: the file cannot be opened.
    """

    def __init__(self, path: Path | None) -> None:
        self._descriptors = [sys.stderr.fileno()]
        if path is not None:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._descriptors.append(os.open(path, flags, _PRIVATE_FILE))
            except OSError as error:
                message = f"log file {path}: {error.strerror}"
                raise RegistryError(message) from error

    def write(self, method: str, path: str, status: int, *, details: str) -> None:
        """Write one line.

        Args:
            method, path: Of the request; whatever is not printable is escaped.
            status: Of the answer; 0 when the client went away before there was one.
            details: What else stands in the line.
        """
        time = format_time(now())
        line = f"{time} {_escape(method)} {_escape(path)} {status} {details}\n"
        data = line.encode("ascii", "backslashreplace")
        for descriptor in self._descriptors:
            # A full disk or a closed terminal must not stop the registry.
            with suppress(OSError):
                os.write(descriptor, data)


def _escape(text: str) -> str:
    shown = text if len(text) <= _PATH_LENGTH else f"{text[:_PATH_LENGTH]}..."
    return "".join(
        character
        if character.isprintable() and character not in " \\"
        else f"\\x{ord(character):02x}"
        for character in shown
    )
