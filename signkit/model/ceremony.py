"""A ceremony as it is planned, as frozen values. No I/O: `formats/ceremony.py` reads the file.

Spec: docs/formats/ceremony-file.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from signkit.verify.digest import Sha256


class Person(NamedTuple):
    """Somebody who is there.

    Attributes:
        name: 1 to 128 characters.
        role: leader, operator or witness.
    """

    name: str
    role: str


class OwnStep(NamedTuple):
    """A step that whoever planned the ceremony added.

    Attributes:
        at: before or after.
        role: Of who does it.
        text: Free text.
    """

    at: str
    role: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyPlan:
    """What is planned.

    Attributes:
        title: What the ceremony is called.
        date: When, as it is printed; None where it is left to fill in.
        place: Where, the same.
        request: Path of the request, as it stands in the file.
        key: What the station calls the key that is to sign.
        public_key: Path of that key's public half, or None.
        policy: Path of the station's policy, or None.
        installation: The self-hash of the station's installation, or None.
        content: The folder at the station that holds the content, or None.
        people: Who is there, in the order of the file.
        steps: Steps of their own, in the order of the file.
    """

    title: str
    date: str | None
    place: str | None
    request: str
    key: str
    public_key: str | None
    policy: str | None
    installation: Sha256 | None
    content: str | None
    people: tuple[Person, ...]
    steps: tuple[OwnStep, ...]

    def names(self, role: str) -> tuple[str, ...]:
        """Return who has a role, in the order of the file."""
        return tuple(person.name for person in self.people if person.role == role)
