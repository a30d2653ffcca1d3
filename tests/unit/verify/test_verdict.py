"""One verdict: every refusal has its own class and exit code, and the cheap ones come first."""

from __future__ import annotations

import io
from typing import Any

import pytest

from signkit.errors import (
    ContextError,
    DigestMismatchError,
    ExpiredError,
    RollbackError,
    SignatureInvalidError,
    SignkitError,
    StatementError,
    ThresholdError,
)
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import Role, load_trust
from signkit.verify.verdict import (
    Expectation,
    VerifiedStatement,
    latest,
    release_roles,
    role_of_keys,
    verify_blind,
    verify_content,
    verify_open_file,
    verify_registry_signatures,
    verify_statement,
)
from tests.support.device import permit_envelope
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


def test_the_role_that_keys_alone_give() -> None:
    assert role_of_keys((PROD.public_key,), threshold=1) == role_of_keys((PROD.public_key,))
    assert role_of_keys((PROD.public_key, SPARE.public_key), threshold=2) == Role(
        name="given keys",
        keys={key.public_key.keyid: key.public_key for key in (PROD, SPARE)},
        threshold=2,
        artifacts=("*",),
        targets=("*",),
        not_before=None,
        not_after=None,
    )


def test_a_statement_is_verified() -> None:
    found = verified(statement(), artifact="ML-Model", target="aarch64-unknown-linux", floor=1)
    assert found.statement.digest == compute_digest(CONTENT)
    assert found.signers == (PROD.public_key,)


def test_malformed() -> None:
    error = refused(StatementError, 11, b"[]")
    assert isinstance(error, StatementError)
    assert error.reason == "malformed"
    assert str(error) == "statement: expected an object, got an array"


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


def test_the_highest_floor_counts() -> None:
    place = ("ML-Model", "aarch64-unknown-linux")
    for asked, remembered, floor in ((5, 3, 5), (3, 5, 5), (0, 5, 5)):
        options: Any = {"roles": (ROLE,), "expectation": expecting(floor=asked)}
        floors = {place: remembered, ("ML-Model", "other"): 9, ("Docs", place[1]): 9}
        accepted = verify_statement(statement(sequence=floor), floors=floors, **options)
        assert accepted.statement.sequence == floor
        with pytest.raises(RollbackError, match=f"^the statement is too old: .* {floor} or more"):
            verify_statement(statement(sequence=floor - 1), floors=floors, **options)


def test_a_permit_for_this_release_lifts_the_floor() -> None:
    """Any of several suffices; where none does, the refusal says why each does not."""
    good, other, foreign = (
        encode_json(permit_envelope()),
        encode_json(permit_envelope(sequence=2)),
        encode_json(permit_envelope(STRANGER)),
    )

    def permitted(*permits: bytes) -> VerifiedStatement:
        asked = expecting(floor=5)
        return verify_statement(statement(), roles=(ROLE,), expectation=asked, permits=permits)

    for permits in ((good,), (other, good), (good, foreign)):
        assert permitted(*permits).statement.sequence == 1
    with pytest.raises(RollbackError) as caught:
        permitted(other, foreign)
    assert str(caught.value) == (
        "the statement is too old: expected sequence 5 or more, got 1; the permit is refused:"
        " it is for 'ML-Model', 'aarch64-unknown-linux', sequence 2, or other content;"
        f" the permit is refused: the permit is signed by {STRANGER.public_key.keyid},"
        " which is none of the keys trusted here"
    )


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


def test_a_window_may_be_open_on_one_side() -> None:
    for role, said in (
        (scoped(not_before="2026-06-01T00:00:01Z"), "from 2026-06-01T00:00:01Z until ever;"),
        (scoped(not_after=NOW), f"from ever until {NOW};"),
    ):
        error = refused(ExpiredError, 15, statement(), role=role)
        assert str(error) == f"role 'given keys' signs {said} it is now {NOW} (UTC)"


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


