"""What a private key is for, as a frozen value: what its key file says, and its signer enforces.

Spec: docs/formats/sealed-key.md section 3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a key may sign, when, and how much of it.

    Attributes:
        role: The role that a request must want the signature from, or None for any.
        artifacts: Globs, as in trust roots; an artifact must match one.
        targets: Globs; a target must match one.
        schemes: The schemes it may sign, or None for any.
        not_before: RFC 3339 UTC text, the first second of its window, or None for always.
        not_after: RFC 3339 UTC text, the first second after its window, or None for never.
        most_signatures: Signatures in one ceremony at most, from 1, or None for any number.
    """

    role: str | None = None
    artifacts: tuple[str, ...] = ("*",)
    targets: tuple[str, ...] = ("*",)
    schemes: tuple[str, ...] | None = None
    not_before: str | None = None
    not_after: str | None = None
    most_signatures: int | None = None


OPEN = Purpose()
"""Of a key whose file says nothing: anything, at any time."""
