"""Scheme `statement`: the release statement, in its envelope.

The payload follows from the request alone, so that several stations sign the same bytes.

Spec: docs/formats/statement.md.
"""

from __future__ import annotations

from signkit.errors import ContextError
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.model.request import Item, Request
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import canonical_json, encode_json
from signkit.verify.envelope import open_envelope, read_envelope
from signkit.verify.statement import (
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
)

NAME = "statement"
_EMPTY_METADATA = compute_digest(b"{}")


def compute_payload(item: Item, request: Request) -> bytes:
    """Return the statement's bytes for one item of a request."""
    return encode_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": item.name, "digest": {"sha256": item.digest.hex()}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "artifact": item.artifact,
                "version": item.version,
                "target": item.target,
                "size": item.size,
                "sequence": item.sequence,
                "issued": request.created,
                "expires": item.expires,
                "custom_metadata": {"sha256": _metadata_digest(item).hex()},
            },
        }
    )


def _metadata_digest(item: Item) -> Sha256:
    if not item.custom_metadata:
        return _EMPTY_METADATA
    return compute_digest(canonical_json(item.custom_metadata))


def sign(signer: Signing, item: Item, request: Request) -> dict[str, object]:
    """Sign one item.

    Returns:
        The envelope as a JSON value, not yet verified.

    Raises:
        CustodyError: the signer cannot sign.
    """
    payload = compute_payload(item, request)
    signature = sign_payload(PAYLOAD_TYPE, payload, signer, carry_key=False)
    return envelope_value(PAYLOAD_TYPE, payload, [signature])


def verify(key: PublicKey, item: Item, request: Request, value: object) -> bytes:
    """Verify one statement, and that it says of one item exactly what the request asked.

    Args:
        key: The key that is said to have signed.
        item: What is said to be signed.
        request: The request it stands in.
        value: The envelope as a JSON value.

    Returns:
        The statement's bytes, verified and exactly those that the request asks for, so there is
        nothing left to parse.

    Raises:
        FormatError: the envelope is malformed.
        UnknownKeyError: signed by another key only.
        SignatureInvalidError: it does not verify.
        ContextError: it says something else than was asked for.
    """
    envelope = read_envelope(value, payload_type=PAYLOAD_TYPE, what="statement")
    opened = open_envelope(envelope, keys={key.keyid: key}, threshold=1, what="the statement")
    if opened.payload != compute_payload(item, request):
        message = f"the statement for {item.name!r} says something else than the request asked for"
        raise ContextError(message, hint="sign the request again; do not edit what comes back")
    return opened.payload
