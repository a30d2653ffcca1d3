"""Peridio resource names: text that names a resource, in one spelling going out and many coming in.

    organization = "prn:1:" UUID
    user         = "prn:1:user:" UUID
    resource     = "prn:1:" UUID ":" kind ":" UUID

Spec: docs/formats/registry-protocol.md section 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from signkit.errors import MalformedError

_HYPHENATED = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
UUID_PATTERN = rf"{_HYPHENATED}|[0-9A-Fa-f]{{32}}|\{{{_HYPHENATED}\}}"
"""Every spelling of a UUID that is understood, as a regular expression."""
_UUID = re.compile(UUID_PATTERN)
_ORGANIZATION_FIELDS = 3
_RESOURCE_FIELDS = 5


class Kind(StrEnum):
    """What a name stands for."""

    ARTIFACT = "artifact"
    ARTIFACT_VERSION = "artifact_version"
    BINARY = "binary"
    BINARY_PART = "binary_part"
    BINARY_SIGNATURE = "binary_signature"
    BUNDLE = "bundle"
    BUNDLE_SIGNATURE = "bundle_signature"
    SIGNING_KEY = "signing_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prn:
    """The name of one resource."""

    organization: UUID
    kind: Kind
    id: UUID

    def __str__(self) -> str:
        """Return the one spelling that the registry sends."""
        return f"prn:1:{self.organization}:{self.kind}:{self.id}"


def parse_uuid(text: str, *, what: str) -> UUID:
    """Parse a UUID: hyphenated, bare, or hyphenated in braces; digits of either case.

    Raises:
        MalformedError: anything else.
    """
    if _UUID.fullmatch(text) is None:
        message = f"{what}: expected a UUID, got {text[:60]!r}"
        raise MalformedError(message)
    return UUID(text.strip("{}"))


def parse_prn(text: str, *, kind: Kind, what: str) -> Prn:
    """Parse the name of a resource of one kind.

    Args:
        text: The name, its UUIDs in any of their spellings.
        kind: The kind expected.
        what: What is parsed, for messages.

    Raises:
        MalformedError: another shape, version or kind.
    """
    fields = text.split(":")
    if len(fields) != _RESOURCE_FIELDS or fields[:2] != ["prn", "1"] or fields[3] != kind:
        message = f"{what}: expected prn:1:UUID:{kind}:UUID, got {text[:120]!r}"
        raise MalformedError(message)
    organization = parse_uuid(fields[2], what=what)
    return Prn(organization=organization, kind=kind, id=parse_uuid(fields[4], what=what))


def parse_organization_prn(text: str, *, what: str) -> UUID:
    """Parse the name of an organization and return its id.

    Raises:
        MalformedError: another shape.
    """
    fields = text.split(":")
    if len(fields) != _ORGANIZATION_FIELDS or fields[:2] != ["prn", "1"]:
        message = f"{what}: expected prn:1:UUID, got {text[:120]!r}"
        raise MalformedError(message)
    return parse_uuid(fields[2], what=what)


def format_organization_prn(organization: UUID) -> str:
    """Return the name of an organization."""
    return f"prn:1:{organization}"
