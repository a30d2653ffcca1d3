"""The registry's token: where it comes from, and that it is one.

A token is opaque, and a secret: it is never printed, never taken from the command line, and its
file must not be readable by others.

Spec: registry contract section 1.1.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from signkit.errors import UsageError
from signkit.formats.files import read_file_and_status

DEFAULT_VARIABLE = "SIGNKIT_REGISTRY_TOKEN"
_SIZE = 8192
_OTHERS = 0o077


def load_token(
    *,
    file: Path | None,
    variable: str | None,
    default_file: Path,
    environment: Mapping[str, str],
) -> str:
    """Return the token from the first place that was named or holds one.

    In order: the file named, the variable named, the variable SIGNKIT_REGISTRY_TOKEN, and the
    default file.

    Args:
        file: A file, or None.
        variable: The name of an environment variable, or None.
        default_file: Where a token is kept without being named.
        environment: The environment.

    Raises:
        UsageError: none there, or what is there is no token, or others can read the file.
        FileError: a file cannot be read.
    """
    if file is not None:
        return read_token(file)
    if variable is not None:
        if variable not in environment:
            message = f"the variable {variable} is not set: expected the registry's token in it"
            raise UsageError(message)
        return check_token(environment[variable], f"the variable {variable}")
    if DEFAULT_VARIABLE in environment:
        return check_token(environment[DEFAULT_VARIABLE], f"the variable {DEFAULT_VARIABLE}")
    if not default_file.exists():
        message = f"no token for the registry: neither --token-file nor {default_file}"
        hint = "make one with `signkit registry token new`, and give its file with --token-file"
        raise UsageError(message, hint=hint)
    return read_token(default_file)


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        UsageError: it holds none, or others can read it.
        FileError: it cannot be read.
    """
    data, status = read_file_and_status(path, limit=_SIZE, what="token")
    if stat.S_IMODE(status.st_mode) & _OTHERS:
        message = f"token {path} can be read by others"
        raise UsageError(message, hint=f"chmod 600 {path}")
    return check_token(data.decode("ascii", "replace"), f"token {path}")


def check_token(text: str, what: str) -> str:
    """Return a token: what may stand in a header, without blanks; one line end is cut off.

    Raises:
        UsageError: it is none; never quotes it.
    """
    token = text.removesuffix("\n").removesuffix("\r")
    if not token or len(token) > _SIZE or not token.isascii() or not token.isprintable():
        message = f"{what} holds no token: expected one line of printable ASCII"
        raise UsageError(message)
    if " " in token:
        message = f"{what} holds no token: expected no blanks in it"
        raise UsageError(message)
    return token
