"""The first screen and its prompt fit a terminal of 24 lines, as screen and tmux show one."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from tests.support.commands import Machine
from tests.support.documents import item_value, request_file, request_value

_DEADLINE_SECONDS = 60


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Session(Protocol):
    """A terminal of 80 columns and 24 lines in which a command runs."""

    def type(self, line: str) -> None:
        """Type a line."""

    def shown(self) -> list[str]:
        """Return what is on the terminal, line by line."""

    def end(self) -> None:
        """End it."""


def wait_for(session: Session, text: str) -> list[str]:
    """Return what is shown once a text is, without empty lines at the end."""
    until = time.monotonic() + _DEADLINE_SECONDS
    while text not in "\n".join(lines := session.shown()):
        assert time.monotonic() < until, lines
        time.sleep(0.1)
    return "\n".join(lines).rstrip().split("\n")


class Screen:
    def __init__(self, folder: Path, command: list[str]) -> None:
        self._folder = folder
        self._name = f"signkit-{uuid4().hex}"  # screen finds sessions by name, also those of others
        (folder / "screenrc").write_text("startup_message off\n")
        run("screen", "-c", str(folder / "screenrc"), "-dmS", self._name, *command)

    def type(self, line: str) -> None:
        run("screen", "-S", self._name, "-X", "stuff", f"{line}\n")

    def shown(self) -> list[str]:
        copy = self._folder / "hardcopy"
        copy.unlink(missing_ok=True)
        # A session that was just begun, on a busy machine, may not listen yet: then there is no copy.
        command = ["screen", "-S", self._name, "-X", "hardcopy", str(copy)]
        subprocess.run(command, capture_output=True, check=False)
        return copy.read_text(errors="replace").split("\n")[:24] if copy.exists() else []

    def end(self) -> None:
        run("screen", "-S", self._name, "-X", "quit")


class Tmux:
    def __init__(self, folder: Path, command: list[str]) -> None:
        self._tmux = ["tmux", "-S", str(folder / "socket"), "-f", "/dev/null"]
        size = ["-x", "80", "-y", "24"]
        options = ["new-session", "-d", *size, "-s", "x"]
        run(*self._tmux, *options, shlex.join(command), ";", "set", "status", "off")

    def type(self, line: str) -> None:
        run(*self._tmux, "send-keys", "-t", "x", line, "Enter")

    def shown(self) -> list[str]:
        return run(*self._tmux, "capture-pane", "-p", "-t", "x").split("\n")[:24]

    def end(self) -> None:
        run(*self._tmux, "kill-server")


@pytest.mark.parametrize(("program", "start"), [("screen", Screen), ("tmux", Tmux)])
def test_first_screen_is_whole_on_the_terminal(
    tmp_path: Path, program: str, start: Callable[[Path, list[str]], Session]
) -> None:
    if not shutil.which(program):
        pytest.skip(f"needs {program}")
    machine = Machine(tmp_path)
    machine.new_key()
    items = [
        item_value(artifact=f"sensor-{number % 40}", target=f"t{number}") for number in range(50)
    ]
    machine.write("many.request.json", request_file(request_value(*items, reason="x" * 500)))
    sign = [sys.executable, "-m", "signkit.cli", "sign", "many.request.json", "--key", "prod"]
    inside = f"cd {shlex.quote(str(tmp_path))} && exec {shlex.join(sign)} --passphrase-file pw"
    command = ["env", f"SIGNKIT_HOME={machine.home}", "sh", "-c", inside]
    session = start(tmp_path, command)
    try:
        lines = wait_for(session, "words:")
        assert lines[-1].startswith("Or n, p, b, /text, NUMBER, q")
        assert any(line.startswith("REQUEST many.request.json") for line in lines)
        session.type("n")
        lines = wait_for(session, "page 1 of 5")
        assert lines[-23].startswith("ITEMS, unusual first: 50")
        assert lines[-1].startswith("Or n, p, b, /text, NUMBER, q")
        session.type("b")
        lines = wait_for(session, "NOT COMPARED")
        assert any(line.startswith("REQUEST many.request.json") for line in lines)
    finally:
        session.end()