def test_an_open_file_is_verified_from_its_start_and_given_back_at_its_start() -> None:
    file = io.BytesIO(CONTENT)
    file.seek(3)
    assert verify_open_file(verified(statement()), file, name="f") is file
    assert file.read() == CONTENT
    with pytest.raises(DigestMismatchError, match=r"^f is not what was signed: expected 14 bytes"):
        verify_open_file(verified(statement()), io.BytesIO(CONTENT[1:]), name="f")


DIGEST = compute_digest(CONTENT)
BOTH = role_of_keys((PROD.public_key, SPARE.public_key), threshold=2)


def offered(*keys: KeyOfTest) -> list[tuple[bytes | None, bytes]]:
    """Registry signatures, each beside its key."""
    return [(key.public_key.raw, key.sign(DIGEST.hex().encode())) for key in keys]


def test_registry_signatures_reach_a_threshold() -> None:
    by_both = (PROD.public_key, SPARE.public_key)
    assert verify_registry_signatures(DIGEST, offered(SPARE, STRANGER, PROD), role=BOTH) == by_both
    without_key = [(None, given) for _raw, given in offered(PROD, SPARE)]
    assert verify_registry_signatures(DIGEST, without_key, role=BOTH) == by_both
    as_bytes = [(key.public_key.raw, key.sign(bytes(DIGEST))) for key in (PROD, SPARE)]
    assert verify_registry_signatures(DIGEST, as_bytes, role=BOTH) == by_both


def test_too_few_registry_signatures() -> None:
    """Attacker: has one key sign twice, or says that a signature is by another key."""
    by_one = offered(PROD)[0][1]
    for signatures in (
        offered(PROD, PROD),
        [*offered(PROD), (SPARE.public_key.raw, by_one)],
        [*offered(PROD), (None, by_one)],
    ):
        with pytest.raises(ThresholdError) as caught:
            verify_registry_signatures(DIGEST, signatures, role=BOTH)
        error = caught.value
        assert str(error) == "expected registry signatures by 2 distinct keys, got 1"
        assert (error.required, error.got, error.exit_code) == (2, 1, 17)


@pytest.mark.parametrize(
    "signatures",
    [[], offered(STRANGER), [(STRANGER.public_key.raw, offered(PROD)[0][1])], [(None, b"")]],
)
def test_no_registry_signature(signatures: list[tuple[bytes | None, bytes]]) -> None:
    with pytest.raises(SignatureInvalidError) as caught:
        verify_registry_signatures(DIGEST, signatures, role=BOTH)
    assert str(caught.value) == "no registry signature verifies under the keys trusted here"


def blind(*roles: Role, now: str | None = NOW) -> tuple[PublicKey, ...]:
    return verify_blind(DIGEST, offered(PROD), roles=roles, now=now)


@pytest.mark.parametrize("scope", [{"artifacts": ("ML-*",)}, {"targets": ("aarch64-*",)}])
def test_a_blind_signature_needs_a_role_without_scope(scope: dict[str, Any]) -> None:
    """Attacker: offers the registry signature of a product's key for another product."""
    with pytest.raises(ContextError) as caught:
        blind(scoped(**scope))
    assert str(caught.value) == (
        "the keys may sign for some artifacts and targets only, and a registry signature names none"
    )
    assert blind(scoped(**scope), ROLE) == (PROD.public_key,)


def test_a_blind_signature_outside_the_window_of_the_role() -> None:
    role = scoped(not_after=NOW)
    with pytest.raises(ExpiredError) as caught:
        blind(role)
    assert str(caught.value) == (
        f"role 'given keys' signs from ever until {NOW}; it is now {NOW} (UTC)"
    )
    for roles, now in (((role, ROLE), NOW), ((role,), "2026-05-31T23:59:59Z"), ((role,), None)):
        assert blind(*roles, now=now) == (PROD.public_key,)


def test_a_blind_signature_by_any_role() -> None:
    strangers = role_of_keys((STRANGER.public_key,))
    assert blind(strangers, ROLE) == blind(ROLE, strangers) == (PROD.public_key,)
    with pytest.raises(SignatureInvalidError, match=r"^no registry signature verifies"):
        blind(strangers)
    with pytest.raises(ThresholdError, match=r"by 2 distinct keys, got 1$"):
        blind(strangers, BOTH)
