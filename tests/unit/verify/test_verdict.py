"""One verdict: every refusal has its own class and exit code, and the cheap ones come first."""

from __future__ import annotations

from typing import Any

import pytest

from signkit.errors import (
    ContextError,
    DigestMismatchError,
    ExpiredError,
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
    latest,
    release_roles,
    role_of_keys,
    verify_content,
    verify_statement,
)
from tests.support.documents import (
    CONTENT,
    STATEMENT_TYPE,
    document,
    statement_envelope,
    statement_value,
    trust_file,
    trust_value,
)
from tests.support.keys import PROD, ROOT, SPARE, STRANGER, KeyOfTest

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
    return verify_statement(data, roles=(role,), expectation=expecting(**changes))


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
    later = "2026-06-01T00:00:01Z"
    role = scoped(not_before=NOW, not_after=later)
    for now in (NOW, None):
        assert verified(statement(), role=role, now=now).role == role
    for now in ("2026-05-31T23:59:59Z", later):
        error = refused(ExpiredError, 15, statement(), role=role, now=now)
        said = f"role 'given keys' signs from {NOW} until {later}; it is now {now} (UTC)"
        assert str(error) == said


def by_several(data: bytes, *roles: Role, now: str = NOW) -> VerifiedStatement:
    return verify_statement(data, roles=roles, expectation=expecting(now=now))


def test_any_role_that_accepts_suffices() -> None:
    strict = role_of_keys((PROD.public_key, SPARE.public_key), threshold=2)
    for roles in ((strict, ROLE), (ROLE, strict)):
        accepted = by_several(statement(), *roles)
        assert (accepted.signers, accepted.role) == ((PROD.public_key,), ROLE)
    with pytest.raises(ThresholdError, match="2 distinct keys, got 1"):
        by_several(statement(), strict)


def test_keys_of_two_roles_do_not_add_up() -> None:
    """Attacker: holds one key of each of two roles that take two."""
    data = statement_envelope(PROD)
    data["signatures"] += statement_envelope(SPARE)["signatures"]
    first = role_of_keys((PROD.public_key, ROOT.public_key), threshold=2)
    second = role_of_keys((SPARE.public_key, ROOT.public_key), threshold=2)
    with pytest.raises(ThresholdError, match="2 distinct keys, got 1"):
        by_several(encode_json(data), first, second)
    both = role_of_keys((PROD.public_key, SPARE.public_key), threshold=2)
    assert by_several(encode_json(data), first, both).role == both


def test_a_bad_signature_by_a_key_of_any_role_refuses() -> None:
    """Attacker: spoils the signature of one role where another would accept."""
    data = statement_envelope(PROD)
    data["signatures"] += statement_envelope(SPARE, version="0.9")["signatures"]
    with pytest.raises(StatementError, match="does not verify"):
        by_several(encode_json(data), ROLE, role_of_keys((SPARE.public_key,)))


def test_the_role_of_the_key_has_to_cover_it() -> None:
    """Attacker: signs with a key of another product."""
    other = Role(**{**vars(role_of_keys((SPARE.public_key,))), "artifacts": ("Docs",)})
    with pytest.raises(ContextError, match="the keys may not sign for artifact 'ML-Model'"):
        by_several(statement(SPARE), ROLE, other)
    assert by_several(statement(SPARE, artifact="Docs"), ROLE, other).role == other


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((None, None), None),
        ((NOW, None), NOW),
        ((None, NOW), NOW),
        (("1970-01-01T00:00:00Z", NOW), NOW),
    ],
)
def test_the_time_is_the_latest_that_is_known(times: Any, expected: str | None) -> None:
    assert latest(*times) == expected


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
