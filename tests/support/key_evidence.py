"""The vectors of key evidence: valid files, and one for each defect. TEST ONLY.

`scripts/vectors` writes them to tests/vectors/key-evidence; a test checks that the stored ones are
these. The keys are those of `keys.py`, and no token ever held them.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from signkit.formats.key_evidence import (
    PAYLOAD_TYPE,
    KeyFacts,
    KeyReport,
    LibraryReport,
    TokenReport,
    encode_key_evidence,
)
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.documents import document
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.vector_files import lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "key-evidence"
CREATED = "2026-01-31T12:00:00Z"
CHALLENGE = bytes(range(32))
MADE_THERE = KeyFacts(
    library=LibraryReport(
        manufacturer="SoftHSM",
        description="Implementation of PKCS11",
        version="2.6",
        cryptoki_version="2.40",
    ),
    token=TokenReport(
        label="vault",
        serial="b8e1bbeb6cd06e1a",
        manufacturer="SoftHSM project",
        model="SoftHSM v2",
        hardware_version="2.6",
        firmware_version="2.6",
    ),
    key=KeyReport(
        label="prod",
        key_id=b"\x01",
        generation="CKM_EC_EDWARDS_KEY_PAIR_GEN",
        local=True,
        sensitive=True,
        always_sensitive=True,
        extractable=False,
        never_extractable=True,
    ),
    certificates=(b"\x30\x00", b"\x30\x01\x00"),
)
SILENT = KeyFacts(
    library=LibraryReport(manufacturer=None, description=None, version=None, cryptoki_version=None),
    token=TokenReport(
        label=None,
        serial=None,
        manufacturer=None,
        model=None,
        hardware_version=None,
        firmware_version=None,
    ),
    key=KeyReport(
        label=None,
        key_id=b"",
        generation=None,
        local=None,
        sensitive=None,
        always_sensitive=None,
        extractable=None,
        never_extractable=None,
    ),
    certificates=(),
)
FLAGS = ("local", "sensitive", "always_sensitive", "extractable", "never_extractable")
Vector = tuple[str, bytes, str]


def evidence_file(facts: KeyFacts = MADE_THERE, key: KeyOfTest = PROD) -> bytes:
    """A file of evidence that is the same each time."""
    return encode_key_evidence(facts, key, created=CREATED, challenge=CHALLENGE)


def payload_value(data: bytes) -> dict[str, Any]:
    """The payload of a file of evidence."""
    value = json.loads(b64decode(json.loads(data)["payload"]))
    assert isinstance(value, dict)
    return value


def signed(payload: object, key: KeyOfTest = PROD) -> bytes:
    """A file of any payload, signed by any key."""
    return encode_json(document(PAYLOAD_TYPE, payload, key))


def _field_defects() -> Iterator[tuple[str, dict[str, Any], str]]:
    one, two = encode_base64(b"\x30\x00"), encode_base64(b"\x30\x01\x00")
    yield "notice-of-our-own", {"notice": "this token is certified"}, "malformed"
    yield "keyid-of-another", {"keyid": SPARE.public_key.keyid}, "malformed"
    yield "created-with-offset", {"created": "2026-01-31T12:00:00+00:00"}, "malformed"
    yield "challenge-short", {"challenge": encode_base64(bytes(31))}, "malformed"
    yield "challenge-null", {"challenge": None}, "malformed"
    yield "certificates-null", {"certificates": None}, "malformed"
    yield "certificates-not-a-text", {"certificates": [7]}, "malformed"
    yield "certificates-empty-one", {"certificates": [""]}, "too-large"
    yield "certificates-large", {"certificates": [encode_base64(bytes(8193))]}, "too-large"
    many = [encode_base64(bytes([place])) for place in range(17)]
    yield "certificates-17", {"certificates": many}, "too-large"
    yield "certificates-twice", {"certificates": [one, one]}, "not-canonical"
    yield "certificates-unsorted", {"certificates": [two, one]}, "not-canonical"
    yield "certificates-base64-of-another-spelling", {"certificates": ["MAB="]}, "not-canonical"


def _member_defects(good: dict[str, Any]) -> Iterator[Vector]:
    def changed(member: str, **fields: Any) -> bytes:
        return signed(good | {member: good[member] | fields})

    yield "token-label-empty", changed("token", label=""), "malformed"
    yield "token-label-long", changed("token", label="x" * 129), "too-large"
    yield "token-label-with-an-escape", changed("token", label="a\x1b[2J"), "malformed"
    yield "token-serial-a-number", changed("token", serial=7), "malformed"
    yield "library-version-a-number", changed("library", version=2), "malformed"
    yield "key-id-long", changed("key", id=encode_base64(bytes(256))), "too-large"
    yield "key-id-null", changed("key", id=None), "malformed"
    for name in FLAGS:
        yield f"key-{name}-a-number", changed("key", **{name: 1}), "malformed"
        yield f"key-{name}-a-text", changed("key", **{name: "true"}), "malformed"
    for member in ("library", "token", "key"):
        yield f"{member}-null", signed(good | {member: None}), "malformed"
        yield f"{member}-unknown-field", changed(member, certified=True), "malformed"
        for name in good[member]:
            less = {k: v for k, v in good[member].items() if k != name}
            yield f"missing-{member}-{name}", signed(good | {member: less}), "malformed"


def _invalid() -> Iterator[Vector]:
    good = payload_value(evidence_file())
    for name, fields, code in _field_defects():
        yield name, signed(good | fields), code
    yield from _member_defects(good)
    for field in good:
        yield f"missing-{field}", signed({k: v for k, v in good.items() if k != field}), "malformed"
    yield "unknown-field", signed(good | {"comment": ""}), "malformed"
    yield "signed-by-another-key", signed(good, STRANGER), "malformed"


def _spellings() -> Iterator[Vector]:
    data = evidence_file()
    good, envelope = payload_value(data), json.loads(data)
    better = encode_json(good).replace(b'"never_extractable":true', b'"never_extractable":null')
    changed = {**envelope, "payload": encode_base64(better)}
    yield "attribute-changed", encode_json(changed), "signature-invalid"
    yield "spelled-with-spaces", signed(json.dumps(good).encode()), "not-canonical"
    reordered = {name: good[name] for name in reversed(good)}
    yield "spelled-in-another-order", signed(reordered), "not-canonical"
    yield "file-with-a-newline", data + b"\n", "not-canonical"
    yield "file-truncated", data[:-1], "malformed"
    other = document("application/vnd.signkit.sealed-key.v1+json", good, PROD)
    yield "another-type", encode_json(other), "malformed"
    bare = document(PAYLOAD_TYPE, good, PROD, carry_key=False)
    yield "key-not-carried", encode_json(bare), "malformed"


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    brought = replace(
        MADE_THERE,
        key=replace(
            MADE_THERE.key,
            generation=None,
            local=False,
            always_sensitive=False,
            never_extractable=False,
        ),
        certificates=(),
    )
    cases = [
        ("made-on-the-token", evidence_file(), "accept"),
        ("brought-in", evidence_file(brought), "accept"),
        ("says-nothing", evidence_file(SILENT), "accept"),
        *_invalid(),
        *_spellings(),
    ]
    return lay_out(cases)


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
