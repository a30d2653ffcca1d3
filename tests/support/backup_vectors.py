"""The vectors of a registry's backup: valid documents, and one for each defect with its code.

`scripts/vectors` writes them to tests/vectors/registry-backup; a test checks that the stored ones
are these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.vector_files import Vector, lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "registry-backup"
ONE, TWO = (sha256(data).hexdigest() for data in (b"one", b"two"))  # ONE > TWO
DATABASE = sha256(b"records").hexdigest()


def line(digest: str, *, folder: str | None = None, name: str | None = None) -> str:
    """One line of an object."""
    return f"{digest}  objects/{folder or digest[:2]}/{name or digest}\n"


END = f"{DATABASE}  registry.sqlite3\n"


def sums(*lines: str) -> bytes:
    return "".join(lines).encode()


def record_value(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "format": "signkit.registry-backup.v1",
        "created": "2026-01-31T12:00:00Z",
        "signkit": "0.1.0",
        "step": "0002",
        "object_count": 1,
        "object_size": 3,
        "sums": {"sha256": sha256(sums(line(ONE), END)).hexdigest()},
    }
    return {name: member for name, member in {**value, **changes}.items() if member is not ...}


def spelled(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _records() -> Iterator[Vector]:
    yield "one-object", spelled(record_value()), "accept"
    yield "empty", spelled(record_value(object_count=0, object_size=0)), "accept"
    for name in record_value():
        yield f"without-{name.replace('_', '-')}", spelled(record_value(**{name: ...})), "malformed"
    yield "another-format", spelled(record_value(format="signkit.backup.v2")), "malformed"
    yield "unknown-field", spelled(record_value(note="")), "malformed"
    yield "negative-count", spelled(record_value(object_count=-1)), "malformed"
    yield "time-with-zone", spelled(record_value(created="2026-01-31T12:00:00+01:00")), "malformed"
    yield "digest-in-capitals", spelled(record_value(sums={"sha256": "AB" * 32})), "not-canonical"
    yield "spaces", json.dumps(record_value()).encode(), "not-canonical"
    yield "line-feed-at-the-end", spelled(record_value()) + b"\n", "not-canonical"
    yield "another-order", spelled(dict(reversed(record_value().items()))), "not-canonical"
    yield "cut-short", spelled(record_value())[:-1], "malformed"


def _sums() -> Iterator[Vector]:
    yield "sums-of-nothing", sums(END), "accept"
    yield "sums-of-one", sums(line(ONE), END), "accept"
    yield "sums-of-two", sums(line(TWO), line(ONE), END), "accept"
    yield "no-database", sums(line(ONE)), "malformed"
    yield "no-bytes", b"", "malformed"
    yield "out-of-order", sums(line(ONE), line(TWO), END), "malformed"
    yield "twice", sums(line(ONE), line(ONE), END), "malformed"
    yield "name-of-another-digest", sums(line(ONE, name=TWO), END), "malformed"
    yield "folder-of-another-digest", sums(line(ONE, folder="00"), END), "malformed"
    yield "path-that-climbs", sums(f"{ONE}  objects/../{ONE}\n", END), "malformed"
    yield "another-file", sums(f"{ONE}  secret\n", END), "malformed"
    yield "bytes-after-the-end", sums(END, line(ONE)), "malformed"
    yield "carriage-returns", sums(line(ONE), END).replace(b"\n", b"\r\n"), "malformed"
    yield "one-space", sums(line(ONE), END).replace(b"  ", b" "), "malformed"
    yield "capitals", sums(line(ONE), END).replace(ONE.encode(), ONE.upper().encode()), "malformed"
    yield "last-line-without-its-end", sums(line(ONE), END)[:-1], "malformed"


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return each vector by the name of its file."""
    return lay_out(_records()) | lay_out(_sums(), suffix=".sums")


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
