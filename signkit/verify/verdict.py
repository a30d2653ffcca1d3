"""The verdict: may this content be used here?

Order (docs/formats/statement.md section 4): the statement's signatures and threshold; the scope of
the keys; what the caller expects; expiry; then size and digest of the very bytes. Everything that is
cheap comes before the content is read.
"""

from __future__ import annotations

from signkit.errors import (
    ContextError,
    DigestMismatchError,
    ExpiredError,
    FormatError,
    KeyRefusedError,
    ResponseError,
    RollbackError,
    SignatureInvalidError,
    StatementError,
    UnknownKeyError,
    VerificationError,
)
from signkit.verify import limits, statement
from signkit.verify.digest import Sha256, compute_stream_digest
from signkit.verify.encoding import Fields, encode_json, parse_json
from signkit.verify.envelope import (
    Envelope,
    carried_keys,
    open_envelope,
    parse_envelope,
    read_envelope,
)
from signkit.verify.trust import Role, Trust, covers, holds_at
from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signkit.verify.digest import ReadInto, Sink
    from signkit.verify.ed25519 import PublicKey

RESPONSE_TYPE = "application/vnd.signkit.response.v1+json"


class Expectation(Value):
    """What the caller asks of a statement beyond its signatures.

    Attributes:
        artifact: The artifact it must name, or None for any.
        target: The target it must name, or None for any.
        floor: The least sequence accepted.
        now: RFC 3339 UTC text, or None where there is no clock: nothing expires then.
    """

    artifact: str | None
    target: str | None
    floor: int
    now: str | None


class VerifiedStatement(Value):
    """A statement that may be acted on: authentic, in scope, not expired, not too old.

    Attributes:
        statement: What it says.
        signers: The distinct keys that signed it.
    """

    statement: statement.Statement
    signers: tuple[PublicKey, ...]


def role_of_keys(keys: tuple[PublicKey, ...], *, threshold: int = 1) -> Role:
    """Return the role that is given by keys alone: any artifact, any target."""
    members = {key.keyid: key for key in keys}
    return Role(
        name="given keys",
        keys=members,
        threshold=threshold,
        artifacts=("*",),
        targets=("*",),
        not_before=None,
        not_after=None,
    )


def release_roles(trust: Trust, *, now: str | None) -> tuple[Role, ...]:
    """Return who may sign releases now.

    Raises:
        ExpiredError: the trust root is not valid any more, or no role is valid now.
    """
    _check_expiry("the trust root", trust.expires, now)
    roles = tuple(role for role in trust.roles.values() if now is None or holds_at(role, now))
    if not roles:
        message = f"no role of the trust root is valid now, {now} (UTC)"
        raise ExpiredError(message, hint="check this machine's clock, or ask for a new trust root")
    return roles


def verify_statement_by_any(
    data: bytes, *, roles: tuple[Role, ...], expectation: Expectation
) -> VerifiedStatement:
    """Verify a statement under whichever of several roles it takes; see `verify_statement`.

    Raises: what the first role says, where none accepts it.
    """
    refusals: list[VerificationError] = []
    for role in roles:
        try:
            return verify_statement(data, role=role, expectation=expectation)
        except VerificationError as error:
            refusals.append(error)
    raise refusals[0]


def verify_statement(data: bytes, *, role: Role, expectation: Expectation) -> VerifiedStatement:
    """Verify a statement's envelope and what it says, without its content.

    Args:
        data: The envelope, at most limits.STATEMENT_SIZE bytes.
        role: Who may sign.
        expectation: What the caller asks.

    Raises:
        StatementError: malformed, a signature does not verify, none of the role's keys signed it,
            or a key that travels along must not be used; `reason` says which.
        ThresholdError: by too few of them.
        ContextError: another artifact or target than expected, or outside the role's scope.
        ExpiredError: not valid any more.
        RollbackError: the sequence is below the floor.
    """
    try:
        envelope = parse_envelope(
            data,
            payload_type=statement.PAYLOAD_TYPE,
            limit=limits.STATEMENT_SIZE,
            what="statement",
        )
        verified = _open(envelope, role)
    except (FormatError, SignatureInvalidError, UnknownKeyError, KeyRefusedError) as error:
        raise StatementError(str(error), hint=error.hint, reason=error.code) from error
    _check_context(verified.statement, role, expectation)
    _check_expiry("the statement", verified.statement.expires, expectation.now)
    _check_floor(verified.statement, expectation.floor)
    return verified


def read_statement_unverified(
    data: bytes,
) -> tuple[statement.Statement, tuple[str, ...], bytes]:
    """Read what a statement says without verifying it, to show it. Never act on it.

    Returns:
        What it says, the keyids that are said to have signed it, and its payload.

    Raises:
        StatementError: malformed.
    """
    try:
        envelope = parse_envelope(
            data,
            payload_type=statement.PAYLOAD_TYPE,
            limit=limits.STATEMENT_SIZE,
            what="statement",
        )
        said = statement.parse_statement(envelope._payload)
    except (FormatError, VerificationError) as error:
        raise StatementError(str(error), hint=error.hint, reason=error.code) from error
    return said, tuple(each.keyid for each in envelope.signatures), envelope._payload


