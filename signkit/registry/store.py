"""Where content is kept: the protocols, which the footings implement (docs/design/footings.md).

`ContentStore` is what every footing has. `PartStore` is what a footing has besides where parts
pass through the server. The content of a binary is its parts in order; a part that was
acknowledged survives the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlTerms:
    """How a presigned URL is made.

    Attributes:
        base: How this client reaches the registry: scheme, host and port.
        secret: The registry's secret.
        seconds: How long the URL counts.
    """

    base: str
    secret: bytes
    seconds: int


class StoreUnavailableError(OSError):
    """The store cannot be reached, or refuses; what was asked may be asked again."""


class UploadGoneError(OSError):
    """The store knows neither an upload of this name nor content that came of it."""


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


class ContentStore(Protocol):
    """Content by key; safe to use from any thread.

    Every method raises `StoreUnavailableError`, or another OSError, where the store does not do it.

    Attributes:
        smallest_part: Bytes that every part but the last has at least.
        fixed_parts: Whether what one upload takes under an index is settled by its first
            declaration; another one then begins a new upload.
    """

    smallest_part: int
    fixed_parts: bool

    def check_answers(self) -> None:
        """Pass where content can be reached; ends within seconds whatever the store does."""

    def begin_upload(self, content: ContentKey) -> str:
        """Make ready to take content in; returns the store's own name for the upload."""

    def part_url(self, key: PartKey, *, size: int, upload: str, terms: UrlTerms) -> str:
        """Return where a client sends a part of so many bytes."""

    def arrived(self, content: ContentKey, upload: str) -> Mapping[int, int]:
        """Return index and size of the parts that came without passing through the server.

        Raises:
            UploadGoneError: there is no such upload, and nothing came of it.
        """

    def finish(self, content: ContentKey, upload: str, *, size: int) -> None:
        """Make what arrived the content; done already is fine.

        Raises:
            UploadGoneError: there is no such upload, and nothing of that size came of it.
        """

    def read(
        self, content: ContentKey, parts: Sequence[tuple[PartKey, int]], *, start: int, end: int
    ) -> Iterator[bytes]:
        """Read a range of finished content, given its parts and their sizes.

        Raises:
            FileNotFoundError: it is not here.
        """

    def download_url(self, content: ContentKey, *, terms: UrlTerms) -> str:
        """Return where finished content can be fetched."""

    def discard(self, content: ContentKey) -> None:
        """Remove whatever there is of one revision of a binary; nothing there is fine."""

    def stored(self, shard: int, *, before: float) -> Iterator[Sequence[ContentKey]]:
        """List what there is, a page at a time.

        Args:
            shard: 0 to 255: of the binaries whose id begins with that byte.
            before: Seconds since 1970; what is younger may not be on record yet and is left out.
        """


class PartStore(Protocol):
    """Parts that pass through the server, by key; safe to use from any thread."""

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
