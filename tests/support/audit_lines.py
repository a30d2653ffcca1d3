"""The vectors of the registry's audit: valid ones, and one for each defect. TEST ONLY.

`scripts/vectors` writes them to tests/vectors/registry-audit; a test checks that the stored ones
are these.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from signkit.formats.chain import EMPTY_HEAD
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.keys import PROD, STATION
from tests.support.vector_files import Vector, lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "registry-audit"
Value = dict[str, Any]

ORGANIZATION = "8ced1740-7fbf-407e-9d6e-afec9399cc41"
OTHER = "00000000-0000-4000-8000-000000000000"
_BINARY = "0be2d1c6-6f5c-4b1c-9d1e-4e1c3f0a7a11"
_VERSION = "6ab0d328-3f2d-44a4-9f0a-5e5cbb1b7a22"
_HASH = "403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b"
LEDGER = {"station": STATION.public_key.keyid, "sequence": 7, "head": {"sha256": "07" * 32}}


def event(**changes: Any) -> Value:
    """One line's own fields; what is not given is that of a binary made by a token."""
    made = {
        "artifact_version": _VERSION,
        "target": "any",
        "state": "uploadable",
        "revision": 0,
        "hash": _HASH,
        "size": 14,
        "description": None,
        "custom_metadata": None,
    }
    return {
        "organization": ORGANIZATION,
        "time": "2026-01-31T12:00:00Z",
        "actor": {"kind": "token", "name": "build-7"},
        "request": "kX2mPq81LrTzAb0WcDeF",
        "resource": {"kind": "binary", "id": _BINARY},
        "before": None,
        "after": made,
        "ledger": None,
        **changes,
    }


def lines_of(*events: Value) -> list[bytes]:
    """The lines of a chain, without their line feeds."""
    lines: list[bytes] = []
    for value in events:
        previous = compute_digest(lines[-1]) if lines else EMPTY_HEAD
        place = {"sequence": len(lines) + 1, "previous": {"sha256": previous.hex()}}
        lines.append(encode_json({**place, **value}))
    return lines


def joined(lines: list[bytes]) -> bytes:
    """A file of lines."""
    return b"".join(line + b"\n" for line in lines)


def _change(before: object, after: object, **more: Any) -> Value:
    return event(before={"state": before}, after={"state": after}, **more)


LIFE = (
    event(
        actor={"kind": "operator", "name": "ana@registry"},
        request=None,
        resource={"kind": "organization", "id": ORGANIZATION},
        after={"name": "default"},
    ),
    event(),
    _change("uploadable", "hashable"),
    _change("hashable", "hashing"),
    _change("hashing", "signable", actor={"kind": "registry", "name": "registry"}, request=None),
    event(
        resource={"kind": "binary_signature", "id": _VERSION},
        after={"binary": _BINARY, "keyid": PROD.public_key.keyid, "signature": "00" * 64},
        ledger=LEDGER,
    ),
    _change("signable", "signed", ledger=LEDGER),
    event(
        resource={"kind": "binary_signature", "id": _VERSION},
        before={"binary": _BINARY, "keyid": PROD.public_key.keyid, "signature": "00" * 64},
        after=None,
    ),
)


def _fields() -> Iterator[Vector]:
    wrong: dict[str, Value] = {
        "organization-upper-case": {"organization": ORGANIZATION.upper()},
        "organization-bare": {"organization": ORGANIZATION.replace("-", "")},
        "time-with-fraction": {"time": "2026-01-31T12:00:00.5Z"},
        "actor-kind-unknown": {"actor": {"kind": "user", "name": "x"}},
        "actor-without-a-name": {"actor": {"kind": "token", "name": ""}},
        "actor-unknown-field": {"actor": {"kind": "token", "name": "x", "id": 1}},
        "actor-text": {"actor": "build-7"},
        "request-number": {"request": 1},
        "resource-id-no-uuid": {"resource": {"kind": "binary", "id": "1"}},
        "resource-without-a-kind": {"resource": {"id": _BINARY}},
        "resource-unknown-field": {"resource": {"kind": "binary", "id": _BINARY, "prn": "x"}},
        "nothing-before-nor-after": {"before": None, "after": None},
        "after-empty": {"after": {}},
        "after-an-array": {"after": []},
        "after-a-fraction": {"after": {"size": [1]}},
        "after-true": {"after": {"size": True}},
        "after-with-control-characters": {"after": {"name": "a\x1b[31m"}},
        "before-and-after-differ-in-names": {"before": {"state": "a"}, "after": {"hash": "b"}},
        "ledger-text": {"ledger": "07" * 32},
        "ledger-sequence-zero": {"ledger": {**LEDGER, "sequence": 0}},
        "ledger-station-upper-case": {"ledger": {**LEDGER, "station": "AB" * 32}},
        "ledger-unknown-field": {"ledger": {**LEDGER, "name": "x"}},
        "unknown-field": {"signature": "x"},
    }
    codes = {"ledger-station-upper-case": "malformed"}
    for name, changes in wrong.items():
        yield name, joined(lines_of(event(**changes))), codes.get(name, "malformed")
    for name in event():
        short = {field: value for field, value in event().items() if field != name}
        yield f"without-{name}", joined(lines_of(short)), "malformed"
    many = {f"field-{number}": number for number in range(33)}
    yield "after-33-fields", joined(lines_of(event(after=many))), "malformed"


def _chains() -> Iterator[Vector]:
    whole = lines_of(*LIFE)
    yield "line-missing", joined([*whole[:2], *whole[3:]]), "malformed"
    yield "lines-swapped", joined([whole[0], whole[2], whole[1], *whole[3:]]), "malformed"
    yield "line-twice", joined([*whole[:2], whole[1]]), "malformed"
    edited = whole[1].replace(b'"target":"any"', b'"target":"all"')
    assert edited != whole[1]
    yield "line-edited", joined([whole[0], edited, *whole[2:]]), "malformed"
    yield "first-line-missing", joined(whole[1:]), "malformed"
    yield "spelled-with-spaces", joined([whole[0].replace(b'":', b'": ', 1)]), "malformed"
    yield "torn", joined(whole)[:-9], "malformed"
    yield "without-its-last-line-feed", joined(whole)[:-1], "malformed"
    yield "no-json", b"{\n", "malformed"
    yield "empty-line", joined([whole[0], b""]), "malformed"
    moved = event(organization=OTHER)
    yield "of-two-organizations", joined(lines_of(LIFE[0], moved)), "context"
    other = {**LEDGER, "head": {"sha256": "08" * 32}}
    forked = _change("signable", "signed", ledger=other)
    yield "ledger-with-two-heads", joined(lines_of(*LIFE, forked)), "conflict"


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    cases = [
        ("life", joined(lines_of(*LIFE)), "accept"),
        ("empty", b"", "accept"),
        *_fields(),
        *_chains(),
    ]
    return lay_out(cases, suffix=".jsonl")


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
