"""One verdict: every refusal has its own class and exit code, and the cheap ones come first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from signkit.errors import (
    ContextError,
    DigestMismatchError,
    ExpiredError,
    ResponseError,
    RollbackError,
    SignkitError,
    StatementError,
    ThresholdError,
)
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import Role, load_trust
from signkit.verify.verdict import (
    Expectation,
    VerifiedStatement,
    read_statement_unverified,
    release_roles,
    role_of_keys,
    statement_from_response,
    verify_content,
    verify_statement,
    verify_statement_by_any,
)
from tests.support.documents import (
    CONTENT,
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
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest

NOW = "2026-06-01T00:00:00Z"
ROLE = role_of_keys((PROD.public_key,))


def expecting(**changes: Any) -> Expectation:
    return Expectation(**{"artifact": None, "target": None, "floor": 0, "now": NOW, **changes})


def scoped(**changes: Any) -> Role:
    whole = vars(ROLE)
    return Role(**{**whole, **changes})


def statement(signer: KeyOfTest = PROD, **changes: Any) -> bytes:
    return encode_json(statement_envelope(signer, **changes))


def verified(data: bytes, *, role: Role = ROLE, **changes: Any) -> VerifiedStatement:
    return verify_statement(data, role=role, expectation=expecting(**changes))


def refused(kind: type[SignkitError], code: int, data: bytes, **options: Any) -> SignkitError:
    with pytest.raises(SignkitError) as caught:
        verified(data, **options)
    assert (type(caught.value), caught.value.exit_code) == (kind, code)
    return caught.value


def test_a_statement_is_verified() -> None:
    found = verified(statement(), artifact="ML-Model", target="aarch64-unknown-linux", floor=1)
    assert found.statement.digest == compute_digest(CONTENT)
    assert found.signers == (PROD.public_key,)


def test_malformed() -> None:
    error = refused(StatementError, 11, b"{")
    assert isinstance(error, StatementError)
    assert error.reason == "malformed"


def test_authentic_but_malformed() -> None:
    data = encode_json(document(STATEMENT_TYPE, statement_value(x=1), PROD, carry_key=False))
    error = refused(StatementError, 11, data)
    assert str(error) == "statement.predicate: unknown field 'x'"


def test_a_signature_that_does_not_verify() -> None:
    value = statement_envelope()
    value["payload"] = statement_envelope(version="1.0.1")["payload"]
    error = refused(StatementError, 11, encode_json(value))
    assert isinstance(error, StatementError)
    assert error.reason == "signature-invalid"


def test_a_key_travels_along_that_must_not_be_used() -> None:
    raw = b"\1" + bytes(31)
    value = statement_envelope()
    value["signatures"][0]["public_key"] = encode_base64(raw)
    error = refused(StatementError, 11, encode_json(value))
    assert isinstance(error, StatementError)
    assert error.reason == "key-refused"


def test_an_unknown_key() -> None:
    error = refused(StatementError, 11, statement(STRANGER))
    assert isinstance(error, StatementError)
    assert error.reason == "unknown-key"
    assert STRANGER.public_key.keyid in str(error)


def test_too_few_keys() -> None:
    role = role_of_keys((PROD.public_key, SPARE.public_key), threshold=2)
    error = refused(ThresholdError, 17, statement(), role=role)
    assert isinstance(error, ThresholdError)
    assert (error.required, error.got, error.missing) == (2, 1, (SPARE.public_key.keyid,))


@pytest.mark.parametrize("what", ["artifact", "target"])
def test_for_something_else(what: str) -> None:
    signed: dict[str, Any] = {what: "signed"}
    error = refused(ContextError, 4, statement(**signed), **{what: "expected"})
    said = f"the statement is for another {what}: expected 'expected', got 'signed'"
    assert str(error) == said


@pytest.mark.parametrize("scope", [{"artifacts": ("ml-*",)}, {"targets": ("x", "aarch64")}])
def test_outside_the_scope_of_the_keys(scope: dict[str, Any]) -> None:
    error = refused(ContextError, 4, statement(), role=scoped(**scope))
    assert str(error).startswith("the keys may not sign for artifact 'ML-Model' and target 'aarc")


def test_expired_from_the_very_second() -> None:
    data = statement(expires=NOW)
    error = refused(ExpiredError, 15, data)
    assert str(error) == f"the statement expired at {NOW}; it is now {NOW} (UTC)"
    assert verified(data, now="2026-05-31T23:59:59Z").statement.expires == NOW
    assert verified(data, now=None).statement.expires == NOW  # a device without a clock


def test_too_old() -> None:
    error = refused(RollbackError, 16, statement(sequence=4), floor=5)
    assert isinstance(error, RollbackError)
    assert (error.floor, error.offered) == (5, 4)
    assert verified(statement(sequence=5), floor=5).statement.sequence == 5


def test_the_order_of_refusals() -> None:
    """Signatures, scope and expectation, expiry, floor: the first that fails is the answer."""
    everything: dict[str, Any] = {"target": "other", "now": "2030-01-01T00:00:00Z", "floor": 9}
    data = statement(expires="2027-01-01T00:00:00Z")
    outside = scoped(artifacts=("other",))
    refused(StatementError, 11, statement(STRANGER), role=outside, **everything)
    refused(ContextError, 4, data, role=outside, **everything)
    del everything["target"]
    refused(ContextError, 4, data, role=outside, **everything)
    refused(ExpiredError, 15, data, **everything)
    del everything["now"]
    refused(RollbackError, 16, data, **everything)


def test_the_release_role_of_a_trust_root() -> None:
    trust = load_trust(trust_file(trust_value(expires=NOW)))
    only = (trust.roles["release"],)
    assert release_roles(trust, now=None) == only
    assert release_roles(trust, now="2026-05-31T23:59:59Z") == only
    with pytest.raises(ExpiredError, match=rf"^the trust root expired at {NOW}; it is now {NOW}"):
        release_roles(trust, now=NOW)


def test_a_role_counts_only_in_its_window() -> None:
    value = trust_value()
    value["roles"]["release"] |= {"not_before": NOW, "not_after": "2026-06-01T00:00:01Z"}
    trust = load_trust(trust_file(value))
    assert release_roles(trust, now=NOW) == release_roles(trust, now=None) != ()
    for outside in ("2026-05-31T23:59:59Z", "2026-06-01T00:00:01Z"):
        with pytest.raises(ExpiredError, match="no role of the trust root is valid now"):
            release_roles(trust, now=outside)


def test_any_role_that_accepts_suffices() -> None:
    strict = role_of_keys((PROD.public_key, SPARE.public_key), threshold=2)
    accepted = verify_statement_by_any(statement(), roles=(strict, ROLE), expectation=expecting())
    assert accepted.signers == (PROD.public_key,)
    with pytest.raises(ThresholdError, match="2 distinct keys, got 1"):
        verify_statement_by_any(statement(), roles=(strict,), expectation=expecting())


class Stream:
    """Content as it arrives, and how much of it was taken."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.taken = 0

    def read_into(self, view: memoryview) -> int:
        piece = self.data[self.taken : self.taken + len(view)]
        view[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)


