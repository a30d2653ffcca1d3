"""Combined responses: valid ones, and one for each defect with the code it must give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from signkit.schemes.table import SCHEMES
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.documents import (
    RESPONSE_TYPE,
    document,
    key_value,
    request_file,
    request_of,
    response_value,
    result_value,
)
from tests.support.keys import PROD, SPARE, STATION, STRANGER, KeyOfTest

COMBINED_TYPE = "application/vnd.signkit.combined.v1+json"
Vector = tuple[str, bytes, str]


def signatures_by(*keys: KeyOfTest) -> list[dict[str, Any]]:
    """Both schemes by each key, in the order of the format."""
    request = request_of()
    made = [
        {
            "scheme": scheme,
            "keyid": key.public_key.keyid,
            "value": SCHEMES[scheme].sign(key, request.items[0], request),
        }
        for scheme in ("peridio", "statement")
        for key in keys
    ]
    return sorted(made, key=lambda each: (each["scheme"], each["keyid"]))


def response_by(key: KeyOfTest, *, by: KeyOfTest = STATION, **changes: Any) -> bytes:
    """A station's response in which one key signed `request_file()`."""
    result = result_value(signatures=signatures_by(key))
    value = response_value(result, **{"keys": [key_value(key)], **changes})
    return encode_json(document(RESPONSE_TYPE, value, by))


def imported_value(*keys: KeyOfTest, **changes: Any) -> dict[str, Any]:
    """Imported signatures of `request_file()`."""
    signed = keys or (PROD,)
    item = {
        "item": 0,
        "digest": result_value()["digest"],
        "signatures": signatures_by(*signed),
    }
    listed = sorted((key_value(key) for key in signed), key=lambda each: each["keyid"])
    return {"keys": listed, "items": [item], **changes}


def combined_file(*responses: bytes, imported: object = None, **changes: Any) -> bytes:
    """A combined response as a writer writes it, unless a change breaks that."""
    ordered = sorted(responses, key=compute_digest)
    return encode_json(
        {
            "type": COMBINED_TYPE,
            "request": {"sha256": compute_digest(request_file()).hex()},
            "responses": [json.loads(data) for data in ordered],
            "imported": imported,
            **changes,
        }
    )


FIRST = response_by(PROD)
SECOND = response_by(SPARE, by=STRANGER, station="vault-2")


def combined_vectors() -> Iterator[Vector]:
    """Yield name, bytes and expected outcome."""
    yield "one-response", combined_file(FIRST), "accept"
    yield "two-stations", combined_file(FIRST, SECOND), "accept"
    yield "imported", combined_file(imported=imported_value(PROD, SPARE)), "accept"
    yield "station-and-imported", combined_file(FIRST, imported=imported_value(SPARE)), "accept"
    error = {"code": "file", "message": "it is not there"}
    item = {name: each for name, each in result_value().items() if name != "signatures"}
    refused = response_by(PROD, keys=[], items=[{**item, "error": error}])
    yield "refused-and-signed", combined_file(refused, SECOND), "accept"
    yield from _outside()
    yield from _responses()
    yield from _imported()
    yield from _imported_items()


