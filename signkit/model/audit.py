"""What the registry's audit holds: one change, and who made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from signkit.verify.digest import Sha256

Value = str | int | None
Values = Mapping[str, Value]


class ActorKind(StrEnum):
    """Who can change something."""

    TOKEN = "token"  # noqa: S105  (a word, not one of them)
    OPERATOR = "operator"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who changed something.

    Attributes:
        kind: What it is.
        name: Its name; a label.
    """

    kind: ActorKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPoint:
    """A point of a station's ledger, as a response carries it.

    Attributes:
        station: The keyid of the station's key.
        sequence: The ceremony's number, from 1.
        head: The ledger's head with this ceremony in it.
    """

    station: str
    sequence: int
    head: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One change.

    Attributes:
        organization: The organization's UUID, hyphenated, in lower case.
        time: When, RFC 3339 UTC with whole seconds.
        actor: Who.
        request: The id of the HTTP request, or None.
        kind: What kind of resource was changed; a label.
        id: Its UUID, hyphenated, in lower case.
        before: What stood in it, or None: it was made.
        after: What stands in it, or None: it was removed.
        ledger: Where the station's ledger stood, as the request said, or None.
    """

    organization: str
    time: str
    actor: Actor
    request: str | None
    kind: str
    id: str
    before: Values | None
    after: Values | None
    ledger: LedgerPoint | None
