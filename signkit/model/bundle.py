"""What a bundle consists of, as frozen values.

Spec: docs/formats/bundle.md section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class BundleMember(NamedTuple):
    """One binary of a bundle.

    Attributes:
        prn: The binary's name, as the registry sends it.
        size: Bytes of content.
        hash: SHA-256 of the content, 64 lower-case hex digits.
        target: The binary's target, without control characters.
        custom_metadata: What the device is given with it, or None.
    """

    prn: str
    size: int
    hash: str
    target: str
    custom_metadata: Mapping[str, object] | None
