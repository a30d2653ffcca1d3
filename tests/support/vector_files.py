"""How every set of vectors is laid out: valid/ and invalid/, and EXPECT.json with each outcome."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

Vector = tuple[str, bytes, str]
"""Name, bytes and the expected outcome: "accept" or an error code."""


def lay_out(cases: Iterable[Vector], *, suffix: str = ".json") -> dict[str, tuple[bytes, str]]:
    """Return vectors by the name of their file, with their outcome; no name twice."""
    found: dict[str, tuple[bytes, str]] = {}
    for name, data, code in cases:
        path = f"{'valid' if code == 'accept' else 'invalid'}/{name}{suffix}"
        assert path not in found, f"two vectors of one name: {path}"
        found[path] = (data, code)
    return found


def write_vectors(folder: Path, found: Mapping[str, tuple[bytes, str]]) -> None:
    """Write every vector and the expectations."""
    for name, (data, _code) in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    expect = {name: code for name, (_data, code) in sorted(found.items())}
    (folder / "EXPECT.json").write_text(json.dumps(expect, indent=1) + "\n")
