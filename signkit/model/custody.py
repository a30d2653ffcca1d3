"""What is written about a private key of this home, as frozen values.

Spec: docs/formats/custody-register.md sections 2 and 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from signkit.verify.digest import Sha256


class State(StrEnum):
    """Where a key is in its life, as NIST SP 800-57 part 1 section 7 names it."""

    PRE_ACTIVE = "pre-active"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What the first line of a key says besides.

    Attributes:
        name: What the key is called.
        cryptoperiod_days: Days that it may sign, from when it is first active, or None for ever.
        predecessor: keyid of the key that it follows, or None.
    """

    name: str
    cryptoperiod_days: int | None = None
    predecessor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What happened to a key.

    Attributes:
        time: RFC 3339 UTC text.
        who: `user@machine`.
        keyid: Of the key.
        state: Its state from now on.
        reason: Why.
        key: What it is, in its first line; None in every later one.
    """

    time: str
    who: str
    keyid: str
    state: State
    reason: str
    key: NewKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedTransition:
    """A transition and where it stands, which are signed together.

    Attributes:
        sequence: The number of its line, from 1.
        previous: SHA-256 of the line before.
        transition: What happened.
    """

    sequence: int
    previous: Sha256
    transition: Transition
