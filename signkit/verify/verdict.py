"""The verdict: may this content be used here?

Order (docs/formats/statement.md section 4): the statement's signatures; scope, window and threshold of
a role; what the caller expects; expiry; floor; then size and digest of the very bytes. Everything
that is cheap comes before the content is read.

Controls: SK-VERIFY-CONTEXT, SK-VERIFY-EXPIRY, SK-VERIFY-TIME, SK-VERIFY-FLOOR
(docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.errors import (
    ContextError,
    DigestMismatchError,
    ExpiredError,
    FormatError,
    RollbackError,
    SignatureInvalidError,
    SignkitError,
    StatementError,
    ThresholdError,
    VerificationError,
)
from signkit.verify import limits, statement
from signkit.verify.digest import Sha256, compute_stream_digest
from signkit.verify.ed25519 import verify_signature
from signkit.verify.envelope import open_envelope, parse_envelope
from signkit.verify.trust import Role, Trust, covers, holds_at
from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from signkit.verify.digest import ReadInto, Sink
    from signkit.verify.ed25519 import PublicKey

_ANY = ("*",)


class Expectation(Value):
    """What the caller asks of a statement beyond its signatures.

    Attributes:
        artifact: The artifact it must name, or None for any.
        target: The target it must name, or None for any.
        floor: The least sequence accepted.
        now: RFC 3339 UTC text, or None where no time is known: nothing expires then.
    """

    artifact: str | None
    target: str | None
    floor: int
    now: str | None


class VerifiedStatement(Value):
    """A statement that may be acted on: authentic, in scope, not expired, not too old.

    Attributes:
        statement: What it says.
        signers: The distinct keys of the role that signed it.
        role: The role that they signed it for.
    """

    statement: statement.Statement
    signers: tuple[PublicKey, ...]
    role: Role


def role_of_keys(keys: tuple[PublicKey, ...], *, threshold: int = 1) -> Role:
    """Return the role that is given by keys alone: any artifact, any target, any time."""
    members = {key.keyid: key for key in keys}
    return Role(
        name="given keys",
        keys=members,
        threshold=threshold,
        artifacts=_ANY,
        targets=_ANY,
        not_before=None,
        not_after=None,
    )


def release_roles(trust: Trust, *, now: str | None) -> tuple[Role, ...]:
    """Return who may sign releases.

    Raises:
        ExpiredError: the trust root is not valid any more.
    """
    check_expiry("the trust root", trust.expires, now)
    return tuple(trust.roles.values())


def check_expiry(what: str, expires: str | None, now: str | None) -> None:
    """Refuse what has expired: from that very second on.

    Raises:
        ExpiredError: it has.
    """
    if expires is not None and now is not None and now >= expires:
        message = f"{what} expired at {expires}; it is now {now} (UTC)"
        raise ExpiredError(message, hint="check this machine's clock, or ask for a new release")


def latest(*times: str | None) -> str | None:
    """Return the latest of several times, RFC 3339 UTC text; None where none is known."""
    return max((time for time in times if time is not None), default=None)


def verify_statement(
    data: bytes,
    *,
    roles: Sequence[Role],
    expectation: Expectation,
    floors: Mapping[tuple[str, str], int] | None = None,
    permits: Sequence[bytes] = (),
) -> VerifiedStatement:
    """Verify a statement's envelope and what it says, without its content.

    Args:
        data: The envelope, at most limits.STATEMENT_SIZE bytes.
        roles: Who may sign; one of them has to accept it.
        expectation: What the caller asks.
        floors: The least sequence by artifact and target, where something is remembered.
        permits: Downgrade permits, as read: one that is for this very release lifts the floor.

    Raises:
        StatementError: malformed, a signature does not verify, none of the roles' keys signed it,
            or a key that travels along must not be used; `reason` says which.
        ThresholdError: by too few of them.
        ContextError: another artifact or target than expected, or outside the scope of the keys.
        ExpiredError: not valid any more, or outside the window of the role.
        RollbackError: the sequence is below the floor.
    """
    keys = {keyid: key for role in roles for keyid, key in role.keys.items()}
    try:
        envelope = parse_envelope(
            data,
            payload_type=statement.PAYLOAD_TYPE,
            limit=limits.STATEMENT_SIZE,
            what="statement",
        )
        opened = open_envelope(envelope, keys=keys, threshold=1, what="the statement")
        said = statement.parse_statement(opened.payload)
    except (FormatError, VerificationError) as error:
        raise StatementError(str(error), hint=error.hint, reason=error.code) from error
    verified = _accept(said, roles, opened.signers, expectation.now)
    _check_context(said, expectation)
    check_expiry("the statement", said.expires, expectation.now)
    floor = max(expectation.floor, (floors or {}).get((said.artifact, said.target), 0))
    if said.sequence < floor:
        _check_permitted(verified, floor, permits, expectation.now)
    return verified


def _accept(
    said: statement.Statement,
    roles: Sequence[Role],
    signers: tuple[PublicKey, ...],
    now: str | None,
) -> VerifiedStatement:
    """Find a role that accepts it: covers it, is in its window, and enough of its keys signed."""
    where = f"artifact {said.artifact!r} and target {said.target!r}"
    refusal: VerificationError = ContextError(
        f"the keys may not sign for {where}",
        hint="the trust root says which artifacts and targets they may",
    )
    for role in roles:
        counted = tuple(key for key in signers if key.keyid in role.keys)
        if not counted or not covers(role, artifact=said.artifact, target=said.target):
            continue
        if now is not None and not holds_at(role, now):
            refusal = _outside_window(role, now)
        elif len(counted) < role.threshold:
            need, got = role.threshold, len(counted)
            message = f"the statement: expected signatures by {need} distinct keys, got {got}"
            missing = tuple(sorted(set(role.keys) - {key.keyid for key in counted}))
            refusal = ThresholdError(message, required=need, got=got, missing=missing)
        else:
            return VerifiedStatement(statement=said, signers=counted, role=role)
    raise refusal


def _outside_window(role: Role, now: str) -> ExpiredError:
    start, end = role.not_before or "ever", role.not_after or "ever"
    message = f"role {role.name!r} signs from {start} until {end}; it is now {now} (UTC)"
    return ExpiredError(message, hint="check this machine's clock, or ask for a new trust root")


def _check_context(said: statement.Statement, expectation: Expectation) -> None:
    for what, expected, got in (
        ("artifact", expectation.artifact, said.artifact),
        ("target", expectation.target, said.target),
    ):
        if expected is not None and expected != got:
            message = f"the statement is for another {what}: expected {expected!r}, got {got!r}"
            raise ContextError(message)


def _check_permitted(
    verified: VerifiedStatement, floor: int, permits: Sequence[bytes], now: str | None
) -> None:
    from signkit.verify.permit import verify_permit  # few verdicts get here

    said = verified.statement
    message = f"the statement is too old: expected sequence {floor} or more, got {said.sequence}"
    release = (said.artifact, said.target, said.sequence, said.digest)
    for data in permits:
        try:
            verify_permit(data, role=verified.role, release=release, now=now)
        except SignkitError as error:
            message += f"; the permit is refused: {error}"
        else:
            return
    hint = "ask for a newer release, or for a signed permit for this one"
    raise RollbackError(message, floor=floor, offered=said.sequence, hint=hint)


def verify_content(
    verified: VerifiedStatement, read_into: ReadInto, *, name: str, sink: Sink | None = None
) -> Sha256:
    """Verify that a stream is the content a verified statement names.

    Args:
        verified: From `verify_statement`.
        read_into: Fills a buffer, returns the bytes read, 0 at the end. Read no further than
            one byte past the signed size.
        name: What the content is called, for messages.
        sink: Gets each piece; nothing it got may be used unless this function returns.

    Returns:
        The digest.

    Raises:
        DigestMismatchError: another size or digest.
    """
    said = verified.statement
    digest, size = compute_stream_digest(read_into, size=said.size, sink=sink)
    check_content(verified, digest=digest, size=size, name=name)
    return digest


def check_content(verified: VerifiedStatement, *, digest: Sha256, size: int, name: str) -> None:
    """Check what was computed from content against a verified statement.

    Raises:
        DigestMismatchError: another size or digest.
    """
    said = verified.statement
    if size < said.size:
        difference = f"expected {said.size} bytes, got {size} bytes"
    elif size > said.size:
        difference = f"expected {said.size} bytes, got more than {said.size}"
    elif digest != said.digest:
        difference = f"expected SHA-256 {said.digest.hex()}, got {digest.hex()}"
    else:
        return
    message = f"{name} is not what was signed: {difference}"
    raise DigestMismatchError(message, hint="get the file again")


def verify_open_file(verified: VerifiedStatement, file: BinaryIO, *, name: str) -> BinaryIO:
    """Verify an open file from its start, and return it at its start, to be used.

    Whoever replaces the file meanwhile replaces another one. Whoever can write *into* it still
    can: keep it where nobody else may, or copy while verifying (`sink` of `verify_content`).

    Args:
        verified: From `verify_statement`.
        file: Opened in binary mode, seekable; best without a buffer.
        name: What it is called, for messages.

    Raises:
        DigestMismatchError: another size or digest.
    """
    file.seek(0)
    verify_content(verified, file.readinto, name=name)  # type: ignore[attr-defined]
    file.seek(0)
    return file


def verify_registry_signatures(
    digest: Sha256, signatures: Sequence[tuple[bytes | None, bytes]], *, role: Role
) -> tuple[PublicKey, ...]:
    """Verify the registry's own, blind signatures by the threshold of a role.

    They say nothing of artifact, target, sequence or expiry; the statement does.

    Args:
        digest: SHA-256 of the content, computed here.
        signatures: Raw public key that is said to have signed, or None for any of the role; and the
            64 bytes of the signature. One that does not verify does not count.
        role: Whose keys count, each once.

    Returns:
        The keys that signed.

    Raises:
        SignatureInvalidError: none verifies.
        ThresholdError: too few do.

    Spec: docs/formats/schemes.md; registry contract sections 3.2 and 5.2.
    """
    found = tuple(
        key
        for key in role.keys.values()
        if any(raw in {None, key.raw} and _signs(key, digest, given) for raw, given in signatures)
    )
    if not found:
        message = "no registry signature verifies under the keys trusted here"
        raise SignatureInvalidError(message)
    if len(found) < role.threshold:
        message = (
            f"expected registry signatures by {role.threshold} distinct keys, got {len(found)}"
        )
        raise ThresholdError(message, required=role.threshold, got=len(found))
    return found


def verify_blind(
    digest: Sha256,
    signatures: Sequence[tuple[bytes | None, bytes]],
    *,
    roles: Sequence[Role],
    now: str | None,
) -> tuple[PublicKey, ...]:
    """Verify registry signatures that stand alone: by a role that may sign anything.

    Args, Raises: as `verify_registry_signatures`; and
        ContextError: every role has a scope, and a blind signature does not say what it is for.
        ExpiredError: outside the window of the role.
    """
    refusal: VerificationError = ContextError(
        "the keys may sign for some artifacts and targets only, and a registry signature names none"
    )
    for role in roles:
        if "*" not in role.artifacts or "*" not in role.targets:
            continue
        if now is not None and not holds_at(role, now):
            refusal = _outside_window(role, now)
            continue
        try:
            return verify_registry_signatures(digest, signatures, role=role)
        except VerificationError as error:
            refusal = error
    raise refusal


def _signs(key: PublicKey, digest: Sha256, signature: bytes) -> bool:
    """Say whether a key signed a digest, as text or as bytes: the lengths keep the two apart."""
    for message in (digest.hex().encode("ascii"), bytes(digest)):
        try:
            return bool(verify_signature(key, message, signature))
        except SignatureInvalidError:
            continue
    return False
