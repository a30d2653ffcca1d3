"""The embedded registry as a process of its own, the way a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.shared_footing import SharedFooting

COMMAND = (sys.executable, "-c", "import sys; from signkit.cli.start import main; sys.exit(main())")
_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class RunningRegistry:
    """A registry that accepts connections."""

    url: str
    token: str
    data: Path
    log: Path
    errors: Path
    metrics: str | None
    process: subprocess.Popen[str]
    is_shared: bool = False

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_SECONDS)

    def stop(self) -> int:
        """End it as an operator would, and return its exit code."""
        self.process.terminate()
        return self.process.wait(_SECONDS)


def make_token(data: Path, name: str) -> str:
    """Make a token with the command line."""
    command = [*COMMAND, "registry", "token", "new", "--data", str(data), "--name", name, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_SECONDS)
    token: str = json.loads(done.stdout)["token"]
    return token


@contextmanager
def running_registry(
    folder: Path, *options: str, data: Path | None = None
) -> Iterator[RunningRegistry]:
    """Run the registry on a free port; a second run in the same folder finds what the first kept.

    Args:
        folder: Holds the data folder, the access log and what the server wrote to stderr.
        options: More options of `signkit registry serve`.
        data: A footing file, where the records and the content are not to be in the folder.
    """
    is_shared = data is not None
    data = data or folder / "registry"
    log, errors = folder / "access.log", folder / "registry.err"
    token_path = folder / "registry.token"
    if not token_path.exists():
        token_path.write_text(make_token(data, f"test {os.getpid()}"))
    command = [*COMMAND, "registry", "serve", "--data", str(data), "--port", "0", "--json"]
    with errors.open("a") as sink:
        process = subprocess.Popen(
            [*command, "--log-file", str(log), *options],
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
        )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(errors.read_text())
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
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(_SECONDS)
        if process.stdout:
            process.stdout.close()


@contextmanager
def running_worker(data: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker for the servers of a footing file."""
    command = [*COMMAND, "registry", "worker", "--data", str(data), "--json", *options]
    with (data.parent / "worker.err").open("a") as sink:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError((data.parent / "worker.err").read_text())
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(_SECONDS)
        if process.stdout:
            process.stdout.close()


@contextmanager
def running_shared(shared: SharedFooting, folder: Path) -> Iterator[RunningRegistry]:
    """Run a server and a worker on a database and a bucket of their own."""
    data = shared.make(folder)
    with running_registry(folder, data=data) as registry, running_worker(data):
        yield registry
