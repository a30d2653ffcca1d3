"""The vectors of the documents: valid ones, and one for each defect with the code it must give.

`scripts/vectors` writes them to tests/vectors; a test checks that the stored ones are these.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from signkit.verify.encoding import encode_base64, encode_json
from tests.support.combined_vectors import combined_vectors
from tests.support.documents import (
    REQUEST_TYPE,
    RESPONSE_TYPE,
    STATEMENT_TYPE,
    TRUST_TYPE,
    document,
    item_value,
    key_value,
    request_file,
    request_value,
    response_file,
    response_value,
    result_value,
    statement_envelope,
    statement_value,
    trust_file,
    trust_value,
)
from tests.support.keys import PROD, REQUESTER, ROOT, SPARE, STATION, STRANGER, KeyOfTest
from tests.support.vector_files import Vector, lay_out, write_vectors

FOLDER = Path(__file__).parents[1] / "vectors"


def _changed(value: dict[str, Any], path: str, change: Any) -> dict[str, Any]:
    """Return a copy with the field at a dotted path set, or removed where change is ...."""
    copy = deepcopy(value)
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place: Any = copy
    for part in parents:
        place = place[part]
    if change is ...:
        del place[last]
    else:
        place[last] = change
    return copy


_TEXT = {
    "control-character": ("a\x1b[2Jb", "malformed"),
    "empty": ("", "malformed"),
    "too-long": ("x" * 129, "too-large"),
    "not-a-text": (7, "malformed"),
}
_INTEGER = {
    "negative": (-1, "malformed"),
    "text": ("1", "malformed"),
    "boolean": (True, "malformed"),
    "null": (None, "malformed"),
}
_DIGEST = {
    "upper-case": ({"sha256": "AB" * 32}, "not-canonical"),
    "short": ({"sha256": "ab" * 31}, "not-canonical"),
    "prefixed": ("sha256:" + "ab" * 32, "malformed"),
    "sha512": ({"sha512": "ab" * 64}, "malformed"),
    "two-algorithms": ({"sha256": "ab" * 32, "sha512": "cd" * 64}, "malformed"),
}
_TIME = {
    "offset": ("2026-01-31T12:00:00+00:00", "malformed"),
    "fraction": ("2026-01-31T12:00:00.000Z", "malformed"),
    "no-such-day": ("2026-02-29T12:00:00Z", "malformed"),
    "leap-second": ("2026-12-31T23:59:60Z", "malformed"),
    "foreign-digits": ("٢٠٢٦-01-31T12:00:00Z", "malformed"),
}


def _field_defects(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every field missing, and a field too many, at every object of a value."""
    yield "unknown-field", {**value, "surprise": 1}, "malformed"
    for name in value:
        yield f"missing-{name.strip('_')}", _changed(value, name, ...), "malformed"


