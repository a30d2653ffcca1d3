"""Where fuzzing begins: the vectors of this checkout, and the shared corpus where it is there."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
SHARED = ROOT.parent / "shared" / "security"
_LARGEST = 64 * 1024

Seeds = Callable[[], Iterable[bytes]]


def has_corpus() -> bool:
    """Say whether the shared corpus is there."""
    return SHARED.is_dir()


def files(*places: str) -> Seeds:
    """Return the files below folders, of the vectors or of the corpus, as seeds."""

    def read() -> Iterator[bytes]:
        for place in places:
            for base in (VECTORS, SHARED):
                for path in sorted((base / place).rglob("*")):
                    if path.is_file() and 0 < path.stat().st_size <= _LARGEST:
                        yield path.read_bytes()

    return read


def payloads(kind: str) -> Seeds:
    """Return the payloads of the envelopes among the vectors of a document."""

    def read() -> Iterator[bytes]:
        for data in files(kind)():
            try:
                yield b64decode(json.loads(data)["payload"])
            except (ValueError, KeyError, TypeError, RecursionError):
                continue

    return read


def texts(*said: str) -> Seeds:
    """Return texts that are spelled out, and the naughty strings."""

    def read() -> Iterator[bytes]:
        yield from (each.encode("utf-8", "surrogatepass") for each in said)
        for name in ("blns.json", "hostile_names.json"):
            for text in _strings(json.loads((VECTORS / "strings" / name).read_text("utf-8"))):
                yield text.encode("utf-8", "surrogatepass")

    return read


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _strings(member)


def exactly(*data: bytes) -> Seeds:
    """Return seeds that are at hand."""
    return lambda: data


def together(*many: Seeds) -> Seeds:
    """Return the seeds of several places, each once."""
    return lambda: dict.fromkeys(data for seeds in many for data in seeds())
