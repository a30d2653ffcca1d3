"""The wall around the ceremony: from here on this process opens no socket.

typer and python-gnupg load the module `socket` by themselves, so that it is loaded proves nothing.
What counts is that no socket is made: an audit hook refuses every one (PEP 578). A hook cannot be
taken back, which is the point.
"""

from __future__ import annotations

import sys

from signkit.errors import PolicyError

CONTROL = "SK-AIRGAP"


def refuse_network() -> None:
    """Refuse every socket event in this process, for good."""
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        message = f"something tried to use the network ({event}) during a ceremony"
        raise PolicyError(message, control=CONTROL, hint="report this; nothing was signed")
