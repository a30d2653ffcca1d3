"""Where parts are kept: the protocol, which the footing that the registry runs on implements.

The content of a binary is its parts in order. Nothing is ever copied to put them together, and a
part that was acknowledged survives the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from uuid import UUID

Piece = bytes | memoryview


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKey:
    """The content of a binary between two resets.

    Attributes:
        organization, binary: Ids.
        revision: How often the binary was reset; content of an older revision is never used.
    """

    organization: UUID
    binary: UUID
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartKey:
    """One stored part; two parts with the same key hold the same bytes.

    Attributes:
        content: What it is a part of.
        index: From 1.
        digest: SHA-256 of its bytes, 64 lower-case hex digits.
    """

    content: ContentKey
    index: int
    digest: str


class PartWriter(Protocol):
    """A part on its way in; used by one thread at a time."""

    def write(self, pieces: Iterable[Piece]) -> None:
        """Append bytes.

        Raises:
            OSError: they cannot be written; ENOSPC and EDQUOT when there is no room.
        """

    def keep(self) -> None:
        """Make the part durable under its key, in place of the same part sent before.

        Raises:
            OSError: it cannot be made durable.
        """

    def drop(self) -> None:
        """Leave nothing behind, unless the part was kept."""


class PartStore(Protocol):
    """Parts by key; safe to use from any thread."""

    def begin(self, key: PartKey) -> PartWriter:
        """Begin to store a part; the caller has to know that the bytes fit the key.

        Raises:
            OSError: there is no room, or the store is not writable.
        """

    def open(self, key: PartKey) -> BinaryIO:
        """Open a part for reading, unbuffered.

        Raises:
            FileNotFoundError: it is not here.
        """

    def retain(self, keys: Iterable[PartKey]) -> None:
        """Remove every part of the keys' content but those.

        Raises:
            OSError: it cannot be listed or removed.
        """

    def discard(self, content: ContentKey) -> None:
        """Remove every part of one revision of a binary; nothing happens when there is none."""
