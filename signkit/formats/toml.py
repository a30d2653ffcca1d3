"""TOML files that people write: bytes to plain values, and unknown names with the nearest known.

What the values mean is for whoever reads the file: `Fields` takes them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from difflib import get_close_matches

from signkit.errors import MalformedError, TooLargeError


def parse_toml(data: bytes, *, limit: int, what: str) -> dict[str, object]:
    """Parse a TOML file.

    Args:
        data: The file.
        limit: The most bytes accepted.
        what: What it is, for messages ("release list").

    Raises:
        TooLargeError: too many bytes.
        MalformedError: not UTF-8, or not TOML 1.0; the place is named.
    """
    if len(data) > limit:
        message = f"{what} is too large: expected at most {limit} bytes"
        raise TooLargeError(message)
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"{what} is not UTF-8: byte {error.start} cannot be decoded"
        raise MalformedError(message) from error
    except RecursionError as error:
        message = f"{what} is nested too deeply"
        raise MalformedError(message) from error
    except ValueError as error:
        reason = str(error)
        message = f"{what} is not TOML: {reason[:1].lower()}{reason[1:]}"
        raise MalformedError(message) from error


def check_names(value: object, known: Collection[str], *, where: str) -> None:
    """Refuse an unknown name in a table, and say which known one is nearest.

    Args:
        value: The table; anything else is left to whoever reads it.
        known: The names that may stand there.
        where: What the table is, for messages.

    Raises:
        MalformedError: a name is not known.
    """
    for name in value if isinstance(value, dict) else ():
        if name not in known:
            near = get_close_matches(name[:80], known, n=1, cutoff=0.0)
            message = f"{where}: unknown name {name[:80]!r}; the nearest known is {near[0]!r}"
            raise MalformedError(message, hint=f"known there: {', '.join(known)}")
