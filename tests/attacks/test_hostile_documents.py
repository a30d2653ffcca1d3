"""Attacker: writes any document he likes, signed by any key he likes. Only our refusals come out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import SignkitError
from signkit.formats.request import open_request
from signkit.formats.response import open_response
from signkit.formats.statement import read_statement_unverified, statement_from_response
from signkit.verify.encoding import encode_json
from signkit.verify.trust import load_trust
from signkit.verify.verdict import (
    Expectation,
    role_of_keys,
    verify_statement,
)
from tests.support.documents import (
    REQUEST_TYPE,
    RESPONSE_TYPE,
    STATEMENT_TYPE,
    TRUST_TYPE,
    document,
    request_value,
    response_value,
    statement_value,
    trust_value,
)
from tests.support.keys import PROD, REQUESTER, ROOT, STATION

VECTORS = Path(__file__).parents[1] / "vectors"
ANYTHING = Expectation(artifact=None, target=None, floor=0, now=None)
READERS: list[Callable[[bytes], object]] = [
    open_request,
    open_response,
    load_trust,
    read_statement_unverified,
    lambda data: verify_statement(
        data, roles=(role_of_keys((PROD.public_key,)),), expectation=ANYTHING
    ),
    lambda data: statement_from_response(data, name="model.bin", expectation=ANYTHING),
]
KINDS = {
    "request": (REQUEST_TYPE, REQUESTER, True, request_value()),
    "response": (RESPONSE_TYPE, STATION, True, response_value()),
    "statement": (STATEMENT_TYPE, PROD, False, statement_value()),
    "trust root": (TRUST_TYPE, ROOT, False, trust_value()),
}
JUNK: list[object] = [
    *(None, True, 0, -1, 2**53 - 1, 2**64, 1.5, "", "x" * 300, "\x1b[2J", "\u202e"),
    *([], {}, [[]], ["a", 1], {"a": 1}, {"sha256": "ab" * 32}, {"sha256": None}),
]


def outcomes(data: bytes) -> list[str]:
    """What every reader says; anything but a refusal of ours is raised."""
    said: list[tuple[str, str]] = []
    for read in READERS:
        try:
            read(data)
        except SignkitError as error:
            said.append((error.code, str(error)))
        else:
            said.append(("accept", ""))
    assert all(len(message) < 1000 for _code, message in said)  # a person is to read it
    return [code for code, _message in said]


def paths(value: Any, start: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value but the whole."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, member in members:
        yield (*start, name)
        if isinstance(member, dict | list):
            yield from paths(member, (*start, name))


def replaced(value: Any, path: tuple[Any, ...], junk: object) -> Any:
    whole = deepcopy(value)
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = junk
    return whole


@pytest.mark.parametrize("kind", KINDS)
def test_anything_at_every_place_of_an_authentic_payload(kind: str) -> None:
    """Move: signs, with a key that counts, a payload with something odd at one place."""
    payload_type, signer, carry_key, value = KINDS[kind]
    for path in paths(value):
        for junk in JUNK:
            payload = json.dumps(replaced(value, path, junk)).encode()
            outcomes(encode_json(document(payload_type, payload, signer, carry_key=carry_key)))


@pytest.mark.parametrize("kind", KINDS)
def test_anything_at_every_place_of_an_envelope(kind: str) -> None:
    """Move: the same outside of what is signed."""
    payload_type, signer, carry_key, value = KINDS[kind]
    envelope = document(payload_type, value, signer, carry_key=carry_key)
    for path in paths(envelope):
        for junk in JUNK:
            data = json.dumps(replaced(envelope, path, junk)).encode()
            assert "accept" not in outcomes(data), (path, junk)


@pytest.mark.parametrize("kind", KINDS)
def test_any_text_as_an_authentic_payload(kind: str) -> None:
    """Move: signs, with a key that counts, what is no document at all."""
    payload_type, signer, carry_key, _value = KINDS[kind]
    for path in sorted((VECTORS / "json").glob("*/*.json")):
        payload = path.read_bytes()
        data = encode_json(document(payload_type, payload, signer, carry_key=carry_key))
        assert "accept" not in outcomes(data), path
        assert "accept" not in outcomes(payload), path


DEEP = [*range(900, 1001, 4), 100_000]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_any_depth_at_every_place(kind: str, opening: str) -> None:
    """Move: nests a value so deep that it can just be read, and no longer be shown or written."""
    payload_type, signer, carry_key, value = KINDS[kind]
    closing = "]" if opening == "[" else "}"
    for path in paths(value):
        text = json.dumps(replaced(value, path, "@"))
        for depth in DEEP[len(path) :: 3]:
            nested = opening * depth + "1" + closing * depth
            payload = text.replace('"@"', nested).encode()
            outcomes(encode_json(document(payload_type, payload, signer, carry_key=carry_key)))
