"""The embedded registry as a process of its own, the way a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.forked import Forked, run_signkit
from tests.support.shared_footing import SharedFooting

COMMAND = (sys.executable, "-c", "import sys; from signkit.cli.start import main; sys.exit(main())")
_SECONDS = 60
Process = Forked | subprocess.Popen[bytes]


@dataclass(frozen=True, kw_only=True)
class RunningRegistry:
    """A registry that accepts connections."""

    url: str
    token: str
    data: Path
    log: Path
    errors: Path
    metrics: str | None
    process: Process
    is_shared: bool = False

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(_SECONDS)

    def stop(self) -> int:
        """End it as an operator would, and return its exit code."""
        self.process.terminate()
        return self.process.wait(_SECONDS)


def make_token(data: Path, name: str) -> str:
    """Make a token with the command line."""
    done = run_signkit("registry", "token", "new", "--data", data, "--name", name, "--json")
    assert done.returncode == 0, done.stderr
    token: str = json.loads(done.stdout)["token"]
    return token


@contextmanager
def running_registry(
    folder: Path, *options: str, data: Path | None = None, fresh: bool = False
) -> Iterator[RunningRegistry]:
    """Run the registry on a free port; a second run in the same folder finds what the first kept.

    Args:
        folder: Holds the data folder, the access log and what the server wrote to stderr.
        options: More options of `signkit registry serve`.
        data: A footing file, where the records and the content are not to be in the folder.
        fresh: Whether Python is started for it, and it has loaded and takes what it does for users.
    """
    is_shared = data is not None
    data = data or folder / "registry"
    log, errors = folder / "access.log", folder / "registry.err"
    token_path = folder / "registry.token"
    if not token_path.exists():
        token_path.write_text(make_token(data, f"test {os.getpid()}"))
    options = ("--data", str(data), "--port", "0", "--json", "--log-file", str(log), *options)
    with _running("serve", *options, errors=errors, fresh=fresh) as (process, line):
        ready = json.loads(line)
        yield RunningRegistry(
            url=ready["url"],
            metrics=ready["metrics"],
            token=token_path.read_text(),
            data=data,
            log=log,
            errors=errors,
            process=process,
            is_shared=is_shared,
        )


@contextmanager
def running_worker(data: Path, *options: str, fresh: bool = False) -> Iterator[Process]:
    """Run a worker for the servers of a footing file."""
    options = ("--data", str(data), "--json", *options)
    with _running("worker", *options, errors=data.parent / "worker.err", fresh=fresh) as (
        process,
        _line,
    ):
        yield process


@contextmanager
def _running(what: str, *options: str, errors: Path, fresh: bool) -> Iterator[tuple[Process, str]]:
    """Run `signkit registry WHAT` from the line that says it is ready; stopped after the body."""
    read, write = os.pipe()
    with open(read) as said, open(os.devnull) as nothing, errors.open("a") as sink:
        with open(write, "w") as out:
            words = ("registry", what, *options)
            process: Process = (
                subprocess.Popen([*COMMAND, *words], stdin=nothing, stdout=out, stderr=sink)
                if fresh
                else Forked(*words, stdin=nothing, stdout=out, stderr=sink)
            )
        try:
            line = said.readline()
            if not line:
                raise RuntimeError(errors.read_text())
            yield process, line
        finally:
            process.terminate()
            process.wait(_SECONDS)


@contextmanager
def running_shared(shared: SharedFooting, folder: Path) -> Iterator[RunningRegistry]:
    """Run a server and a worker on a database and a bucket of their own."""
    data = shared.make(folder)
    with running_registry(folder, data=data) as registry, running_worker(data):
        yield registry
