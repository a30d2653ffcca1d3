"""A program on a terminal of its own: what it prompts, and answers typed at it."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from collections.abc import Sequence

_DEADLINE_SECONDS = 60


class Terminal:
    """A Python program whose stdin, stdout, stderr and controlling terminal are a new terminal.

    Attributes:
        shown: What it has written so far.
    """

    def __init__(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self.shown = ""
        self._pid, self._master = pty.fork()
        if self._pid == 0:  # pragma: no cover  (another process)
            os.execve(sys.executable, [sys.executable, *arguments], environment)  # noqa: S606

    def answer(self, prompt: str, line: str) -> None:
        """Wait until a prompt is shown, then type a line."""
        place = len(self.shown)
        while prompt not in self.shown[place:]:
            self._read()
        os.write(self._master, line.encode() + b"\n")

    def wait(self) -> int:
        """Read to the end and return the exit code."""
        try:
            while True:
                self._read()
        except EOFError:
            pass
        os.close(self._master)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> None:
        until = time.monotonic() + _DEADLINE_SECONDS
        if not select.select([self._master], [], [], max(0.0, until - time.monotonic()))[0]:
            message = f"nothing more was shown after: {self.shown!r}"
            raise TimeoutError(message)
        try:
            data = os.read(self._master, 4096)
        except OSError:  # the other side is closed
            data = b""
        if not data:
            raise EOFError
        self.shown += data.decode("utf-8", "replace")
