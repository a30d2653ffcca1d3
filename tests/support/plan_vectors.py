"""The vectors of the plan: valid ones, and one for each defect with the code behind its refusal.

Each has a right checksum unless the checksum is the defect, so that the reader gets as far as the
defect. `python -m tests.support.plan_vectors` writes them to tests/vectors/plan; a test checks that
the stored ones are these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.vector_files import lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "plan"
Vector = tuple[str, bytes, str]

REQUEST = {"sha256": "ab" * 32}
DIGEST = {"sha256": "cd" * 32}
SECOND = 1_700_000_000_000_000_000


def seal(body: bytes) -> bytes:
    """Close a plan's body (everything before the checksum's comma) with its checksum."""
    return body + b',"checksum":{"sha256":"%b"}}' % sha256(body).hexdigest().encode()


def spelled(value: dict[str, Any]) -> bytes:
    """Write a plan's fields as a plan is written, with the right checksum."""
    return seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()[:-1])


def item_value(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "path": "/srv/release/model.bin",
        "size": 2500,
        "identity": f"2049 131 {SECOND} {SECOND + 1}",
        "digest": DIGEST,
        "part_size": 1000,
        "parts": "01" * 32 + "02" * 32 + "03" * 32,
    }
    return {**value, **changes}


def plan_value(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = {
        "format": "signkit.plan.v1",
        "request": REQUEST,
        "items": list(items) or [item_value()],
    }
    return {**value, **changes}


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: member for key, member in value.items() if key != name}


def _valid() -> Iterator[Vector]:
    items = {
        "three-parts": item_value(),
        "one-part": item_value(size=1000, parts=""),
        "one-byte-over": item_value(size=1001, parts="01" * 32 + "02" * 32),
        "empty": item_value(size=0, parts=""),
        "ctime-unknown": item_value(identity=f"2049 131 {SECOND} -"),
        "before-1970": item_value(identity="0 0 -1 -1"),
        "64-bit-numbers": item_value(identity=f"{2**64 - 1} {2**64 - 1} {SECOND} {SECOND}"),
        "odd-path": item_value(path='/a "b"\\\n\u202eü'),
        "longest-path": item_value(path="/" + "x" * 4095),
        "largest-part": item_value(size=10**9, part_size=10**9, parts=""),
    }
    for name, item in items.items():
        yield name, spelled(plan_value(item)), "accept"
    yield "two-items", spelled(plan_value(items["one-part"], items["empty"])), "accept"


def _items() -> Iterator[tuple[str, dict[str, Any], str]]:
    for name in item_value():
        yield f"missing-{name.replace('_', '-')}", _without(item_value(), name), "malformed"
    yield "unknown-field", item_value(surprise=1), "malformed"
    for name, path in {"relative": "model.bin", "empty": "", "nul": "/a\0b"}.items():
        yield f"path-{name}", item_value(path=path), "malformed"
    yield "path-number", item_value(path=7), "malformed"
    yield "path-too-long", item_value(path="/" + "x" * 4096), "too-large"
    yield "path-too-many-bytes", item_value(path="/" + "ü" * 2048), "malformed"
    yield "size-negative", item_value(size=-1), "malformed"
    yield "size-text", item_value(size="2500"), "malformed"
    yield "size-boolean", item_value(size=True), "malformed"
    yield "size-too-large", item_value(size=53_687_091_200_001), "malformed"
    yield from _identities()
    yield "digest-upper-case", item_value(digest={"sha256": "CD" * 32}), "not-canonical"
    yield "digest-text", item_value(digest="cd" * 32), "malformed"
    yield from _cuts()


def _identities() -> Iterator[tuple[str, dict[str, Any], str]]:
    for name, identity in {
        "three-numbers": f"2049 131 {SECOND}",
        "five-numbers": f"2049 131 {SECOND} {SECOND} 1",
        "two-spaces": f"2049  131 {SECOND} {SECOND}",
        "leading-zero": f"02049 131 {SECOND} {SECOND}",
        "plus": f"+2049 131 {SECOND} {SECOND}",
        "minus-zero": f"2049 131 -0 {SECOND}",
        "negative-inode": f"2049 -131 {SECOND} {SECOND}",
        "mtime-unknown": f"2049 131 - {SECOND}",
        "foreign-digits": f"٢٠٤٩ 131 {SECOND} {SECOND}",
        "line-feed": f"2049 131 {SECOND} {SECOND}\n",
        "empty": "",
    }.items():
        yield f"identity-{name}", item_value(identity=identity), "malformed"
    yield "identity-number", item_value(identity=2049), "malformed"
    yield "identity-too-long", item_value(identity="1" * 101), "too-large"


