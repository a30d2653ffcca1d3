"""The one table of schemes: what signkit can sign, and for whom.

A scheme is a module with `sign` and `verify`; adding one is adding its module and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from signkit.errors import UnsupportedVersionError
from signkit.formats.envelope import Signing
from signkit.model.request import Item, Request
from signkit.schemes import peridio, statement
from signkit.verify.ed25519 import PublicKey


class Scheme(Protocol):
    """What every scheme module offers."""

    NAME: str

    def sign(self, signer: Signing, item: Item, request: Request) -> str | Mapping[str, object]:
        """Sign one item; returns the signature as the response carries it."""

    def verify(self, key: PublicKey, item: Item, request: Request, value: object) -> object:
        """Verify one signature of one item; returns what was verified or raises."""


SCHEMES: Mapping[str, Scheme] = {
    peridio.NAME: peridio,
    statement.NAME: statement,
}


def find_scheme(name: str) -> Scheme:
    """Return a scheme by name.

    Raises:
        UnsupportedVersionError: this signkit does not know it.
    """
    try:
        return SCHEMES[name]
    except KeyError:
        message = f"unknown scheme {name!r:.80}: expected one of {', '.join(SCHEMES)}"
        raise UnsupportedVersionError(message) from None
