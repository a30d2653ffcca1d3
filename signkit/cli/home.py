"""Where signkit keeps what is its own: keys, the station's ledger, the plans.

One folder, so that a person can see, back up and carry all of it. The library is always told the
path; only the command line looks at the environment.
"""

from __future__ import annotations

import os
from pathlib import Path

from signkit.errors import UsageError


def signkit_home() -> Path:
    """Return the folder, absolute; it need not exist yet.

    `$SIGNKIT_HOME`, else `$XDG_DATA_HOME/signkit`, else `~/.local/share/signkit`. A relative
    `$XDG_DATA_HOME` is ignored, as its specification asks. The user database is not consulted:
    reading it may open a socket, which a ceremony refuses.

    Raises:
        UsageError: none of the variables, and no HOME either.
    """
    if chosen := os.environ.get("SIGNKIT_HOME"):
        return Path(os.path.abspath(chosen))
    data = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(data):
        return Path(data) / "signkit"
    if home := os.environ.get("HOME"):
        return Path(os.path.abspath(home)) / ".local" / "share" / "signkit"
    raise _homeless()


def config_folder() -> Path:
    """Return the folder of the profiles, absolute; it need not exist yet.

    `$XDG_CONFIG_HOME/signkit`, else `~/.config/signkit`; a relative `$XDG_CONFIG_HOME` is ignored.

    Raises:
        UsageError: neither variable, and no HOME either.
    """
    config = os.environ.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(config):
        return Path(config) / "signkit"
    if home := os.environ.get("HOME"):
        return Path(os.path.abspath(home)) / ".config" / "signkit"
    raise _homeless()


def _homeless() -> UsageError:
    message = "no folder for signkit: neither SIGNKIT_HOME nor HOME is set"
    return UsageError(message, hint="set SIGNKIT_HOME to the folder that is to hold the keys")
