"""GnuPG's agent as a child process, spoken to through its standard input and output.

`gpg-agent --server` is the agent without a socket: it holds one conversation, in the Assuan
protocol, and ends with it. So nothing is parsed that was written for people, no daemon is left, and
the wall against the network (`station/airgap.py`) has nothing to refuse.

Spec: Assuan, "Client requests" and "Server responses"; gpg-agent(1), --server.
"""

from __future__ import annotations

import os
import subprocess
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from signkit.errors import BackendUnavailableError

_LINE_SIZE = 1002  # bytes, with the line's end
_DATA_SIZE = 16 * 1024  # bytes of one answer
_PIECE = 300  # bytes of data in a line: at most 900 when every one is escaped
_CODE_BITS = 0xFFFF  # the rest of an error's number says which part of GnuPG it came from
_SECONDS = 10
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_DIGITS = 2  # after a percent sign
_HINT = "install GnuPG 2.4 or newer (Debian: gnupg)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How the agent answered one command.

    Attributes:
        code: 0, or the code of libgpg-error.
        text: The agent's own words, for people only.
        data: What it sent.
        status: Its status lines, by their first word; the last of each.
    """

    code: int
    text: str
    data: bytes
    status: Mapping[str, str]


@final
class Agent:
    """One conversation with one agent, which ends with this value or this process."""

    __slots__ = ("__weakref__", "_process")

    def __init__(self, home: Path | None) -> None:
        """Start an agent.

        Args:
            home: The GnuPG home; None for the person's own.

        Raises:
            BackendUnavailableError: there is no agent, or it does not answer.
        """
        where = () if home is None else ("--homedir", os.fspath(home.absolute()))
        command = ["gpg-agent", *where, "--server"]
        try:
            self._process = subprocess.Popen(  # noqa: S603  (a list, of our own words and a path)
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
        except OSError as error:
            message = "GnuPG is not there: the program gpg-agent cannot be run"
            raise BackendUnavailableError(message, hint=_HINT) from error
        weakref.finalize(self, _end, self._process)
        if self._read({}).code:
            raise _broken("it does not greet")

    def ask(self, command: str, answers: Mapping[str, bytes] | None = None) -> Answer:
        """Send a command and return how it was answered.

        Args:
            command: One line, without a secret in it.
            answers: What to say when the agent asks back, by its keyword; it is cancelled
                otherwise.

        Raises:
            BackendUnavailableError: the agent is gone, or does not keep to its protocol.
        """
        self._write(command.encode("ascii"))
        return self._read(answers or {})

    def _read(self, answers: Mapping[str, bytes]) -> Answer:
        data = bytearray()
        status: dict[str, str] = {}
        while True:
            word, rest = self._read_line()
            if word == b"D":
                data += unescape_data(rest)
            elif word == b"S":
                keyword, _, values = rest.decode("utf-8", "replace").partition(" ")
                status[keyword] = values
            elif word == b"INQUIRE":
                self._answer(answers.get(rest.split(b" ")[0].decode("ascii", "replace")))
            elif word in {b"OK", b"ERR"}:
                code, text = _read_result(word, rest)
                return Answer(code=code, text=text, data=bytes(data), status=status)
            elif word != b"#":
                raise _broken("it says something that is no answer")
            if len(data) > _DATA_SIZE:
                raise _broken("its answer does not end")

    def _read_line(self) -> tuple[bytes, bytes]:
        said = self._process.stdout
        line = b"" if said is None else said.readline(_LINE_SIZE)
        if not line.endswith(b"\n"):
            raise _broken("it ended" if len(line) < _LINE_SIZE else "its line does not end")
        word, _, rest = line[:-1].partition(b" ")
        return word, rest

    def _answer(self, answer: bytes | None) -> None:
        if answer is None:
            self._write(b"CAN")
            return
        for place in range(0, len(answer), _PIECE):
            self._write(b"D " + escape_data(answer[place : place + _PIECE]))
        self._write(b"END")

    def _write(self, line: bytes) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(line + b"\n")
                self._process.stdin.flush()
        except OSError as error:
            raise _broken("it ended") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End an agent: it goes when nobody speaks to it any more."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_result(word: bytes, rest: bytes) -> tuple[int, str]:
    if word == b"OK":
        return 0, ""
    number, _, text = rest.decode("utf-8", "replace").partition(" ")
    if not number.isascii() or not number.isdigit():
        raise _broken("it refuses without a number")
    return int(number[:12]) & _CODE_BITS or _CODE_BITS, text


def _broken(why: str) -> BackendUnavailableError:
    message = f"GnuPG's agent cannot be spoken to: {why}"
    return BackendUnavailableError(message, hint="gpg-agent --server shows what is wrong with it")


def escape_data(data: bytes) -> bytes:
    """Escape bytes for a data line: the percent sign, CR and LF."""
    return data.replace(b"%", b"%25").replace(b"\r", b"%0D").replace(b"\n", b"%0A")


def unescape_data(data: bytes) -> bytes:
    """Return the bytes of a data line.

    Raises:
        BackendUnavailableError: a percent sign without two hex digits after it.
    """
    first, *rest = data.split(b"%")
    if not all(len(piece) >= _DIGITS and set(piece[:_DIGITS]) <= _HEX for piece in rest):
        raise _broken("its data cannot be read")
    return first + b"".join(
        bytes.fromhex(piece[:_DIGITS].decode("ascii")) + piece[_DIGITS:] for piece in rest
    )
