"""The log: one JSON object a line, on stderr and, where asked, in a file.

    {"time": "2026-11-23T20:45:01.123456Z", "event": "request", "id": "...", "method": "PUT", ...}
    {"time": "2026-11-23T20:45:01.123456Z", "event": "warning", "logger": "...", "message": "..."}

Nothing that opens anything is written (control SK-REGISTRY-LOG): a path stands there without its
query, no header is logged, and what looks like a token or the signature of a URL is blotted out
wherever it stands. What is not ASCII is escaped as JSON does, so a line stays a line.

Spec: docs/formats/registry-protocol.md section 10.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path

from signkit.errors import RegistryError
from signkit.registry.tables import now
from signkit.registry.views import format_time

_PRIVATE_FILE = 0o600
_TEXT_LENGTH = 16_000
_SECRETS = re.compile(
    r"skr_[0-9a-f]+|((?:x-amz-)?(?:signature|credential|security-token)=)[^&\s\"']+", re.IGNORECASE
)

current_request: ContextVar[str | None] = ContextVar("signkit_request", default=None)
"""The id of the request that is being served, in whatever thread serves it."""


class Log:
    """Writes lines; safe to use from any thread, since each line is one write.

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

    def write(self, event: str, fields: Mapping[str, object]) -> None:
        """Write one line.

        Args:
            event: What happened, one word.
            fields: What else stands in the line; texts are cleaned, None is left out.
        """
        shown = {name: _clean(value) for name, value in fields.items() if value is not None}
        line = json.dumps({"time": format_time(now()), "event": event, **shown}) + "\n"
        for descriptor in self._descriptors:
            # A full disk or a closed terminal must not stop the registry.
            with suppress(OSError):
                os.write(descriptor, line.encode("ascii"))


class LogHandler(logging.Handler):
    """What libraries and jobs say, as lines of the same log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its traceback where it has one."""
        traceback = None
        if record.exc_info:
            traceback = self._formatter.formatException(record.exc_info)
        fields = {
            "id": current_request.get(),
            "logger": record.name,
            "message": record.getMessage(),
            "traceback": traceback,
        }
        self._log.write(record.levelname.lower(), fields)


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value if len(value) <= _TEXT_LENGTH else f"{value[:_TEXT_LENGTH]}..."
    if (
        "=" not in text and "_" not in text
    ):  # as almost every text is, and nothing that is blotted out
        return text
    return _SECRETS.sub(lambda match: f"{match[1] or ''}[removed]", text)