def test_the_content_that_was_signed() -> None:
    seen = bytearray()
    stream = Stream(CONTENT)
    digest = verify_content(
        verified(statement()), stream.read_into, name="model.bin", sink=seen.extend
    )
    assert (digest, bytes(seen)) == (compute_digest(CONTENT), CONTENT)


def test_empty_content() -> None:
    empty = verified(statement(size=0, digest={"sha256": compute_digest(b"").hex()}))
    assert verify_content(empty, Stream(b"").read_into, name="f") == compute_digest(b"")
    with pytest.raises(DigestMismatchError, match=r"expected 0 bytes, got more than 0$"):
        verify_content(empty, Stream(b"x").read_into, name="f")


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (CONTENT[:-1], "expected 14 bytes, got 13 bytes"),
        (b"", "expected 14 bytes, got 0 bytes"),
        (CONTENT + b"\0", "expected 14 bytes, got more than 14"),
        (CONTENT * 100_000, "expected 14 bytes, got more than 14"),
        (CONTENT.swapcase(), f"expected SHA-256 {compute_digest(CONTENT).hex()}, got"),
    ],
)
def test_other_content(content: bytes, got: str) -> None:
    stream = Stream(content)
    with pytest.raises(DigestMismatchError, match=rf"^f is not what was signed: {got}") as caught:
        verify_content(verified(statement()), stream.read_into, name="f")
    assert caught.value.exit_code == 10
    assert stream.taken <= len(CONTENT) + 1


def test_the_digest_must_be_of_the_signed_size() -> None:
    """The right digest beside another size: both are signed, so both must agree."""
    with pytest.raises(DigestMismatchError, match="expected 13 bytes, got more than 13"):
        verify_content(verified(statement(size=13)), Stream(CONTENT).read_into, name="f")


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
        "keyid": PROD.public_key.keyid,
        "value": statement_envelope(STRANGER),
    }
    data = response_file(response_value(result_value(signatures=[signature])))
    with pytest.raises(StatementError):
        taken(data)
