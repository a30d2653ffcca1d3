"""What the networked side keeps of a request: where the content lies and how it is uploaded.

The plan never crosses the gap. Spec: docs/formats/plan-and-journal.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from signkit.verify.digest import Sha256


class FileIdentity(NamedTuple):
    """What the system said of a content file while its digest was taken.

    A file with the same identity was not written since (ctime cannot be set back by a program);
    any difference means that it must be hashed again before its digest is believed.

    Attributes:
        device: st_dev.
        inode: st_ino.
        size: Bytes.
        mtime_ns: Nanoseconds since 1970.
        ctime_ns: Nanoseconds since 1970, or None where it could not show a later write: such an
            identity is equal to that of no open file.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int | None


class PlannedItem(NamedTuple):
    """How one item's content is uploaded.

    Attributes:
        path: Absolute path of the content file.
        identity: The file when it was hashed.
        digest: SHA-256 of the content; the same as in the request.
        part_size: Bytes of every part but the last.
        parts: SHA-256 of each part in order; empty for empty content.
    """

    path: str
    identity: FileIdentity
    digest: Sha256
    part_size: int
    parts: tuple[Sha256, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The upload side of a request.

    Attributes:
        request: SHA-256 of the request file.
        items: One for each item of the request, in its order.
    """

    request: Sha256
    items: tuple[PlannedItem, ...]
