"""The vectors of sealed key files: valid ones, and one for each defect. TEST ONLY.

`scripts/vectors` writes them to tests/vectors/sealed-key; a test checks that the stored ones are
these. The outcome is that of parsing and then opening with the passphrase.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nacl.bindings import crypto_secretbox

from signkit.custody.sealed import LEAST_COST, Sealing, _derive, seal_key
from signkit.formats.private_key import PrivateKey
from signkit.formats.sealed_key import PAYLOAD_TYPE, compute_header_digest, parse_sealed_key
from signkit.model.purpose import OPEN, Purpose
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.documents import document
from tests.support.key_files import PASSPHRASE
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.vector_files import lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors" / "sealed-key"
CREATED = "2026-01-31T12:00:00Z"
PURPOSE = Purpose(
    role="release",
    artifacts=("ML-Model",),
    targets=("aarch64-*",),
    schemes=("peridio", "statement"),
    not_before=None,
    not_after="2026-07-01T00:00:00Z",
    most_signatures=1000,
)
Vector = tuple[str, bytes, str]


def _counted(size: int) -> bytes:
    return bytes(range(size))


def sealed_file(
    purpose: Purpose = PURPOSE, key: KeyOfTest = PROD, predecessor: str | None = None
) -> bytes:
    """A sealed key file that opens in no time, and is the same each time."""
    sealing = Sealing(purpose=purpose, predecessor=predecessor, created=CREATED, cost=LEAST_COST)
    return seal_key(PrivateKey(key.seed), sealing, passphrase=PASSPHRASE, random=_counted)


def payload_value(data: bytes) -> dict[str, Any]:
    """The payload of a sealed key file."""
    value = json.loads(b64decode(json.loads(data)["payload"]))
    assert isinstance(value, dict)
    return value


def signed(payload: object, key: KeyOfTest = PROD) -> bytes:
    """A file of any payload, signed by any key."""
    return encode_json(document(PAYLOAD_TYPE, payload, key))


def _mixed_box(key: KeyOfTest, purpose: Purpose) -> str:
    """The box of a key that was sealed with another header than that of `sealed_file()`."""
    header = parse_sealed_key(sealed_file()).header
    other = parse_sealed_key(sealed_file(purpose)).header
    sealed = key.seed + compute_header_digest(other)
    return encode_base64(crypto_secretbox(sealed, header.nonce, _derive(PASSPHRASE, header)))


def _field_defects() -> Iterator[tuple[str, str, Any, str]]:
    labels = ["x"] * 65
    yield "keyid-of-another", "keyid", SPARE.public_key.keyid, "malformed"
    yield "keyid-upper-case", "keyid", PROD.public_key.keyid.upper(), "not-canonical"
    yield "created-with-offset", "created", "2026-01-31T12:00:00+00:00", "malformed"
    yield "role-empty", "role", "", "malformed"
    yield "role-control-character", "role", "a\x1b[2J", "malformed"
    for name in ("artifacts", "targets"):
        yield f"{name}-none", name, [], "malformed"
        yield f"{name}-null", name, None, "malformed"
        yield f"{name}-65", name, labels, "too-large"
        yield f"{name}-not-a-text", name, [7], "malformed"
        yield f"{name}-too-long", name, ["x" * 129], "too-large"
    yield "schemes-none", "schemes", [], "malformed"
    yield "schemes-twice", "schemes", ["statement", "statement"], "malformed"
    yield "schemes-17", "schemes", [f"s{n}" for n in range(17)], "too-large"
    yield "not_after-fraction", "not_after", "2026-07-01T00:00:00.0Z", "malformed"
    yield "not_before-no-such-day", "not_before", "2026-02-29T00:00:00Z", "malformed"
    yield "window-reversed", "not_before", "2026-07-01T00:00:00Z", "malformed"
    yield "most_signatures-zero", "most_signatures", 0, "malformed"
    yield "most_signatures-boolean", "most_signatures", True, "malformed"
    yield "most_signatures-text", "most_signatures", "1000", "malformed"
    yield "predecessor-itself", "predecessor", PROD.public_key.keyid, "malformed"
    yield "predecessor-short", "predecessor", "ab" * 31, "not-canonical"
    yield "nonce-short", "nonce", encode_base64(bytes(23)), "malformed"
    yield "box-short", "box", encode_base64(bytes(79)), "malformed"
    yield "box-altered", "box", encode_base64(bytes(80)), "key-locked"
    yield "box-of-another-key", "box", _mixed_box(SPARE, PURPOSE), "custody"
    yield "box-of-another-purpose", "box", _mixed_box(PROD, OPEN), "custody"


def _kdf_defects() -> Iterator[tuple[str, str, Any, str]]:
    mib = 1024 * 1024
    yield "kdf-argon2i", "name", "argon2i13", "malformed"
    yield "kdf-salt-short", "salt", encode_base64(bytes(15)), "malformed"
    yield "kdf-passes-2", "passes", 2, "malformed"
    yield "kdf-passes-1025", "passes", 1025, "too-large"
    yield "kdf-memory-too-little", "memory", 63 * mib, "malformed"
    yield "kdf-memory-too-much", "memory", 1025 * mib, "too-large"
    yield "kdf-memory-no-whole-kib", "memory", 64 * mib + 1, "malformed"
    yield "kdf-memory-boolean", "memory", True, "malformed"
    yield "kdf-unknown-field", "lanes", 1, "malformed"


def _invalid() -> Iterator[Vector]:
    good = payload_value(sealed_file())
    for name, field, value, code in _field_defects():
        yield name, signed(good | {field: value}), code
    for name, field, value, code in _kdf_defects():
        yield name, signed(good | {"kdf": good["kdf"] | {field: value}}), code
    work = good["kdf"] | {"passes": 1024, "memory": 65 * 1024 * 1024}
    yield "kdf-work-too-much", signed(good | {"kdf": work}), "too-large"
    for field in good:
        yield f"missing-{field}", signed({k: v for k, v in good.items() if k != field}), "malformed"
    for field in good["kdf"]:
        less = {k: v for k, v in good["kdf"].items() if k != field}
        yield f"missing-kdf-{field}", signed(good | {"kdf": less}), "malformed"
    yield "unknown-field", signed(good | {"comment": ""}), "malformed"
    # Somebody without the passphrase: a header of their own, signed by a key of their own.
    stranger = good | {"keyid": STRANGER.public_key.keyid, "artifacts": ["*"]}
    yield "resigned-by-a-stranger", signed(stranger, STRANGER), "custody"
    yield "signed-by-another-key", signed(good, STRANGER), "malformed"


def _spellings() -> Iterator[Vector]:
    data = sealed_file()
    good = payload_value(data)
    envelope = json.loads(data)
    wider = encode_json(good).replace(b"ML-Model", b"ML-Mode*")
    changed = {**envelope, "payload": encode_base64(wider)}
    yield "purpose-changed", encode_json(changed), "signature-invalid"
    yield "spelled-with-spaces", signed(json.dumps(good).encode()), "not-canonical"
    reordered = {name: good[name] for name in reversed(good)}
    yield "spelled-in-another-order", signed(reordered), "not-canonical"
    yield "file-with-a-newline", data + b"\n", "not-canonical"
    yield "file-truncated", data[:-1], "malformed"
    other = document("application/vnd.signkit.request.v1+json", good, PROD)
    yield "another-type", encode_json(other), "malformed"
    yield (
        "key-not-carried",
        encode_json(document(PAYLOAD_TYPE, good, PROD, carry_key=False)),
        "malformed",
    )


def vectors() -> dict[str, tuple[bytes, str]]:
    """Return by file: bytes and the expected outcome ("accept" or an error code)."""
    spare = SPARE.public_key.keyid
    full = Purpose(artifacts=("a*b", "ü"), targets=("*",) * 64, not_before=CREATED)
    cases = [
        ("release", sealed_file(), "accept"),
        ("open-purpose", sealed_file(OPEN), "accept"),
        ("successor", sealed_file(full, predecessor=spare), "accept"),
        *_invalid(),
        *_spellings(),
    ]
    return lay_out(cases)


if __name__ == "__main__":
    write_vectors(FOLDER, vectors())
