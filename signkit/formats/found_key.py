"""What a private key file holds, before its claims are checked.

A module of its own, so that each format's reader can return it and none imports another.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """A seed as it stood in a file, and what the file says about it.

    Attributes:
        seed: 32 private bytes.
        publics: Every copy of the public key in the file, 32 bytes each. None is trusted: whoever
            takes the seed derives its own and refuses a difference.
        encrypted: Whether a passphrase was needed.
        weakness: Why the encryption is cheap to break, or None.
        comment: The file's comment, which nothing protects, or None. Escaped before it is shown.
    """

    seed: bytes = field(repr=False)
    publics: tuple[bytes, ...] = ()
    encrypted: bool = False
    weakness: str | None = None
    comment: str | None = None


def wipe(buffer: bytearray) -> None:
    """Overwrite private bytes that are no longer needed, as far as Python lets us."""
    buffer[:] = bytes(len(buffer))
