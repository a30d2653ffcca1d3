"""What a request says, as frozen values. No I/O, no encoding: `formats/request.py` has those.

Spec: docs/formats/request.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from signkit.verify.digest import Sha256
from signkit.verify.ed25519 import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One signature that is asked for.

    Attributes:
        scheme: A name in the table of `schemes/table.py`.
        role: The duty of the key that is to sign; 1 to 128 characters.
    """

    scheme: str
    role: str


class Item(NamedTuple):
    """One binary of a request.

    Attributes:
        name: The content's file name, without folders.
        size: Bytes of content.
        digest: SHA-256 of the content.
        artifact: The registry's artifact name, 1 to 128 characters.
        version: The artifact version, 1 to 128 characters.
        target: The target, 1 to 128 characters.
        sequence: The monotonic number of this artifact and target, from 1.
        expires: RFC 3339 UTC text, or None for never.
        custom_metadata: A JSON object without the name `signkit`, which is the statement's place.
        wanted: Which schemes by which role; at least one, no pair twice.
    """

    name: str
    size: int
    digest: Sha256
    artifact: str
    version: str
    target: str
    sequence: int
    expires: str | None
    custom_metadata: Mapping[str, object]
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. The requester's words (requester, reason) are never authoritative.

    Attributes:
        requester: Who says that they ask, 1 to 128 characters.
        reason: Free text of at most 2,000 characters, or None.
        created: RFC 3339 UTC text.
        previous_response: SHA-256 of the last response file this side has seen, or None.
        items: 1 to 100,000; no artifact, version and target twice.
    """

    requester: str
    reason: str | None
    created: str
    previous_response: Sha256 | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRequest:
    """A request whose envelope verified under the requester's key.

    Attributes:
        request: What it says.
        digest: SHA-256 of the request file: the request's identity.
        requester_key: The key that signed it. Whether that key is known is another question.
    """

    request: Request
    digest: Sha256
    requester_key: PublicKey
