"""A mutation that knows JSON: one value somewhere in a document is replaced, removed or doubled.

libFuzzer alone breaks the syntax nearly every time, and would hardly ever get past it.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from signkit.verify.encoding import encode_json

_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**53 - 1, 2**53, 10**19, 1.5, "", "a", "A" * 129, "\0", "\u202e",
    "\ud800", "..", "a/b", "00" * 32, "AB" * 32, "2026-01-31T12:00:00Z", "2026-02-30T00:00:00Z",
    "AA==", [], {}, [[]], {"sha256": "ab" * 32}, {"sha256": "AB" * 32, "x": 1},
)  # fmt: skip


def mutate_json(data: bytes, random: Random) -> bytes | None:
    """Return a JSON text with one change, or None where it is none."""
    try:
        value = json.loads(data)
        places = list(_places(value))
        if not places:
            return encode_json(random.choice(_ODD))
        _change(*random.choice(places), random)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
    except (ValueError, RecursionError):
        return None


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and name or index within a value."""
    found: list[tuple[Any, Any]] = []
    rest = [value]
    while rest:
        container = rest.pop()
        if isinstance(container, dict | list):
            keys = list(container) if isinstance(container, dict) else range(len(container))
            found += [(container, key) for key in keys]
            rest += [container[key] for key in keys]
    return found


def _change(container: Any, key: Any, random: Random) -> None:
    kind = random.randrange(5)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, list):
        container.insert(key, container[key])
    elif kind == 1:
        container[random.choice(("surprise", "public_key", "signkit", "error"))] = container[key]
    elif kind == 2:
        container[key] = _near(container[key], random)
    else:
        container[key] = random.choice(_ODD)


def _near(value: Any, random: Random) -> Any:
    """Return something like a value: the same text but for a character, the next number."""
    if isinstance(value, str) and value:
        place = random.randrange(len(value))
        return value[:place] + random.choice("0aA/*\n\x7f=é") + value[place + 1 :]
    if isinstance(value, int):
        return value + random.choice((-1, 1, 2**32))
    return [value]