def _outside() -> Iterator[Vector]:
    data = combined_file(FIRST, SECOND)
    value = json.loads(data)
    for name in value:
        rest = {field: each for field, each in value.items() if field != name}
        yield f"missing-{name}", encode_json(rest), "malformed"
    yield "unknown-field", encode_json({**value, "surprise": 1}), "malformed"
    yield "type-of-a-later-version", data.replace(b"combined.v1", b"combined.v2"), "malformed"
    yield "holds-nothing", combined_file(), "malformed"
    short = {"sha256": "ab" * 31}
    yield "request-short", combined_file(FIRST, request=short), "not-canonical"
    yield "spelled-with-a-newline", data + b"\n", "not-canonical"
    yield "spelled-with-spaces", data.replace(b'"responses":', b'"responses": '), "not-canonical"
    yield "trailing-brace", data + b"}", "malformed"
    yield "truncated", data[: len(data) // 2], "malformed"
    yield "duplicate-name", data[:-1] + b',"imported":null}', "malformed"
    yield "byte-order-mark", b"\xef\xbb\xbf" + data, "malformed"


def _responses() -> Iterator[Vector]:
    first, second = sorted((FIRST, SECOND), key=compute_digest)
    values = [json.loads(second), json.loads(first)]
    yield "responses-out-of-order", combined_file(responses=values), "not-canonical"
    yield "response-twice", combined_file(FIRST, FIRST), "not-canonical"
    yield "responses-65", combined_file(*[FIRST] * 65), "too-large"
    yield "responses-not-an-array", combined_file(responses={}), "malformed"
    yield "response-not-an-object", combined_file(responses=["x"]), "malformed"
    damaged = {**json.loads(FIRST), "payload": json.loads(SECOND)["payload"]}
    yield "response-damaged", combined_file(responses=[damaged]), "signature-invalid"
    foreign = response_by(PROD, request={"sha256": "ab" * 32})
    yield "response-to-another-request", combined_file(foreign), "context"
    yield "responses-to-two-requests", combined_file(FIRST, foreign), "context"
    longer = response_by(SPARE, items=[result_value(), result_value(item=1)], keys=[key_value()])
    yield "another-number-of-items", combined_file(FIRST, longer), "context"
    other = result_value(digest={"sha256": "ab" * 32})
    yield "another-digest", combined_file(FIRST, response_by(PROD, items=[other])), "context"
    forged = result_value(signatures=[{**signatures_by(PROD)[0], "value": "AB" * 64}])
    yield "two-values-for-one-signature", combined_file(FIRST, response_by(PROD, items=[forged])), "conflict"  # fmt: skip


def _imported() -> Iterator[Vector]:
    value = imported_value(PROD, SPARE)
    for name in value:
        rest = {field: each for field, each in value.items() if field != name}
        yield f"imported-missing-{name}", combined_file(imported=rest), "malformed"
    unknown = {**value, "station": "vault-1"}
    yield "imported-unknown-field", combined_file(imported=unknown), "malformed"
    yield "imported-not-an-object", combined_file(imported=[]), "malformed"
    keys = value["keys"]
    for name, changed, code in (
        ("none", [], "malformed"),
        ("out-of-order", keys[::-1], "not-canonical"),
        ("twice", [keys[0], *keys], "not-canonical"),
        ("missing-the-signer", keys[:1], "malformed"),
        ("idle", [*keys, key_value(STRANGER)], "malformed"),
        ("of-small-order", [{**keys[0], "public_key": encode_base64(b"\x01" + bytes(31))}, keys[1]], "key-refused"),
        ("with-the-keyid-of-another", [{**keys[0], "keyid": keys[1]["keyid"]}, keys[1]], "malformed"),
    ):  # fmt: skip
        broken = combined_file(imported={**value, "keys": changed})
        yield f"imported-key-{name}", broken, code
    yield "imported-no-items", combined_file(imported={**value, "items": []}), "malformed"


def _imported_items() -> Iterator[Vector]:
    value = imported_value(PROD)
    (item,) = value["items"]
    made = item["signatures"]
    for name, changed, code in (
        ("out-of-order", {**item, "item": 1}, "malformed"),
        ("unknown-field", {**item, "content": "hashed"}, "malformed"),
        ("no-signatures", {**item, "signatures": []}, "malformed"),
        ("signatures-out-of-order", {**item, "signatures": made[::-1]}, "not-canonical"),
        ("signature-twice", {**item, "signatures": [made[0], *made]}, "malformed"),
        ("signature-is-a-number", {**item, "signatures": [{**made[0], "value": 7}]}, "malformed"),
        ("digest-upper-case", {**item, "digest": {"sha256": "AB" * 32}}, "not-canonical"),
    ):
        broken = combined_file(imported={**value, "items": [changed]})
        yield f"imported-item-{name}", broken, code
    forged = {**item, "signatures": [{**made[0], "value": "AB" * 64}]}
    both = combined_file(FIRST, imported={**value, "items": [forged]})
    yield "imported-against-a-station", both, "conflict"