def _cuts() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Parts that do not fit the size."""
    yield "part-size-zero", item_value(part_size=0), "malformed"
    yield "part-size-above-1-gb", item_value(part_size=10**9 + 1, parts=""), "malformed"
    parts = item_value()["parts"]
    yield "parts-one-missing", item_value(parts=parts[64:]), "not-canonical"
    yield "parts-one-more", item_value(parts=parts + "04" * 32), "not-canonical"
    yield "parts-half-a-digest", item_value(parts=parts[:-1]), "not-canonical"
    yield "parts-upper-case", item_value(parts=parts[:-64] + "AB" * 32), "not-canonical"
    yield "parts-of-one-part", item_value(size=1000, parts="01" * 32), "not-canonical"
    yield "parts-of-nothing", item_value(size=0, parts="01" * 32), "not-canonical"
    yield "parts-array", item_value(parts=["01" * 32] * 3), "malformed"
    yield "parts-10001", item_value(size=10_001, part_size=1, parts=""), "malformed"


def _plans() -> Iterator[tuple[str, dict[str, Any], str]]:
    for name in plan_value():
        yield f"missing-{name}", _without(plan_value(), name), "malformed"
    yield "unknown-field", plan_value(surprise=1), "malformed"
    yield "format-v2", plan_value(format="signkit.plan.v2"), "malformed"
    yield "format-of-the-checkpoint", plan_value(format="signkit.checkpoint.v1"), "malformed"
    yield "request-null", plan_value(request=None), "malformed"
    yield "request-sha512", plan_value(request={"sha512": "ab" * 64}), "malformed"
    yield "items-none", plan_value(items=[]), "malformed"
    yield "items-object", plan_value(items={}), "malformed"
    yield "item-text", plan_value(items=["/srv/release/model.bin"]), "malformed"
    for name, item, code in _items():
        yield f"item-{name}", plan_value(item), code


def _bytes() -> Iterator[Vector]:
    good = spelled(plan_value())
    body = good[: good.index(b',"checksum"')]
    yield "file-empty", b"", "malformed"
    yield "file-torn", good[: len(good) // 2], "malformed"
    yield "file-no-checksum", body + b"}", "malformed"
    yield "file-line-feed-at-the-end", good + b"\n", "malformed"
    yield (
        "checksum-of-another-plan",
        body + spelled(plan_value(item_value(size=2501)))[-90:],
        "malformed",
    )
    yield "checksum-upper-case", good[:-67] + good[-67:-3].upper() + good[-3:], "malformed"
    yield "checksum-first", b'{"checksum":{"sha256":"' + b"0" * 64 + b'"},' + good[1:], "malformed"
    yield "edited-path", good.replace(b"model.bin", b"other.bin"), "malformed"
    yield "spelled-with-a-space", seal(body.replace(b'":', b'": ', 1)), "not-canonical"
    yield "spelled-with-an-escape", seal(body.replace(b"model", b"mod\\u0065l")), "not-canonical"
    reordered = {name: plan_value()[name] for name in ("format", "items", "request")}
    yield "spelled-in-another-order", spelled(reordered), "not-canonical"
    yield "json-not-utf-8", seal(body.replace(b"model.bin", b"m\xfcdel.bin")), "malformed"
    yield "json-lone-surrogate", seal(body.replace(b"model", b"\\udc80")), "malformed"
    twice = body.replace(b'"part_size":1000', b'"part_size":1000,"part_size":1000')
    yield "json-name-twice", seal(twice), "malformed"
    yield "json-fraction", seal(body.replace(b'"size":2500', b'"size":2500.0')), "malformed"
    yield "json-array", seal(b"[1"), "malformed"


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    cases = [
        *_valid(),
        *((name, spelled(value), code) for name, value, code in _plans()),
        *_bytes(),
    ]
    return lay_out(cases)


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
