"""Content on its way to the registry: the file that was prepared, read by slices.

The file is opened once for all parts, so that another file under the same name changes nothing.
Whether it still holds what was signed is decided before (`check_unchanged`), by the registry's own
digest after, and here in one case more: a part that the registry refuses is hashed again.

Spec: docs/formats/plan-and-journal.md section 4.
Controls: SK-SUBMIT-CONTENT (docs/design/assurance.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Self

from signkit.errors import DigestMismatchError, FileError
from signkit.formats.content import Advance, check_unchanged
from signkit.formats.regular_file import open_content
from signkit.model.plan import FileIdentity, PlannedItem
from signkit.verify.digest import Sha256

_SLICE_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """One part of content.

    Attributes:
        index: From 1, as the registry counts.
        start: Where it begins, bytes.
        size: Bytes, at least 1.
        digest: SHA-256 of it, as prepared.
    """

    index: int
    start: int
    size: int
    digest: Sha256


def plan_parts(planned: PlannedItem) -> tuple[PlannedPart, ...]:
    """Return the parts of an item's content, with their places."""
    size, step = planned.identity.size, planned.part_size
    return tuple(
        PlannedPart(
            index=place + 1,
            start=place * step,
            size=min(step, size - place * step),
            digest=digest,
        )
        for place, digest in enumerate(planned.parts)
    )


def confirm_content(planned: PlannedItem, *, advance: Advance) -> PlannedItem:
    """Check that the content is what was prepared.

    Args:
        planned: What prepare wrote down.
        advance: Called with the bytes hashed, where the file must be hashed again.

    Returns:
        The item with the file's identity of now.

    Raises:
        DigestMismatchError: it changed; names the file and both digests.
        FileError: it cannot be read.
    """
    return planned._replace(identity=check_unchanged(planned, advance=advance))


class OpenContent:
    """A content file that is open for the upload; read from several threads at once."""

    def __init__(self, planned: PlannedItem) -> None:
        """Open the file of a confirmed item.

        Raises:
            FileError: it cannot be read, or was written to since it was confirmed.
        """
        self.path = planned.path
        self._descriptor, status = open_content(planned.path)
        if not _is_same(planned.identity, status):
            self.close()
            message = f"{planned.path} changed while it was submitted"
            raise FileError(message, hint="wait until nothing writes to it, and try again")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing may read from it any more."""
        os.close(self._descriptor)

    def read(self, part: PlannedPart) -> Iterator[bytes]:
        """Yield a part in slices of at most 1 MiB, in memory that does not grow with it.

        Raises:
            FileError: the file got shorter, or cannot be read.
        """
        place, end = part.start, part.start + part.size
        while place < end:
            try:
                piece = os.pread(self._descriptor, min(_SLICE_SIZE, end - place), place)
            except OSError as error:
                message = f"{self.path} cannot be read: {(error.strerror or str(error)).lower()}"
                raise FileError(message) from error
            if not piece:
                message = f"{self.path} got shorter while it was sent: it ends at byte {place}"
                raise FileError(message, hint="bring the prepared file back, and run again")
            place += len(piece)
            yield piece

    def check_part(self, part: PlannedPart) -> None:
        """Hash a part again, because the registry refuses it.

        Raises:
            DigestMismatchError: it is not what was prepared; names the file and both digests.
            FileError: the file got shorter, or cannot be read.
        """
        state = sha256()
        for piece in self.read(part):
            state.update(piece)
        if state.digest() != part.digest:
            message = (
                f"{self.path} changed while it was sent: expected SHA-256 {part.digest.hex()} for"
                f" part {part.index}, got {state.hexdigest()}"
            )
            hint = "bring the prepared file back, or prepare and sign it again"
            raise DigestMismatchError(message, hint=hint)


def _is_same(identity: FileIdentity, status: os.stat_result) -> bool:
    seen = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    kept = (identity.device, identity.inode, identity.size, identity.mtime_ns)
    return seen == kept and identity.ctime_ns in {None, status.st_ctime_ns}
