"""Statements before they are verified: shown, and taken out of a response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from signkit.errors import ResponseError, StatementError
from signkit.formats.statement import read_statement_unverified, statement_from_response
from signkit.verify.encoding import encode_json
from signkit.verify.verdict import (
    Expectation,
    VerifiedStatement,
    role_of_keys,
    verify_statement,
)
from tests.support.documents import (
    item_value,
    key_value,
    request_of,
    request_value,
    response_file,
    response_value,
    result_value,
    statement_envelope,
)
from tests.support.keys import PROD, STRANGER, KeyOfTest

ROLE = role_of_keys((PROD.public_key,))


def expecting(**changes: Any) -> Expectation:
    return Expectation(**{"artifact": None, "target": None, "floor": 0, "now": None, **changes})


def statement(signer: KeyOfTest = PROD, **changes: Any) -> bytes:
    return encode_json(statement_envelope(signer, **changes))


def verified(data: bytes) -> VerifiedStatement:
    return verify_statement(data, roles=(ROLE,), expectation=expecting())


def test_an_unverified_statement_is_read_to_be_shown() -> None:
    said, keyids, payload = read_statement_unverified(statement(STRANGER))
    assert (said.artifact, keyids) == ("ML-Model", (STRANGER.public_key.keyid,))
    assert json.loads(payload)["predicateType"] == "urn:signkit:release:v1"
    with pytest.raises(StatementError, match="is not JSON"):
        read_statement_unverified(b"")


def answer(*items: dict[str, Any]) -> bytes:
    """A response with a statement for each item of a request."""
    request = request_of(request_value(*items))
    results = [
        result_value(
            item=place,
            signatures=[
                {
                    "scheme": "statement",
                    "keyid": PROD.public_key.keyid,
                    "value": statement_envelope(**item),
                }
            ],
        )
        for place, item in enumerate(items)
    ]
    assert len(request.items) == len(results)
    return response_file(response_value(*results))


ARM = item_value(name="fw.bin", target="arm")
X86 = item_value(name="fw.bin", target="x86")
DOCS = item_value(name="docs.bin", artifact="Docs")


def taken(data: bytes, name: str = "fw.bin", **changes: Any) -> str:
    found = statement_from_response(data, name=name, expectation=expecting(**changes))
    said = verified(found).statement
    return f"{said.name} {said.target}"


def test_a_single_statement_answers_for_any_name() -> None:
    assert taken(answer(ARM), name="renamed") == "fw.bin arm"


def test_among_several_the_name_chooses() -> None:
    assert taken(answer(ARM, DOCS)) == "fw.bin arm"
    assert taken(answer(ARM, DOCS), name="docs.bin") == "docs.bin aarch64-unknown-linux"


def test_among_several_of_one_name_the_expectation_chooses() -> None:
    assert taken(answer(ARM, X86), target="x86") == "fw.bin x86"
    assert taken(answer(X86, DOCS), artifact="Docs") == "docs.bin aarch64-unknown-linux"


@pytest.mark.parametrize(
    ("items", "options", "count"),
    [
        ((ARM, X86), {}, 2),
        ((ARM, DOCS), {"name": "other"}, 0),
        ((ARM,), {"target": "x86"}, 0),
        ((ARM, X86), {"artifact": "Docs"}, 0),
    ],
)
def test_not_exactly_one_statement(items: Any, options: dict[str, Any], count: int) -> None:
    with pytest.raises(ResponseError, match=f"holds {count} statements that fit ") as caught:
        taken(answer(*items), **options)
    assert caught.value.exit_code == 13


def test_a_response_without_any_statement() -> None:
    error = {"code": "file", "message": "it is not there"}
    item = {**result_value(), "error": error}
    del item["signatures"]
    blind = result_value(signatures=result_value()["signatures"][:1])
    for each in (item, blind):
        with pytest.raises(ResponseError, match="holds 0 statements"):
            taken(response_file(response_value(each)))


def test_a_response_of_another_shape() -> None:
    broken = [
        b"{",
        response_file({**response_value(), "items": {}}),
        response_file({**response_value(), "items": [[]]}),
        response_file(response_value(result_value(signatures=[{"scheme": "statement"}]))),
        response_file(
            response_value(result_value(signatures=[{"scheme": "statement", "value": "x"}]))
        ),
        statement(),
    ]
    for data in broken:
        with pytest.raises(ResponseError):
            taken(data)


def test_a_damaged_response() -> None:
    data = json.loads(response_file())
    other = json.loads(response_file(response_value(station="vault-2")))
    data["payload"] = other["payload"]
    with pytest.raises(ResponseError) as caught:
        taken(encode_json(data))
    assert caught.value.reason == "signature-invalid"


def test_a_response_proves_nothing() -> None:
    """Attacker: wraps a statement of a key of his own in a whole response. Unknown key."""
    signature = {
        "scheme": "statement",
        "keyid": STRANGER.public_key.keyid,
        "value": statement_envelope(STRANGER),
    }
    item = result_value(signatures=[signature])
    with pytest.raises(StatementError) as caught:
        taken(response_file(response_value(item, keys=[key_value(STRANGER)])))
    assert caught.value.reason == "unknown-key"
    lie = result_value(signatures=[{**signature, "keyid": PROD.public_key.keyid}])
    with pytest.raises(ResponseError) as refused:
        taken(response_file(response_value(lie)))
    assert refused.value.reason == "unknown-key"
