"""The downgrade permit: one older release, allowed once more by those who release.

Spec: docs/formats/permit.md.
Controls: SK-VERIFY-PERMIT (docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.errors import ContextError, ExpiredError, MalformedError
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, parse_json
from signkit.verify.envelope import open_envelope, parse_envelope
from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signkit.verify.trust import Role

PAYLOAD_TYPE = "application/vnd.signkit.permit.v1+json"


class Permit(Value):
    """What may be installed although something newer was seen.

    Attributes:
        artifact: 1 to 128 characters, as is target.
        target: What the content is for.
        sequence: Exactly the sequence of the older release.
        digest: SHA-256 of its content.
        issued: RFC 3339 UTC text.
        expires: RFC 3339 UTC text, after issued.
    """

    artifact: str
    target: str
    sequence: int
    digest: Sha256
    issued: str
    expires: str


def parse_permit(payload: bytes) -> Permit:
    """Parse the payload of a permit; its envelope was opened before.

    Raises:
        FormatError: a field is unknown, missing or wrong.
    """
    fields = Fields(parse_json(payload, limit=limits.STATEMENT_SIZE, what="permit"), "permit")
    permit = Permit(
        artifact=fields.label("artifact"),
        target=fields.label("target"),
        sequence=fields.integer("sequence", least=1),
        digest=Sha256(fields.sha256("digest")),
        issued=fields.time("issued"),
        expires=fields.time("expires"),
    )
    fields.done()
    if permit.expires <= permit.issued:
        message = f"permit expires at {permit.expires}, before it was issued"
        raise MalformedError(message)
    return permit


def verify_permit(
    data: bytes, *, role: Role, release: tuple[str, str, int, Sha256], now: str | None
) -> Permit:
    """Verify that a permit is for exactly one release.

    Args:
        data: The envelope, at most limits.STATEMENT_SIZE bytes.
        role: Who released it: the same keys and threshold must have permitted it.
        release: Its artifact, target, sequence and digest.
        now: RFC 3339 UTC text, or None where no time is known: no permit holds then.

    Raises:
        FormatError, VerificationError: it is malformed, not authentic, for another release, or
            expired.
    """
    envelope = parse_envelope(
        data, payload_type=PAYLOAD_TYPE, limit=limits.STATEMENT_SIZE, what="permit"
    )
    opened = open_envelope(envelope, keys=role.keys, threshold=role.threshold, what="the permit")
    permit = parse_permit(opened.payload)
    named = (permit.artifact, permit.target, permit.sequence, permit.digest)
    if named != release:
        message = f"it is for {named[0]!r}, {named[1]!r}, sequence {named[2]}, or other content"
        raise ContextError(message)
    if now is None or now >= permit.expires:
        message = f"it expired at {permit.expires}; it is now {now or 'a time unknown'} (UTC)"
        raise ExpiredError(message)
    return permit
