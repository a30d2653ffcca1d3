"""Requests with a history: what was signed last, and what is asked for now."""

from __future__ import annotations

from typing import Any

from signkit.formats.request import open_request
from signkit.station.ceremony import NOT_SEEN, HashedContents
from signkit.station.delta import compute_delta
from signkit.station.history import LastSigned, Place
from signkit.station.review import Review
from signkit.verify.digest import Sha256, compute_digest
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PROD

TARGET = "aarch64-unknown-linux"
KEYID = PROD.public_key.keyid


def last(number: int = 0, **changes: Any) -> LastSigned:
    """Return what was signed last for one sensor: version 1.4.0, sequence 4."""
    said = {
        "version": "1.4.0",
        "sequence": 4,
        "size": 1000 + number,
        "digest": compute_digest(b"old %d" % number),
        "expires": None,
        "roles": ("release",),
        "schemes": ("peridio", "statement"),
        "content_hashed": False,
        "keyids": (KEYID,),
        "request": Sha256(b"\1" * 32),
        "time": "2026-01-31T12:00:00Z",
        "ceremony": 4,
    }
    return LastSigned(**{**said, **changes})


def history(count: int = 1) -> dict[Place, LastSigned]:
    """Return the history of so many sensors."""
    return {(f"sensor-{number:03}", TARGET): last(number) for number in range(count)}


def asked(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return an ordinary next item of one sensor: version 1.5.0, sequence 5."""
    said = {
        "name": f"sensor-{number:03}.bin",
        "artifact": f"sensor-{number:03}",
        "version": "1.5.0",
        "sequence": 5,
        "size": 1100 + number,
        "digest": {"sha256": compute_digest(b"new %d" % number).hex()},
    }
    return item_value(**{**said, **changes})


def review_of(
    *items: dict[str, Any],
    known: dict[Place, LastSigned] | None = None,
    contents: HashedContents = NOT_SEEN,
    request: dict[str, Any] | None = None,
    **options: Any,
) -> Review:
    """Return the review of items, about to be signed by PROD."""
    verified = open_request(request_file(request_value(*items, **(request or {}))))
    delta = compute_delta(verified.request, history=known, keyid=KEYID, contents=contents)
    said = {"name": "fleet.request.json", "key": PROD.public_key, "key_name": "prod", **options}
    return Review(verified=verified, delta=delta, contents=contents, **said)
