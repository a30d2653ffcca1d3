"""The one table of schemes: what signkit can sign, and for whom.

A scheme is a module with `sign` and `verify`; adding one is adding its module and a line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from signkit.errors import PolicyError, UnsupportedVersionError
from signkit.formats.envelope import Signing
from signkit.model.request import Item, Request, Wanted
from signkit.schemes import peridio, permit, statement, trust
from signkit.verify.ed25519 import PublicKey


class Scheme(Protocol):
    """What every scheme module offers."""

    NAME: str

    def sign(self, signer: Signing, item: Item, request: Request) -> str | Mapping[str, object]:
        """Sign one item; returns the signature as the response carries it."""

    def verify(self, key: PublicKey, item: Item, request: Request, value: object) -> object:
        """Verify one signature of one item; returns what was verified or raises."""


BLIND_CONTROL = "SK-SIGN-BLIND"
SCHEMES: Mapping[str, Scheme] = {
    peridio.NAME: peridio,
    statement.NAME: statement,
    trust.NAME: trust,
    permit.NAME: permit,
}


def check_wanted(wanted: Iterable[Wanted]) -> None:
    """Check that no blind signature goes alone: whoever is to sign `peridio` signs the statement too.

    Raises:
        PolicyError: control SK-SIGN-BLIND.

    Spec: docs/formats/schemes.md.
    """
    asked = {(each.scheme, each.role) for each in wanted}
    for scheme, role in sorted(asked):
        if scheme == peridio.NAME and (statement.NAME, role) not in asked:
            message = f"{scheme} is asked of role {role!r} without {statement.NAME}"
            hint = "its signature names nothing but a digest: ask for both"
            raise PolicyError(message, control=BLIND_CONTROL, hint=hint)


def check_request(request: Request) -> None:
    """Check that what a request asks for may be signed together.

    Raises:
        PolicyError: control SK-SIGN-TRUST: a trust root beside anything else; control
            SK-SIGN-BLIND: a blind signature alone.

    Spec: docs/formats/trust-root.md section 5; docs/formats/schemes.md.
    """
    trust.check_alone(request)
    for wanted in dict.fromkeys(item.wanted for item in request.items):
        check_wanted(wanted)


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
