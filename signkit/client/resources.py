"""The registry's records as this side uses them: frozen, checked, and no more than is needed.

Spec: registry contract section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from signkit.verify.digest import Sha256


class BinaryState(StrEnum):
    """The six states of a binary (contract section 2.5); there is no other."""

    UPLOADABLE = "uploadable"
    HASHABLE = "hashable"
    HASHING = "hashing"
    SIGNABLE = "signable"
    SIGNED = "signed"
    DESTROYED = "destroyed"


class PartState(StrEnum):
    """The states of a binary part (contract section 2.6)."""

    UPLOADABLE = "uploadable"
    INVALID_SIZE = "invalid_size"
    INVALID_HASH = "invalid_hash"
    VALID = "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """An artifact: a name."""

    prn: str
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactVersion:
    """A version of an artifact."""

    prn: str
    artifact_prn: str
    version: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key that the registry knows.

    Attributes:
        prn: Its record.
        name: As it was given; not authoritative.
        value: The raw key in base64, as the registry holds it; None where it does not say.
    """

    prn: str
    name: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A signature that a binary carries.

    Attributes:
        signing_key_prn: Whose it is.
        signature: Hex, in the case in which it was given.
    """

    signing_key_prn: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A binary.

    Attributes:
        prn: Its record.
        artifact_version_prn: What it is of.
        target: What it is for.
        state: Where it stands.
        digest: SHA-256 that the registry has for it; None where it has none.
        size: Bytes; None where it has none.
        custom_metadata: A JSON object, or None.
        signatures: In the registry's order.
        inserted_at: When it was made, as the registry writes times.
        description: For people, or None.
    """

    prn: str
    artifact_version_prn: str
    target: str
    state: BinaryState
    digest: Sha256 | None
    size: int | None
    custom_metadata: Mapping[str, object] | None
    signatures: tuple[Attached, ...]
    inserted_at: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a binary.

    Attributes:
        index: From 1.
        digest: SHA-256, as declared.
        size: Bytes, as declared.
        state: Whether its bytes are there.
    """

    index: int
    digest: Sha256
    size: int
    state: PartState


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPart:
    """A part that was declared, and where its bytes go."""

    part: Part
    upload_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle.

    Attributes:
        prn: Its record.
        name: What it is called, or None.
        hash: What its signatures are over, as the registry says.
        members: prn and custom metadata of each binary, in order.
    """

    prn: str
    name: str | None
    hash: str
    members: tuple[tuple[str, Mapping[str, object] | None], ...]
