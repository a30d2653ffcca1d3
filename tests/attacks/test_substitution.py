"""Attacker: holds authentic documents of other releases, and keys of his own.

Whatever he puts in the place of the right one is refused, by the name of what is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signkit.errors import ContextError, SignatureInvalidError, UnknownKeyError
from signkit.schemes.table import SCHEMES
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.documents import (
    CONTENT,
    RELEASE_SCHEMES,
    REQUEST_TYPE,
    STATEMENT_TYPE,
    document,
    item_value,
    request_of,
    request_value,
    response_file,
    response_value,
    result_value,
    statement_envelope,
    statement_value,
    trust_file,
    trust_value,
)
from tests.support.keys import PROD, ROOT, SPARE, STRANGER, KeyOfTest
from tests.support.verifier import Place


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


def test_content_of_another_release_of_the_same_size(place: Place) -> None:
    """Move: installs authentic content of release B beside the statement of release A (F79)."""
    other = CONTENT[::-1]
    digest = {"sha256": compute_digest(other).hex()}
    place.write("b.statement.json", encode_json(statement_envelope(digest=digest)))
    place.write("model.bin", other)
    assert place.verify() == 10
    assert place.verify("--statement", "b.statement.json") == 0


@pytest.mark.parametrize(
    ("change", "option"),
    [({"artifact": "Other-Model"}, "--artifact"), ({"target": "x86_64"}, "--target")],
)
def test_authentic_for_something_else(place: Place, change: dict[str, Any], option: str) -> None:
    """Move: gives the device an authentic release, content and all, of another artifact or target."""
    statement = place.statement(**change)
    expected = {"--artifact": "ML-Model", "--target": "aarch64-unknown-linux"}[option]
    assert place.verify("--statement", statement) == 0
    assert place.verify("--statement", statement, option, expected) == 4
    assert f"the statement is for another {option[2:]}" in place.err


@pytest.mark.parametrize(
    "label", ["ml-model", "ML-Model ", "ML-Model\u200b", "\uff2d\uff2c-Model", ""]
)
def test_a_name_that_looks_the_same(place: Place, label: str) -> None:
    """Move: has a release signed under a name that a person takes for the right one."""
    assert place.verify("--artifact", label) == 4


OUTSIDE: list[dict[str, Any]] = [
    {"artifact": "Firmware"},
    {"artifact": "xML-Model"},
    {"target": "x86_64"},
]


@pytest.mark.parametrize("change", OUTSIDE)
def test_a_key_may_sign_only_what_its_role_covers(place: Place, change: dict[str, Any]) -> None:
    """Move: uses an honest key of another product line."""
    place.write("trust.json", trust_file())
    options = ["--trust", "trust.json", "--statement", place.statement(**change)]
    assert place.run("model.bin", *options) == 4
    assert "the keys may not sign for artifact" in place.err


def test_signed_by_a_stranger(place: Place) -> None:
    """Move: signs a statement of his own."""
    assert place.verify("--statement", place.statement(STRANGER)) == 11
    assert STRANGER.public_key.keyid in place.err


def test_signed_by_a_stranger_under_our_keyid(place: Place) -> None:
    """Move: the same, and says that it was us."""
    value = statement_envelope(STRANGER)
    value["signatures"][0]["keyid"] = PROD.public_key.keyid
    place.write("other.json", encode_json(value))
    assert place.verify("--statement", "other.json") == 11


def test_the_root_key_signs_no_release(place: Place) -> None:
    """Move: has got hold of the root key only."""
    place.write("trust.json", trust_file())
    options = ["--trust", "trust.json", "--statement", place.statement(ROOT)]
    assert place.run("model.bin", *options) == 11


def test_a_trust_root_of_his_own(place: Place) -> None:
    """Move: puts his key into the trust root and signs it with that; or leaves it unsigned."""
    value = trust_value()
    value["keys"][STRANGER.public_key.keyid] = {
        "name": "prod",
        "public_key": document("x", {}, STRANGER)["signatures"][0]["public_key"],
    }
    value["roles"]["release"]["keys"].append(STRANGER.public_key.keyid)
    for signer in (STRANGER, PROD, SPARE):
        place.write("trust.json", trust_file(value, signer))
        assert place.run("model.bin", "--trust", "trust.json") == 14


@pytest.mark.parametrize("payload_type", [REQUEST_TYPE, "application/json", ""])
def test_a_statement_signed_as_something_else(place: Place, payload_type: str) -> None:
    """Move: lets a key sign the statement's bytes as another type, and relabels them (F70)."""
    value = document(payload_type, statement_value(), PROD, carry_key=False)
    place.write("other.json", encode_json(value))
    assert place.verify("--statement", "other.json") == 11
    place.write("other.json", encode_json({**value, "payloadType": STATEMENT_TYPE}))
    assert place.verify("--statement", "other.json") == 11


@pytest.mark.parametrize("document_file", [response_file(), trust_file()])
def test_another_document_in_the_place_of_the_statement(place: Place, document_file: bytes) -> None:
    """Move: hands over an authentic document of another kind."""
    place.write("other.json", document_file)
    assert place.verify("--statement", "other.json") == 11


def test_a_statement_taken_out_of_a_response_for_another_file(place: Place) -> None:
    """Move: hands over an authentic response in which this file is not."""
    item = item_value(digest={"sha256": compute_digest(b"other").hex()}, size=5)
    value = statement_envelope(**item)
    made = {"scheme": "statement", "keyid": PROD.public_key.keyid, "value": value}
    place.write("r.json", response_file(response_value(result_value(signatures=[made]))))
    assert place.verify("--response", "r.json") == 10


END = "2036-01-31T12:00:00Z"  # a permit needs one


@pytest.mark.parametrize("scheme", [*RELEASE_SCHEMES, "permit"])
@pytest.mark.parametrize("signer", [SPARE, STRANGER])
def test_a_signature_of_another_key_for_our_item(scheme: str, signer: KeyOfTest) -> None:
    """Move: answers for a key with the signature of another."""
    request = request_of(request_value(item_value(expires=END)))
    value = SCHEMES[scheme].sign(signer, request.items[0], request)
    with pytest.raises((SignatureInvalidError, UnknownKeyError)):
        SCHEMES[scheme].verify(PROD.public_key, request.items[0], request, value)


@pytest.mark.parametrize("scheme", RELEASE_SCHEMES)
def test_a_signature_of_the_other_item(scheme: str) -> None:
    """Move: swaps the signatures of two items of one request."""
    other = {"target": "other", "digest": {"sha256": compute_digest(b"other").hex()}}
    request = request_of(request_value(item_value(expires=END), item_value(expires=END, **other)))
    first, second = request.items
    value = SCHEMES[scheme].sign(PROD, second, request)
    with pytest.raises((SignatureInvalidError, ContextError)):
        SCHEMES[scheme].verify(PROD.public_key, first, request, value)
