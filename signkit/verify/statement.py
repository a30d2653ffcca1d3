"""The release statement: what a digest is released as.

Spec: docs/formats/statement.md; in-toto Statement v1.
"""

from __future__ import annotations

from signkit.errors import MalformedError
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, check_name, parse_json
from signkit.verify.value import Value

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:signkit:release:v1"


class Statement(Value):
    """One binary, released.

    Attributes:
        name: The content's file name.
        digest: SHA-256 of the content.
        artifact: 1 to 128 characters, as are version and target.
        version: As in the registry.
        target: What the content is for.
        size: Bytes of content.
        sequence: From 1, rising for one artifact and target.
        issued: RFC 3339 UTC text; when the release was requested.
        expires: RFC 3339 UTC text, or None for never.
        custom_metadata: SHA-256 of the canonical JSON of the custom metadata.
    """

    name: str
    digest: Sha256
    artifact: str
    version: str
    target: str
    size: int
    sequence: int
    issued: str
    expires: str | None
    custom_metadata: Sha256


def parse_statement(payload: bytes) -> Statement:
    """Parse the payload of a statement envelope; the envelope was opened before.

    Args:
        payload: UTF-8 JSON, at most limits.STATEMENT_SIZE bytes.

    Raises:
        FormatError: a field is unknown, missing or wrong, or the JSON is not strict.
    """
    fields = Fields(parse_json(payload, limit=limits.STATEMENT_SIZE, what="statement"), "statement")
    fields.constant("_type", STATEMENT_TYPE)
    subjects = fields.array("subject", least=1, most=1)
    fields.constant("predicateType", PREDICATE_TYPE)
    predicate = fields.member("predicate")
    fields.done()
    subject = Fields(subjects[0], "statement.subject[0]")
    statement = Statement(
        name=check_name(subject.text("name"), what="statement.subject[0].name"),
        digest=Sha256(subject.sha256("digest")),
        artifact=predicate.label("artifact"),
        version=predicate.label("version"),
        target=predicate.label("target"),
        size=predicate.integer("size", most=limits.CONTENT_SIZE),
        sequence=predicate.integer("sequence", least=1),
        issued=predicate.time("issued"),
        expires=predicate.optional_time("expires"),
        custom_metadata=Sha256(predicate.sha256("custom_metadata")),
    )
    subject.done()
    predicate.done()
    if statement.expires is not None and statement.expires <= statement.issued:
        message = f"statement expires at {statement.expires}, before it was issued"
        raise MalformedError(message)
    return statement