def _kinds(
    value: dict[str, Any], path: str, kinds: dict[str, tuple[Any, str]]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    for kind, (change, code) in kinds.items():
        name = path.replace(".", "-").strip("_")
        yield f"{name}-{kind}", _changed(value, path, change), code


def _request_payloads() -> Iterator[tuple[str, dict[str, Any], str]]:
    value = request_value()
    yield from _field_defects(value)
    yield from _kinds(value, "requester", _TEXT)
    yield from _kinds(value, "created", _TIME)
    yield from _kinds(value, "previous_response", _DIGEST)
    yield "reason-too-long", _changed(value, "reason", "x" * 2001), "too-large"
    yield "reason-escape", _changed(value, "reason", "\x1b]0;x"), "malformed"
    yield "no-items", {**value, "items": []}, "malformed"
    yield "items-not-an-array", {**value, "items": {}}, "malformed"
    for name, item, code in _request_items():
        yield f"item-{name}", request_value(item), code
    early = item_value(expires="2026-01-31T12:00:00Z")
    yield "item-expires-when-created", request_value(early), "malformed"
    twins = request_value(item_value(), item_value(name="other.bin"))
    yield "two-items-for-one-place", twins, "malformed"


def _request_items() -> Iterator[tuple[str, dict[str, Any], str]]:
    value = item_value()
    yield from _field_defects(value)
    for label in ("artifact", "version", "target"):
        yield from _kinds(value, label, _TEXT)
    for number in ("size", "sequence"):
        yield from _kinds(value, number, _INTEGER)
    yield "sequence-zero", item_value(sequence=0), "malformed"
    yield "size-too-large", item_value(size=53_687_091_200_001), "malformed"
    yield from _kinds(value, "digest", _DIGEST)
    yield from _kinds(value, "expires", _TIME)
    for kind, name in {"path": "../model.bin", "dots": "..", "nul": "a\0b"}.items():
        yield f"name-{kind}", item_value(name=name), "malformed"
    yield "name-backslash", item_value(name="a\\b"), "malformed"
    yield "metadata-array", item_value(custom_metadata=[]), "malformed"
    yield "metadata-null", item_value(custom_metadata=None), "malformed"
    yield "metadata-reserved", item_value(custom_metadata={"signkit": {}}), "malformed"
    deep: dict[str, Any] = {}
    for _ in range(33):
        deep = {"a": deep}
    yield "metadata-too-deep", item_value(custom_metadata=deep), "malformed"
    yield "wanted-nothing", item_value(wanted=[]), "malformed"
    twice = [{"scheme": "peridio", "role": "release"}] * 2
    yield "wanted-twice", item_value(wanted=twice), "malformed"


def _response_payloads() -> Iterator[tuple[str, dict[str, Any], str]]:
    value = response_value()
    yield from _field_defects(value)
    for digest in ("request", "ledger_before", "ledger_after", "transcript"):
        yield from _kinds(value, digest, _DIGEST)
    yield from _kinds(value, "station", _TEXT)
    yield from _kinds(value, "sequence", _INTEGER)
    yield from _kinds(value, "created", _TIME)
    yield "no-items", {**value, "items": []}, "malformed"
    yield "key-twice", {**value, "keys": [key_value(), key_value()]}, "malformed"
    wrong = {**key_value(), "keyid": SPARE.public_key.keyid}
    yield "key-with-the-keyid-of-another", {**value, "keys": [wrong]}, "malformed"
    small = {**key_value(), "public_key": encode_base64(b"\x01" + bytes(31))}
    yield "key-of-small-order", {**value, "keys": [small]}, "key-refused"
    yield "keys-missing-the-signer", {**value, "keys": [key_value(SPARE)]}, "malformed"
    for name, item, code in _response_items():
        yield f"item-{name}", response_value(item), code


def _response_items() -> Iterator[tuple[str, dict[str, Any], str]]:
    value = result_value()
    yield from _field_defects(value)
    yield from _kinds(value, "digest", _DIGEST)
    yield "out-of-order", result_value(item=1), "malformed"
    yield "content-unknown", result_value(content="maybe"), "malformed"
    yield "neither-signature-nor-error", result_value(signatures=[]), "malformed"
    error = {"code": "file", "message": "it is not there"}
    yield "both-signature-and-error", result_value(error=error), "malformed"
    twice = [*value["signatures"], value["signatures"][0]]
    yield "signature-twice", result_value(signatures=twice), "malformed"
    yield "signature-value-number", _changed(value, "signatures.0.value", 7), "malformed"


def _statement_payloads() -> Iterator[tuple[str, dict[str, Any], str]]:
    value = statement_value()
    yield from _field_defects(value)
    for name, predicate, code in _field_defects(value["predicate"]):
        yield f"predicate-{name}", {**value, "predicate": predicate}, code
    for label in ("artifact", "version", "target"):
        yield from _kinds(value, f"predicate.{label}", _TEXT)
    for number in ("size", "sequence"):
        yield from _kinds(value, f"predicate.{number}", _INTEGER)
    for time in ("issued", "expires"):
        yield from _kinds(value, f"predicate.{time}", _TIME)
    yield from _kinds(value, "predicate.custom_metadata", _DIGEST)
    yield from _kinds(value, "subject.0.digest", _DIGEST)
    yield "subject-name-path", _changed(value, "subject.0.name", "/etc/passwd"), "malformed"
    yield "subject-none", {**value, "subject": []}, "malformed"
    yield "subject-two", {**value, "subject": value["subject"] * 2}, "too-large"
    yield "type-v0", {**value, "_type": "https://in-toto.io/Statement/v0.1"}, "malformed"
    other = "https://slsa.dev/provenance/v1"
    yield "predicate-type-other", {**value, "predicateType": other}, "malformed"
    early = statement_value(expires="2026-01-31T12:00:00Z")
    yield "expires-when-issued", early, "malformed"


def _trust_payloads() -> Iterator[tuple[str, dict[str, Any], str]]:
    value = trust_value()
    yield from _field_defects(value)
    yield from _kinds(value, "version", _INTEGER)
    yield "version-zero", {**value, "version": 0}, "malformed"
    yield from _kinds(value, "expires", _TIME)
    for role in ("root", "release"):
        yield from _thresholds(value, role)
    keyid = PROD.public_key.keyid
    twice = _changed(value, "roles.release.keys", [keyid, keyid])
    yield "role-key-twice", twice, "malformed"
    unknown = _changed(value, "roles.release.keys", [STRANGER.public_key.keyid])
    yield "role-key-unknown", unknown, "malformed"
    root, release = value["roles"]["root"], value["roles"]["release"]
    yield "role-root-only", {**value, "roles": {"root": root}}, "malformed"
    yield "role-root-missing", {**value, "roles": {"release": release, "x": release}}, "malformed"
    yield "roles-not-an-object", {**value, "roles": [root, release]}, "malformed"
    many = {f"r{place}": release for place in range(64)}
    yield "roles-65", {**value, "roles": {"root": root, **many}}, "malformed"
    for kind, (name, code) in _TEXT.items():
        if isinstance(name, str):
            roles = {**value["roles"], name: release}
            yield f"role-name-{kind}", {**value, "roles": roles}, code
    scoped = {**root, "artifacts": ["*"], "targets": ["*"], "not_before": None, "not_after": None}
    yield "role-root-with-a-scope", _changed(value, "roles.root", scoped), "malformed"
    yield "role-without-a-scope", _changed(value, "roles.release", root), "malformed"
    for name, broken, code in _field_defects(release):
        yield f"role-{name}", _changed(value, "roles.release", broken), code
    for bound in ("not_before", "not_after"):
        yield from _kinds(value, f"roles.release.{bound}", _TIME)
    noon = {"not_before": "2026-06-01T12:00:00Z"}
    for kind, end in {"empty": "2026-06-01T12:00:00Z", "reversed": "2026-06-01T11:59:59Z"}.items():
        window = {**release, **noon, "not_after": end}
        yield f"window-{kind}", _changed(value, "roles.release", window), "malformed"
    yield "globs-empty", _changed(value, "roles.release.artifacts", []), "malformed"
    yield "glob-not-a-text", _changed(value, "roles.release.targets", [7]), "malformed"
    yield "key-idle", _changed(value, "roles.release.keys", [keyid]), "malformed"
    named = {**value["keys"], STRANGER.public_key.keyid: value["keys"][keyid]}
    yield "key-under-two-keyids", {**value, "keys": named}, "malformed"
    upper = {k.upper(): v for k, v in value["keys"].items()}
    yield "keyids-upper-case", {**value, "keys": upper}, "not-canonical"


def _thresholds(value: dict[str, Any], role: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Row P08 of the attacks: what is no threshold."""
    bad = {
        "zero": 0,
        "negative": -1,
        "null": None,
        "text": "1",
        "boolean": True,
        "fraction": 1.0,
        "huge": 2**64,
        "above-its-keys": len(value["roles"][role]["keys"]) + 1,
        "missing": ...,
    }
    for kind, change in bad.items():
        broken = _changed(value, f"roles.{role}.threshold", change)
        yield f"threshold-of-{role}-{kind}", broken, "malformed"


def _valid_trust() -> Iterator[Vector]:
    yield "one-root-two-release", trust_file(), "accept"
    value = trust_value(version=7, expires="2036-01-31T00:00:00Z")
    release = value["roles"]["release"]
    windowed = {
        **release,
        "not_before": "2026-06-01T00:00:00Z",
        "not_after": "2026-07-01T00:00:00Z",
    }
    names = ("../../etc/passwd", "CON", "%s", ".", "роль", "a b")
    value["roles"] |= {name: {**windowed, "targets": ["*"]} for name in names}
    yield "unusual-role-names-and-windows", trust_file(value), "accept"
    value = trust_value()
    value["roles"] |= {f"r{place}": release for place in range(62)}
    yield "sixty-four-roles", trust_file(value), "accept"


def _envelope_defects(value: dict[str, Any], signer: KeyOfTest) -> Iterator[Vector]:
    """Defects of the outside, the same for every document."""
    data = encode_json(value)
    for name, broken, code in _field_defects(value):
        yield f"envelope-{name}", encode_json(broken), code
    payload = value["payload"]
    first = value["signatures"][0]
    unpadded = {"payload": payload.rstrip("=") + "=" * (not payload.endswith("="))}
    yield "envelope-base64-padding", encode_json({**value, **unpadded}), "not-canonical"
    spaced = {**value, "payload": payload[:4] + "\n" + payload[4:]}
    yield "envelope-base64-line-break", encode_json(spaced), "not-canonical"
    other = {**value, "payloadType": "application/json"}
    yield "envelope-other-type", encode_json(other), "malformed"
    yield "envelope-no-signatures", encode_json({**value, "signatures": []}), "malformed"
    yield "envelope-signed-twice", encode_json({**value, "signatures": [first] * 2}), "malformed"
    many = {**value, "signatures": [first] * 65}
    yield "envelope-65-signatures", encode_json(many), "too-large"
    short = {**first, "sig": encode_base64(bytes(63))}
    yield "envelope-short-signature", encode_json({**value, "signatures": [short]}), "malformed"
    upper = {**first, "keyid": first["keyid"].upper()}
    yield "envelope-keyid-upper", encode_json({**value, "signatures": [upper]}), "not-canonical"
    later = b64decode(payload).replace(b"2026-01", b"2026-03", 1)
    changed = {**value, "payload": encode_base64(later)}
    yield "envelope-payload-changed", encode_json(changed), "signature-invalid"
    yield "json-duplicate-name", b'{"payloadType":"x",' + data[1:], "malformed"
    yield "json-bom", b"\xef\xbb\xbf" + data, "malformed"
    yield "json-utf16", data.decode().encode("utf-16"), "malformed"
    yield "json-trailing-brace", data + b"}", "malformed"
    yield "json-truncated", data[: len(data) // 2], "malformed"
    yield "json-empty", b"", "malformed"
    yield "json-array", b"[]", "malformed"
    yield "json-nan", data[:-1] + b',"x":NaN}', "malformed"
    yield "json-float", data[:-1] + b',"x":1.0}', "malformed"
    yield "json-big-integer", data[:-1] + b',"x":9007199254740992}', "malformed"
    yield "json-lone-surrogate", data[:-1] + b',"x":"\\ud800"}', "malformed"
    yield "json-deep", b"[" * 20_000, "malformed"
    assert signer.public_key.keyid == first["keyid"]


def _second_spellings(data: bytes) -> Iterator[Vector]:
    """Whole, authentic, and still refused: a request or response has one spelling."""
    yield "spelled-with-a-newline", data + b"\n", "not-canonical"
    yield "spelled-with-spaces", data.replace(b'":', b'": ', 1), "not-canonical"
    value = json.loads(data)
    reordered = {name: value[name] for name in reversed(value)}
    yield "spelled-in-another-order", encode_json(reordered), "not-canonical"
    escaped = data.replace(b"payload", b"p\\u0061yload", 1)
    yield "spelled-with-an-escape", escaped, "not-canonical"


def _signed(kind: str, signer: KeyOfTest, payloads: Any, *, carry_key: bool) -> Iterator[Vector]:
    for name, payload, code in payloads:
        yield name, encode_json(document(kind, payload, signer, carry_key=carry_key)), code


def vectors() -> dict[str, dict[str, tuple[bytes, str]]]:
    """Return by format and file: bytes and the expected outcome ("accept" or an error code)."""
    statement = encode_json(statement_envelope())
    release = ("release", statement, "accept")
    files: dict[str, list[Vector]] = {
        "request": [
            *_valid_requests(),
            *_signed(REQUEST_TYPE, REQUESTER, _request_payloads(), carry_key=True),
            *_envelope_defects(json.loads(request_file()), REQUESTER),
            *_second_spellings(request_file()),
            *_without_key(json.loads(request_file())),
        ],
        "response": [
            *_valid_responses(),
            *_signed(RESPONSE_TYPE, STATION, _response_payloads(), carry_key=True),
            *_envelope_defects(json.loads(response_file()), STATION),
            *_second_spellings(response_file()),
            *_without_key(json.loads(response_file())),
        ],
        "combined": list(combined_vectors()),
        "statement": [
            release,
            *_valid_statements(),
            *_signed(STATEMENT_TYPE, PROD, _statement_payloads(), carry_key=False),
            *_envelope_defects(json.loads(statement), PROD),
        ],
        "trust": [
            *_valid_trust(),
            *_signed(TRUST_TYPE, ROOT, _trust_payloads(), carry_key=False),
            *_envelope_defects(json.loads(trust_file()), ROOT),
            ("signed-by-a-release-key", trust_file(signer=PROD), "unknown-key"),
            ("signed-by-a-stranger", trust_file(signer=STRANGER), "unknown-key"),
        ],
    }
    return {kind: lay_out(cases) for kind, cases in files.items()}


def _valid_requests() -> Iterator[Vector]:
    yield "one-item", request_file(), "accept"
    items = [item_value(target=f"t{place}", name=f"f{place}") for place in range(3)]
    yield "three-items", request_file(request_value(*items)), "accept"
    full = item_value(
        expires="2027-01-31T00:00:00Z",
        custom_metadata={"peridio": {"installer": "file"}, "ключ": [1, True, None, "ü\n"]},
        size=0,
        sequence=2**53 - 1,
        wanted=[{"scheme": "peridio", "role": "release"}],
    )
    value = request_value(full, reason=None, previous_response={"sha256": "ab" * 32})
    yield "everything-said", request_file(value), "accept"


def _valid_responses() -> Iterator[Vector]:
    yield "both-schemes", response_file(), "accept"
    error = {"code": "file", "message": "it is not there"}
    refused = {**result_value(error=error)}
    del refused["signatures"]
    yield "error", response_file(response_value(refused, keys=[])), "accept"


def _valid_statements() -> Iterator[Vector]:
    envelope = statement_envelope()
    second = statement_envelope(SPARE)["signatures"]
    both = {**envelope, "signatures": envelope["signatures"] + second}
    yield "two-signatures", encode_json(both), "accept"
    pretty = json.dumps(envelope, indent=2, sort_keys=True).encode() + b"\n"
    yield "spaced-by-another-tool", pretty, "accept"
    expiring = encode_json(statement_envelope(expires="2036-01-31T00:00:00Z"))
    yield "expiring-in-2036", expiring, "accept"


def _without_key(value: dict[str, Any]) -> Iterator[Vector]:
    signature = {k: v for k, v in value["signatures"][0].items() if k != "public_key"}
    yield "key-not-carried", encode_json({**value, "signatures": [signature]}), "malformed"
    wrong = {**value["signatures"][0], "public_key": encode_base64(STRANGER.public_key.raw)}
    yield "carried-key-of-another", encode_json({**value, "signatures": [wrong]}), "malformed"


def main() -> None:
    """Write every vector and the expectations."""
    for kind, files in vectors().items():
        write_vectors(FOLDER / kind, files)


if __name__ == "__main__":
    main()
