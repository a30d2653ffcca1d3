"""Processes of signkit, forked from one that has imported all of it.

To import signkit takes a command a third of a second and a registry more than one, and the suite
starts thousands of both. What is forked is a process like any other, with an environment, a folder
and streams of its own: it can be killed, and it leaves an exit code. Where the point is how signkit
starts, what it loads or what memory it takes, a test starts Python itself.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from multiprocessing import get_context, reduction
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import IO, Any

from tests.support.cheap import make_passphrases_cheap

ROOT = Path(__file__).resolve().parents[2]
_SECONDS = 120
# What runs, or reads the environment, as it is loaded.
_LEFT_OUT = {"__init__.py", "__main__.py", "tracing_export.py"}


class Forked:
    """A process that runs `signkit ARGUMENTS`, with the methods of subprocess.Popen."""

    def __init__(
        self,
        *arguments: object,
        stdin: IO[Any],
        stdout: IO[Any],
        stderr: IO[Any],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; its streams are files or pipes, and remain open here."""
        words = [str(argument) for argument in arguments]
        streams = [_Stream(each.fileno()) for each in (stdin, stdout, stderr)]
        settled = (str(cwd or Path.cwd()), dict(os.environ if env is None else env))
        self._process = _context().Process(
            target=_run, args=(words, streams, *settled), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float = _SECONDS) -> int:
        """Wait for its end and return its exit code."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("signkit", timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def run_signkit(
    *arguments: object,
    stdin: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `signkit ARGUMENTS` to its end."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin.encode())
        given.seek(0)
        process = Forked(*arguments, stdin=given, stdout=out, stderr=err, cwd=cwd, env=env)
        try:
            code = process.wait()
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        said = (out.read().decode(), err.read().decode())
        return subprocess.CompletedProcess([*map(str, arguments)], code, *said)


class _Stream:
    """A file descriptor that goes along to a process that is started."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (reduction.DupFd(self.number),)


def _arrived(sent: Any) -> _Stream:
    return _Stream(sent.detach())


@cache
def _context() -> ForkServerContext:
    """The process that all are forked from, with every module of signkit loaded."""
    files = [file.relative_to(ROOT) for file in sorted((ROOT / "signkit").rglob("*.py"))]
    loaded = [
        file for file in files if file.name not in _LEFT_OUT and "migrations" not in file.parts
    ]
    context = get_context("forkserver")
    context.set_forkserver_preload([".".join(file.with_suffix("").parts) for file in loaded])
    return context


def _run(words: list[str], streams: list[_Stream], folder: str, environment: dict[str, str]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream.number, number)
        os.close(stream.number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    make_passphrases_cheap()
    sys.argv = ["signkit", *words]
    from signkit.cli.start import main

    try:
        sys.exit(main())
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out