def _open(envelope: Envelope, role: Role) -> VerifiedStatement:
    opened = open_envelope(envelope, keys=role.keys, threshold=role.threshold, what="the statement")
    return VerifiedStatement(
        statement=statement.parse_statement(opened.payload), signers=opened.signers
    )


def _check_context(said: statement.Statement, role: Role, expectation: Expectation) -> None:
    for what, expected, got in (
        ("artifact", expectation.artifact, said.artifact),
        ("target", expectation.target, said.target),
    ):
        if expected is not None and expected != got:
            message = f"the statement is for another {what}: expected {expected!r}, got {got!r}"
            raise ContextError(message)
    if not covers(role, artifact=said.artifact, target=said.target):
        message = f"the keys may not sign for artifact {said.artifact!r} and target {said.target!r}"
        raise ContextError(message, hint="the trust root says which artifacts and targets they may")


def _check_expiry(what: str, expires: str | None, now: str | None) -> None:
    if expires is not None and now is not None and now >= expires:
        message = f"{what} expired at {expires}; it is now {now} (UTC)"
        raise ExpiredError(message, hint="check this machine's clock, or ask for a new release")


def _check_floor(said: statement.Statement, floor: int) -> None:
    if said.sequence < floor:
        message = (
            f"the statement is too old: expected sequence {floor} or more, got {said.sequence}"
        )
        raise RollbackError(message, floor=floor, offered=said.sequence)


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
    if size != said.size:
        got = f"{size} bytes" if size < said.size else f"more than {said.size}"
        message = f"{name} is not what was signed: expected {said.size} bytes, got {got}"
        raise DigestMismatchError(message, hint="get the file again")
    if digest != said.digest:
        message = (
            f"{name} is not what was signed: expected SHA-256 {said.digest.hex()},"
            f" got {digest.hex()}"
        )
        raise DigestMismatchError(message, hint="get the file again")
    return digest


def statement_from_response(data: bytes, *, name: str, expectation: Expectation) -> bytes:
    """Take the statement for one content file out of a response.

    The response proves nothing here: its envelope is opened under the key that travels in it,
    which shows only that it is whole. The statement is verified afterwards.

    Args:
        data: The response, at most limits.RESPONSE_SIZE bytes.
        name: The content's file name. A response with a single statement answers for any name.
        expectation: Its artifact and target choose among statements for the same name.

    Returns:
        The envelope as JSON, for `verify_statement`.

    Raises:
        ResponseError: malformed, damaged, or not exactly one statement fits.
    """
    try:
        envelope = parse_envelope(
            data, payload_type=RESPONSE_TYPE, limit=limits.RESPONSE_SIZE, what="response"
        )
        keys = carried_keys(envelope)
        opened = open_envelope(envelope, keys=keys, threshold=1, what="the response")
        offered = _offered_statements(opened.payload)
    except (FormatError, VerificationError) as error:
        raise ResponseError(str(error), hint=error.hint, reason=error.code) from error
    fitting = [pair for pair in offered if _fits(pair[0], expectation)]
    if len(fitting) > 1:
        fitting = [pair for pair in fitting if pair[0].name == name]
    if len(fitting) != 1:
        message = f"the response holds {len(fitting)} statements that fit {name!r}, expected 1"
        raise ResponseError(message, hint="name the --artifact and --target, or another response")
    return fitting[0][1]


def _offered_statements(payload: bytes) -> list[tuple[statement.Statement, bytes]]:
    response = Fields(parse_json(payload, limit=limits.RESPONSE_SIZE, what="response"), "response")
    offered: list[tuple[statement.Statement, bytes]] = []
    for index, member in enumerate(response.array("items", most=limits.ITEM_COUNT)):
        where = f"response.items[{index}]"
        item = Fields(member, where)
        if not item.has("signatures"):
            continue
        for value in item.array("signatures", most=limits.ENVELOPE_SIGNATURE_COUNT):
            signature = Fields(value, f"{where}.signatures")
            if signature.text("scheme") == "statement":
                offered.append(_peek(signature.take("value")))
    return offered


def _peek(value: object) -> tuple[statement.Statement, bytes]:
    """Read what an unopened statement says, only to choose among several."""
    envelope = read_envelope(value, payload_type=statement.PAYLOAD_TYPE, what="statement")
    return statement.parse_statement(envelope._payload), encode_json(value)


def _fits(said: statement.Statement, expectation: Expectation) -> bool:
    return expectation.artifact in {None, said.artifact} and expectation.target in {
        None,
        said.target,
    }
