"""The clock and the names of this machine."""

from __future__ import annotations

import getpass
import os
import time

from signkit.errors import UsageError
from signkit.verify.encoding import check_time

_DATE_LENGTH = len("2026-01-31")


def now() -> str:
    """Return the time as RFC 3339 UTC text with whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def parse_expiry(text: str) -> str:
    """Read a time that a person typed: a UTC date (its first instant) or a whole time.

    Raises:
        MalformedError: neither of the two.
        UsageError: in the past.
    """
    moment = parse_moment(text, what="--expires")
    if moment <= now():
        message = f"--expires: {moment} is in the past"
        raise UsageError(message, hint="give a later date, or leave --expires out")
    return moment


def parse_moment(text: str, *, what: str) -> str:
    """Read a time that a person typed: a UTC date (its first instant) or a whole time.

    Raises:
        MalformedError: neither of the two.
    """
    return check_time(f"{text}T00:00:00Z" if len(text) == _DATE_LENGTH else text, what=what)


def machine_name() -> str:
    """Return this machine's name as the kernel says it."""
    return os.uname().nodename or "unnamed"


def user_at_machine() -> str:
    """Return who runs this, as the system says."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = str(os.getuid())
    return f"{user}@{machine_name()}"
