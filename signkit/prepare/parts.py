"""How content is cut into the parts in which it is uploaded.

The sources of the contract disagree on the limits of a part, so the strictest reading of each
holds for every size: no part above 1 GB, never more than 10,000 parts, and at most 1,000 of them
while that is possible at all.

Spec: docs/formats/plan-and-journal.md section 3; the registry's documentation of binary parts.
"""

from __future__ import annotations

from signkit.errors import TooLargeError
from signkit.verify.limits import MIB

LARGEST_CONTENT = 5 * 1024**4
"""Bytes of the largest content that is prepared: 5 TiB, the largest object of S3."""

_PART_SIZES = tuple(size * MIB for size in (16, 32, 64, 128, 256, 512, 953))
_AIMED_COUNT = 1_000


def choose_part_size(size: int) -> int:
    """Return the bytes of every part but the last.

    The smallest of 16, 32, 64, 128, 256, 512 and 953 MiB that gives at most 1,000 parts; 953 MiB,
    the most below 1 GB, where none does.

    Args:
        size: Bytes of the content, 0 to LARGEST_CONTENT.

    Raises:
        TooLargeError: the content is larger than LARGEST_CONTENT.
    """
    if size > LARGEST_CONTENT:
        message = f"content is too large: expected at most {LARGEST_CONTENT} bytes, got {size}"
        raise TooLargeError(message)
    for part_size in _PART_SIZES:
        if size <= part_size * _AIMED_COUNT:
            return part_size
    return _PART_SIZES[-1]
