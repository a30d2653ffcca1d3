"""Scheme `statement`: says what the request asked for, field for field, and nothing else."""

from __future__ import annotations

import json
from base64 import b64decode
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from signkit.errors import (
    ContextError,
    KeyRefusedError,
    MalformedError,
    NotCanonicalError,
    SignatureInvalidError,
    UnknownKeyError,
)
from signkit.model.request import Item, Request
from signkit.schemes import statement
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.statement import parse_statement
from tests.support.documents import (
    STATEMENT_TYPE,
    document,
    request_of,
    statement_value,
)
from tests.support.keys import PROD, SPARE, STRANGER
from tests.support.strategies import REQUESTS

REQUEST = request_of()
ITEM = REQUEST.items[0]._replace(
    expires="2027-01-31T12:00:00Z",
    custom_metadata={"b": [1, "ü"], "a": {"\U0001f600": None, "\ufb33": True}},
)
MADE = statement.sign(PROD, ITEM, REQUEST)


def verified(value: object, item: Item = ITEM, **request: Any) -> bytes:
    return statement.verify(PROD.public_key, item, replace(REQUEST, **request), value)


def test_it_says_what_the_request_asked_for() -> None:
    said = parse_statement(verified(MADE))
    assert (said.name, said.digest, said.size) == (ITEM.name, ITEM.digest, ITEM.size)
    assert (said.artifact, said.version, said.target) == (ITEM.artifact, ITEM.version, ITEM.target)
    assert (said.sequence, said.issued, said.expires) == (1, REQUEST.created, ITEM.expires)
    canonical = '{"a":{"\U0001f600":null,"\ufb33":true},"b":[1,"ü"]}'
    assert said.custom_metadata == compute_digest(canonical.encode())


def test_its_payload_is_an_in_toto_statement_v1() -> None:
    value = json.loads(b64decode(MADE["payload"]))  # type: ignore[arg-type]
    assert list(value) == ["_type", "subject", "predicateType", "predicate"]
    assert value["_type"] == "https://in-toto.io/Statement/v1"
    assert value["subject"] == [{"name": ITEM.name, "digest": {"sha256": ITEM.digest.hex()}}]
    assert list(value["predicate"]) == [
        "artifact",
        "version",
        "target",
        "size",
        "sequence",
        "issued",
        "expires",
        "custom_metadata",
    ]


def test_every_station_signs_the_same_bytes() -> None:
    other = statement.sign(SPARE, ITEM, replace(REQUEST, requester="another", reason=None))
    assert other["payload"] == MADE["payload"]
    assert statement.sign(PROD, deepcopy(ITEM), REQUEST) == MADE


def test_the_order_of_metadata_is_not_signed() -> None:
    item = ITEM._replace(custom_metadata=dict(reversed(list(ITEM.custom_metadata.items()))))
    assert statement.sign(PROD, item, REQUEST) == MADE


def test_no_metadata_is_the_digest_of_an_empty_object() -> None:
    said = json.loads(statement.compute_payload(ITEM._replace(custom_metadata={}), REQUEST))
    assert said["predicate"]["custom_metadata"]["sha256"] == compute_digest(b"{}").hex()


CHANGES: list[dict[str, Any]] = [
    {"name": "other.bin"},
    {"size": ITEM.size + 1},
    {"digest": compute_digest(b"other")},
    {"artifact": "ML-model"},
    {"version": "1.0.1"},
    {"target": "x86_64"},
    {"sequence": 2},
    {"expires": None},
    {"expires": "2027-01-31T12:00:01Z"},
    {"custom_metadata": {}},
    {"custom_metadata": {**ITEM.custom_metadata, "c": 1}},
    {"custom_metadata": {**ITEM.custom_metadata, "b": [True, "ü"]}},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(next(iter(change))))
def test_it_is_for_this_item_in_every_field(change: dict[str, Any]) -> None:
    with pytest.raises(ContextError, match=r"says something else than the request asked for$"):
        verified(MADE, ITEM._replace(**change))


def test_it_is_for_this_request() -> None:
    with pytest.raises(ContextError):
        verified(MADE, created="2026-01-31T12:00:01Z")


def test_what_does_not_enter_the_statement_does_not_matter() -> None:
    assert verified(MADE, ITEM._replace(wanted=()), reason="x", requester="y")


def test_the_same_statement_in_other_bytes_is_another() -> None:
    """Every signer signs the same bytes, so a second spelling of them is nobody's."""
    value = json.loads(statement.compute_payload(ITEM, REQUEST))
    spaced = document(STATEMENT_TYPE, json.dumps(value).encode(), PROD, carry_key=False)
    with pytest.raises(ContextError):
        verified(spaced)


def test_another_key_only() -> None:
    with pytest.raises(UnknownKeyError):
        verified(statement.sign(STRANGER, ITEM, REQUEST))


def test_a_signature_that_does_not_verify() -> None:
    value: dict[str, Any] = deepcopy(MADE)
    value["payload"] = encode_base64(statement.compute_payload(ITEM, REQUEST) + b" ")
    with pytest.raises(SignatureInvalidError):
        verified(value)


def test_a_signature_by_others_beside_it_is_passed_over() -> None:
    value: dict[str, Any] = deepcopy(MADE)
    value["signatures"] += statement.sign(SPARE, ITEM, REQUEST)["signatures"]
    assert verified(value) == verified(MADE)


@pytest.mark.parametrize("payload", [b"", b"[]", encode_json(statement_value(x=1))])
def test_authentic_and_of_another_shape(payload: bytes) -> None:
    with pytest.raises(ContextError):
        verified(document(STATEMENT_TYPE, payload, PROD, carry_key=False))


@given(REQUESTS)
def test_what_any_request_asks_for_is_a_statement(request: Request) -> None:
    """Nothing is parsed after it was compared, so every comparison must imply the shape."""
    for item in request.items:
        said = parse_statement(statement.compute_payload(item, request))
        assert (said.name, said.digest, said.artifact) == (item.name, item.digest, item.artifact)


def carrying(key: bytes) -> dict[str, Any]:
    value: dict[str, Any] = deepcopy(MADE)
    value["signatures"][0]["public_key"] = encode_base64(key)
    return value


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, MalformedError),
        ("{}", MalformedError),
        ([], MalformedError),
        ({}, MalformedError),
        ({**MADE, "x": 1}, MalformedError),
        ({**MADE, "payloadType": "application/json"}, MalformedError),
        ({**MADE, "signatures": []}, MalformedError),
        ({**MADE, "payload": "e30"}, NotCanonicalError),
        (carrying(STRANGER.public_key.raw), MalformedError),
        (carrying(b"\1" + bytes(31)), KeyRefusedError),
    ],
)
def test_an_envelope_of_another_shape(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        verified(value)
