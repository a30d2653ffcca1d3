"""Valid documents as plain JSON values, to be broken one field at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from signkit.formats.envelope import envelope_value, sign_payload
from signkit.formats.request import parse_request
from signkit.model.request import Request
from signkit.schemes.table import SCHEMES
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.keys import PROD, REQUESTER, ROOT, SPARE, STATION, KeyOfTest

CONTENT = b"Hello, Binary\n"
REQUEST_TYPE = "application/vnd.signkit.request.v1+json"
RESPONSE_TYPE = "application/vnd.signkit.response.v1+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
TRUST_TYPE = "application/vnd.signkit.trust.v1+json"
RELEASE_SCHEMES = ("peridio", "statement")


def item_value(**changes: Any) -> dict[str, Any]:
    """One item of a request."""
    return {
        "name": "model.bin",
        "size": len(CONTENT),
        "digest": {"sha256": compute_digest(CONTENT).hex()},
        "artifact": "ML-Model",
        "version": "1.0.0",
        "target": "aarch64-unknown-linux",
        "sequence": 1,
        "expires": None,
        "custom_metadata": {},
        "wanted": [
            {"scheme": "peridio", "role": "release"},
            {"scheme": "statement", "role": "release"},
        ],
        **changes,
    }


def request_value(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A request."""
    return {
        "requester": "builder@ci",
        "reason": "first release",
        "created": "2026-01-31T12:00:00Z",
        "previous_response": None,
        "items": list(items) or [item_value()],
        **changes,
    }


def document(
    payload_type: str, value: object, signer: KeyOfTest, *, carry_key: bool = True
) -> dict[str, Any]:
    """Sign a value and return its envelope as JSON."""
    payload = value if isinstance(value, bytes) else encode_json(value)
    signature = sign_payload(payload_type, payload, signer, carry_key=carry_key)
    return envelope_value(payload_type, payload, [signature])


def request_file(value: object | None = None) -> bytes:
    """A request file."""
    return encode_json(document(REQUEST_TYPE, value or request_value(), REQUESTER))


def request_of(value: dict[str, Any] | None = None) -> Request:
    """The parsed request of a value."""
    return parse_request(encode_json(value or request_value()))


def statement_envelope(signer: KeyOfTest = PROD, item: int = 0, **changes: Any) -> dict[str, Any]:
    """The statement that a station would sign for one item."""
    request = request_of(request_value(item_value(**changes)))
    value = SCHEMES["statement"].sign(signer, request.items[item], request)
    return deepcopy(dict(value))  # type: ignore[arg-type]


def statement_value(**changes: Any) -> dict[str, Any]:
    """A statement's payload."""
    predicate = {
        "artifact": "ML-Model",
        "version": "1.0.0",
        "target": "aarch64-unknown-linux",
        "size": len(CONTENT),
        "sequence": 1,
        "issued": "2026-01-31T12:00:00Z",
        "expires": None,
        "custom_metadata": {"sha256": compute_digest(b"{}").hex()},
        **changes,
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "model.bin", "digest": {"sha256": compute_digest(CONTENT).hex()}},
        ],
        "predicateType": "urn:signkit:release:v1",
        "predicate": predicate,
    }


def result_value(**changes: Any) -> dict[str, Any]:
    """One item of a response: both signatures by PROD."""
    request = request_of()
    item = request.items[0]
    return {
        "item": 0,
        "digest": {"sha256": item.digest.hex()},
        "content": "hashed",
        "signatures": [
            {
                "scheme": name,
                "keyid": PROD.public_key.keyid,
                "value": SCHEMES[name].sign(PROD, item, request),
            }
            for name in ("peridio", "statement")
        ],
        **changes,
    }


def key_value(key: KeyOfTest = PROD) -> dict[str, Any]:
    """One key of a response."""
    return {
        "name": key.name,
        "keyid": key.public_key.keyid,
        "public_key": encode_base64(key.public_key.raw),
    }


def response_value(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A response to `request_file()`."""
    return {
        "request": {"sha256": compute_digest(request_file()).hex()},
        "station": "vault-1",
        "sequence": 1,
        "created": "2026-01-31T13:00:00Z",
        "ledger_before": {"sha256": "00" * 32},
        "ledger_after": {"sha256": "ab" * 32},
        "transcript": {"sha256": "cd" * 32},
        "keys": [key_value()],
        "items": list(items) or [result_value()],
        **changes,
    }


def response_file(value: object | None = None) -> bytes:
    """A response file."""
    return encode_json(document(RESPONSE_TYPE, value or response_value(), STATION))


def trust_value(**changes: Any) -> dict[str, Any]:
    """A trust root: ROOT changes it, PROD or SPARE release."""
    keys = {
        key.public_key.keyid: {
            "name": key.name,
            "public_key": encode_base64(key.public_key.raw),
        }
        for key in (ROOT, PROD, SPARE)
    }
    return {
        "version": 1,
        "issued": "2026-01-01T00:00:00Z",
        "expires": None,
        "keys": keys,
        "roles": {
            "root": {"keys": [ROOT.public_key.keyid], "threshold": 1},
            "release": {
                "keys": [PROD.public_key.keyid, SPARE.public_key.keyid],
                "threshold": 1,
                "artifacts": ["ML-*"],
                "targets": ["aarch64-*"],
                "not_before": None,
                "not_after": None,
            },
        },
        **changes,
    }


def trust_file(value: object | None = None, signer: KeyOfTest = ROOT) -> bytes:
    """A trust root file."""
    return encode_json(document(TRUST_TYPE, value or trust_value(), signer, carry_key=False))
