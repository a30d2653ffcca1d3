"""Passphrases: typed on the terminal, or read from a file, a descriptor or a variable.

Never from the command line's arguments, which every process of the machine can read, and from the
environment only where that was asked for, with a warning.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from getpass import GetPassWarning, getpass
from pathlib import Path
from typing import Annotated

import typer

from signkit.cli import output
from signkit.errors import KeyLockedError, UsageError
from signkit.formats.display import escape
from signkit.formats.files import read_file_and_status

PASSPHRASE_SIZE = 1024  # bytes at most
NEW_PASSPHRASE_LENGTH = 8  # characters at least
_LINE_END_SIZE = 2
_OTHERS = 0o077

PassphraseFile = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="F", help="Read the passphrase from this file."),
]
PassphraseFd = Annotated[
    int | None,
    typer.Option("--passphrase-fd", metavar="N", min=0, help="Read it from this descriptor."),
]
PassphraseEnv = Annotated[
    str | None,
    typer.Option("--passphrase-env", metavar="VAR", help="Read it from this variable (unsafe)."),
]


@dataclass(slots=True, kw_only=True)
class PassphraseOptions:
    """Where a passphrase comes from; the terminal where no other place was named.

    Attributes:
        file: A file that holds nothing else; one line end after it is not part of it.
        fd: A descriptor that is read to its end, once.
        env: The name of an environment variable.
        option: How the options start, for messages.

    Raises:
        UsageError: more than one of them.
    """

    file: Path | None = None
    fd: int | None = None
    env: str | None = None
    option: str = "--passphrase"
    _from_fd: bytes | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        if sum(source is not None for source in (self.file, self.fd, self.env)) > 1:
            message = f"more than one of {self.option}-file, {self.option}-fd, {self.option}-env"
            raise UsageError(message)

    def existing(self) -> Callable[[str], bytes]:
        """Return a callback that gets the passphrase of a key that is there.

        It takes what is wanted, for the prompt ("passphrase of prod"), and raises UsageError or
        FileError where the place that was named does not hold a passphrase, KeyLockedError
        where there is no terminal to ask on or nothing was typed.
        """
        return lambda what: self._read(what) or _check(type_hidden(what), "the terminal")

    def new(self) -> Callable[[str], bytes]:
        """Return a callback that gets a passphrase for a new key: typed twice, and not short.

        It takes and raises the same as that of `existing`.
        """
        return lambda what: _check_length(self._read(what) or _type_twice(what))

    def _read(self, what: str) -> bytes | None:
        if self.file is not None:
            return _check(_read_file(self.file), f"{self.option}-file {self.file}")
        if self.fd is not None:
            if self._from_fd is None:
                self._from_fd = _read_descriptor(self.fd)
            return _check(self._from_fd, f"{self.option}-fd {self.fd}")
        if self.env is not None:
            output.warn(
                f"the {what} comes from the environment, where other programs of this user and"
                " crash reports can read it"
            )
            return _check(_read_variable(self.env), f"{self.option}-env {self.env}")
        return None


def _read_file(path: Path) -> bytes:
    data, status = read_file_and_status(
        path, limit=PASSPHRASE_SIZE + _LINE_END_SIZE, what="passphrase file"
    )
    if stat.S_IMODE(status.st_mode) & _OTHERS:
        output.warn(f"the passphrase file {escape(str(path))} is open to others: chmod 600")
    return _strip_line_end(data)


def _read_descriptor(descriptor: int) -> bytes:
    data = b""
    try:
        while len(data) <= PASSPHRASE_SIZE + _LINE_END_SIZE:
            piece = os.read(descriptor, PASSPHRASE_SIZE)
            if not piece:
                break
            data += piece
    except OSError as error:
        message = f"descriptor {descriptor} cannot be read: {(error.strerror or '').lower()}"
        raise UsageError(message, hint="open it for reading: 3< FILE") from error
    return _strip_line_end(data)


def _read_variable(name: str) -> bytes:
    value = os.environb.get(os.fsencode(name))
    if value is None:
        message = f"the environment variable {name} is not set"
        raise UsageError(message)
    return value


def _strip_line_end(data: bytes) -> bytes:
    return data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")


def type_hidden(what: str) -> bytes:
    """Ask on the terminal of this process, whatever stdin is; nothing is echoed.

    Args:
        what: What is wanted, for the prompt.

    Raises:
        KeyLockedError: there is no terminal, or nothing was typed.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        message = "no passphrase: there is no terminal to ask on"
        raise KeyLockedError(message, hint="name a --passphrase-file or --passphrase-fd") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)
            return getpass(f"{what[:1].upper()}{what[1:]}: ").encode("utf-8", "surrogateescape")
    except (EOFError, GetPassWarning, UnicodeDecodeError):
        message = "no passphrase was typed"
        raise KeyLockedError(message, hint="type it, and end it with the enter key") from None


def _type_twice(what: str) -> bytes:
    first = _check_length(_check(type_hidden(f"new {what}"), "the terminal"))
    if type_hidden("the same again") != first:
        message = "the two passphrases differ: nothing was written"
        raise UsageError(message, hint="run the command again")
    return first


def _check(passphrase: bytes, source: str) -> bytes:
    """Refuse what cannot be a passphrase, or what another tool would read as another one."""
    fault = None
    if not passphrase:
        fault = "is empty"
    elif len(passphrase) > PASSPHRASE_SIZE:
        fault = f"is longer than {PASSPHRASE_SIZE} bytes"
    elif b"\0" in passphrase:
        fault = "holds a NUL byte"
    elif b"\n" in passphrase or b"\r" in passphrase:
        fault = "has more than one line"
    if fault:
        message = f"{source}: the passphrase {fault}"
        raise UsageError(message, hint="one line, 1 to 1024 bytes, one line end after it at most")
    return passphrase


def _check_length(passphrase: bytes) -> bytes:
    if len(passphrase.decode("utf-8", "replace")) < NEW_PASSPHRASE_LENGTH:
        message = (
            f"the passphrase is too short: expected {NEW_PASSPHRASE_LENGTH} characters or more"
        )
        raise UsageError(
            message, hint="five or six random words are easy to type and hard to guess"
        )
    return passphrase
