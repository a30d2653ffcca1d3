"""Do what docs/howto/station.md says: a desk with a network, a bare station without one, a stick."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.support.bare_machine import BareMachine
from tests.support.commands import PASSPHRASE, Machine, Ran

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "station.md"
_COMMAND = re.compile(r"    (desk\$|station#) (.*?)(?:   # exit (\d+))?")
_CARRY = re.compile(r"    \((desk|stick) -> (desk|stick): (.+)\)")
_CALL = re.compile(r"\d+ +(\w+\(.*)")  # of what strace writes


class StationPageError(Exception):
    """A line of the page that does not do what the page says."""


@dataclass
class StationPage:
    """The machines, and what was said last.

    Attributes:
        desk: Its token and content are there already.
        station: Has nothing yet.
        url: Of the registry that the page calls https://registry.example.
        say: Told each line and what it printed.
        trace: Where strace writes, or None where it is not to watch.
        calls: The network calls of each watched line, as strace writes them.
    """

    desk: Machine
    station: BareMachine
    url: str
    say: Callable[[str], None] = lambda _text: None
    trace: Path | None = None
    said: str = ""
    calls: dict[str, list[str]] = field(default_factory=dict)

    @property
    def stick(self) -> Path:
        """The folder that both see."""
        return self.station.root / "media" / "stick"

    def network_calls(self) -> list[str]:
        """Return the calls that could leave the machine: AF_UNIX, as of the user database, cannot."""
        return [call for each in self.calls.values() for call in each if "AF_UNIX" not in call]

    def follow_all(self) -> None:
        """Follow the whole page.

        Raises:
            StationPageError: a command fails, or says something else.
        """
        (self.station.root / "root" / "pw").write_text(PASSPHRASE + "\n")
        (self.station.root / "root" / "pw").chmod(0o600)
        for line in PAGE.read_text().splitlines():
            self.follow(line.replace("python3.11", python_of_debian()))

    def follow(self, line: str) -> None:
        """Do what one line says."""
        if command := _COMMAND.fullmatch(line):
            self.say(line.strip())
            where, text, code = command.groups()
            ran = self._at_desk(text) if where == "desk$" else self._at_station(text)
            self.said = " ".join((ran.out + ran.err).split())
            self.say(ran.out + ran.err)
            if ran.code != int(code or 0):
                message = f"{line.strip()} ended with {ran.code}: {ran.err}"
                raise StationPageError(message)
        elif carried := _CARRY.fullmatch(line):
            self.say(line.strip())
            folders = {"desk": self.desk.folder, "stick": self.stick}
            giver, taker, name = carried.groups()
            shutil.copy(folders[giver] / name, folders[taker])
        elif line.startswith("      ") and " ".join(line.split()) not in self.said:
            message = f"expected {line.strip()!r} in {self.said!r}"
            raise StationPageError(message)

    def _at_desk(self, text: str) -> Ran:
        words = shlex.split(text.replace("https://registry.example", self.url))
        if words[0] == "signkit":
            return self.desk.run(*words[1:])
        script, *options = words
        return build_kit(self.desk.folder, *options, script=ROOT / script)

    def _at_station(self, text: str) -> Ran:
        words = text.split()
        if words[:2] in (["signkit", "keys"], ["signkit", "sign"]):
            text += " --passphrase-file pw"
        if words[:2] == ["signkit", "sign"]:
            requests = sorted(self.stick.glob("*.request.json"))
            (request,) = [path for path in requests if path.name in text] or requests
            text += f" --yes-to {sha256(request.read_bytes()).hexdigest()}"
        if self.trace is None:
            return self.station.run(text)
        watch = ("strace", "-f", "-qq", "-e", "trace=%network", "-o", str(self.trace))
        ran = self.station.run(text, prefix=watch)
        self.calls[text] = _CALL.findall(self.trace.read_text())
        return ran


def build_kit(folder: Path, *options: str, script: Path = ROOT / "scripts" / "station-kit") -> Ran:
    """Build the kit for the Python of this Debian."""
    python = ("--python", python_of_debian().removeprefix("python"))
    command = [sys.executable, str(script), *options, *python, "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return Ran(done.returncode, done.stdout, done.stderr)


def python_of_debian() -> str:
    """Return what Debian's own Python is called, as in `python3.11`."""
    return Path("/usr/bin/python3").resolve().name
