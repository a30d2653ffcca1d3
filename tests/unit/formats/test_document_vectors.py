"""Every stored vector of every document gives the outcome that its EXPECT.json says."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from signkit.errors import DocumentError, SignkitError
from signkit.formats.combined import open_answer
from signkit.formats.request import open_request
from signkit.formats.response import open_response
from signkit.verify.trust import load_trust
from signkit.verify.verdict import Expectation, role_of_keys, verify_statement
from tests.support.keys import PROD, SPARE
from tests.support.vectors import FOLDER, vectors


def _open_statement(data: bytes) -> object:
    anything = Expectation(artifact=None, target=None, floor=0, now=None)
    role = role_of_keys((PROD.public_key, SPARE.public_key))
    return verify_statement(data, roles=(role,), expectation=anything)


OPENERS: dict[str, Callable[[bytes], object]] = {
    "request": open_request,
    "response": open_response,
    "combined": open_answer,
    "statement": _open_statement,
    "trust": load_trust,
}
CASES = [
    (kind, name, code)
    for kind in OPENERS
    for name, code in json.loads((FOLDER / kind / "EXPECT.json").read_text()).items()
]


def _outcome(open_document: Callable[[bytes], object], data: bytes) -> str:
    try:
        open_document(data)
    except DocumentError as error:
        return error.reason or error.code
    except SignkitError as error:
        return error.code
    return "accept"


@pytest.mark.parametrize(("kind", "name", "code"), CASES)
def test_vector_gives_its_outcome(kind: str, name: str, code: str) -> None:
    data = (FOLDER / kind / name).read_bytes()
    assert _outcome(OPENERS[kind], data) == code


def test_stored_vectors_are_the_generated_ones() -> None:
    for kind, files in vectors().items():
        for name, (data, _code) in files.items():
            assert (FOLDER / kind / name).read_bytes() == data, f"{kind}/{name}"


@pytest.mark.parametrize("kind", ["request", "response", "statement"])
def test_every_flipped_bit_is_refused(kind: str) -> None:
    name = {"request": "one-item", "response": "both-schemes", "statement": "release"}[kind]
    data = bytearray((FOLDER / kind / "valid" / f"{name}.json").read_bytes())
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            assert _outcome(OPENERS[kind], bytes(data)) != "accept", (place, bit)
            data[place] ^= 1 << bit


@pytest.mark.parametrize("kind", sorted(OPENERS))
def test_every_truncation_is_refused(kind: str) -> None:
    for path in sorted((FOLDER / kind / "valid").iterdir()):
        data = path.read_bytes().rstrip(b"\n")
        for length in range(len(data)):
            assert _outcome(OPENERS[kind], data[:length]) != "accept", (path.name, length)
