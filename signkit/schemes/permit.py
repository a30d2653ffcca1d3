"""Scheme `permit`: one older release, allowed once more on devices that have seen a newer one.

The payload follows from the request alone, so that several stations sign the same bytes. What it says
is said of the item: `prepare FILE --scheme permit --sequence N --expires DATE`.

Spec: docs/formats/permit.md.
"""

from __future__ import annotations

from signkit.errors import ContextError, MalformedError
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.model.request import Item, Request
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_json
from signkit.verify.envelope import open_envelope, read_envelope
from signkit.verify.permit import PAYLOAD_TYPE

NAME = "permit"


def compute_payload(item: Item, request: Request) -> bytes:
    """Return the permit's bytes for one item of a request.

    Raises:
        MalformedError: the item never expires, and no permit may last for ever.
    """
    if item.expires is None:
        message = f"a permit for {item.name!r} that never expires"
        raise MalformedError(message, hint="prepare it again with --expires")
    return encode_json(
        {
            "artifact": item.artifact,
            "target": item.target,
            "sequence": item.sequence,
            "digest": {"sha256": item.digest.hex()},
            "issued": request.created,
            "expires": item.expires,
        }
    )


def sign(signer: Signing, item: Item, request: Request) -> dict[str, object]:
    """Sign one item.

    Returns:
        The envelope as a JSON value, not yet verified.

    Raises:
        MalformedError: the item never expires.
        CustodyError: the signer cannot sign.
    """
    payload = compute_payload(item, request)
    signature = sign_payload(PAYLOAD_TYPE, payload, signer, carry_key=False)
    return envelope_value(PAYLOAD_TYPE, payload, [signature])


def verify(key: PublicKey, item: Item, request: Request, value: object) -> bytes:
    """Verify one permit, and that it permits exactly what the request asked.

    Args:
        key: The key that is said to have signed.
        item: What is said to be permitted.
        request: The request it stands in.
        value: The envelope as a JSON value.

    Returns:
        The permit's bytes, verified and exactly those that the request asks for.

    Raises:
        FormatError: the envelope is malformed.
        UnknownKeyError: signed by another key only.
        SignatureInvalidError: it does not verify.
        ContextError: it permits something else than was asked for.
    """
    envelope = read_envelope(value, payload_type=PAYLOAD_TYPE, what="permit")
    opened = open_envelope(envelope, keys={key.keyid: key}, threshold=1, what="the permit")
    if opened.payload != compute_payload(item, request):
        message = f"the permit for {item.name!r} permits something else than was asked for"
        raise ContextError(message, hint="sign the request again; do not edit what comes back")
    return opened.payload
