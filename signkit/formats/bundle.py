"""The hash of a bundle, which its signatures cover.

Spec: docs/formats/bundle.md section 3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from signkit.formats.metadata import check_exact
from signkit.model.bundle import BundleMember
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import canonical_json

_TAG = "signkit bundle v1"
_NO_METADATA = "-"


def compute_bundle_hash(members: Sequence[BundleMember]) -> str:
    """Return the hash of a bundle: SHA-512/256, 64 lower-case hex digits.

    Args:
        members: The binaries, in their order.

    Raises:
        MalformedError: custom metadata holds a number that not every reader holds alike.
    """
    state = hashlib.new("sha512_256")
    state.update(f"{_TAG}\n{len(members)}\n".encode())
    for place, member in enumerate(members):
        state.update("".join(f"{line}\n" for line in _lines(member, place)).encode("utf-8"))
    return state.hexdigest()


def _lines(member: BundleMember, place: int) -> Iterator[str]:
    yield member.prn
    yield str(member.size)
    yield member.hash
    yield member.target
    metadata = member.custom_metadata
    if metadata is None:
        yield _NO_METADATA
    else:
        check_exact(metadata, what=f"custom_metadata of binary {place + 1}")
        yield compute_digest(canonical_json(metadata)).hex()
