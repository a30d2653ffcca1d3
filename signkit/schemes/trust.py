"""Scheme `trust`: one root key's signature of a trust root, in its envelope.

The trust root travels whole in its item, so that the station shows what it signs. It is never signed
beside anything else, and never anything but a trust root is signed so.

Spec: docs/formats/trust-root.md section 5.
"""

from __future__ import annotations

from signkit.errors import ContextError, MalformedError, PolicyError
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.formats.trust import encode_trust
from signkit.model.request import Item, Request, Wanted
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_json, parse_json
from signkit.verify.envelope import Signature, open_envelope, read_envelope
from signkit.verify.trust import PAYLOAD_TYPE, ROOT_ROLE, Trust, parse_trust

NAME = "trust"
CONTROL = "SK-SIGN-TRUST"
MEMBER = "trust"
_WANTED = Wanted(scheme=NAME, role=ROOT_ROLE)


def build_item(payload: bytes) -> Item:
    """Return the one item that asks for signatures of a trust root.

    Args:
        payload: As `encode_trust` writes it.

    Raises:
        FormatError, KeyRefusedError: it is no trust root.
        NotCanonicalError: another spelling than a writer's.
    """
    trust = _parse(payload)
    value = parse_json(payload, limit=len(payload), what="trust root")
    return Item(
        name="trust.json",
        size=len(payload),
        digest=compute_digest(payload),
        artifact="trust-root",
        version=str(trust.version),
        target="any",
        sequence=trust.version,
        expires=None,
        custom_metadata={MEMBER: value},
        wanted=(_WANTED,),
    )


def _parse(payload: bytes) -> Trust:
    trust = parse_trust(payload)
    if encode_trust(trust) != payload:
        message = "the trust root is not spelled as a writer spells it"
        raise MalformedError(message, hint="make the draft again with `signkit trust`")
    return trust


def is_asked(request: Request) -> bool:
    """Say whether any item of a request wants this scheme."""
    return any(map(is_wanted, request.items))


def is_wanted(item: Item) -> bool:
    """Say whether an item wants this scheme."""
    return any(wanted.scheme == NAME for wanted in item.wanted)


def check_alone(request: Request) -> None:
    """Check that a request for a trust root asks for nothing else.

    Raises:
        PolicyError: control SK-SIGN-TRUST.
    """
    if is_asked(request) and [item.wanted for item in request.items] != [(_WANTED,)]:
        message = "a trust root is asked for beside other items, schemes or roles"
        hint = "a trust root is signed alone, by the root role: ask for it with `trust request`"
        raise PolicyError(message, control=CONTROL, hint=hint)


def read_item(item: Item) -> tuple[Trust, bytes]:
    """Return the trust root that an item asks to be signed, and its bytes.

    Raises:
        FormatError, KeyRefusedError: there is none in it, or it is malformed.
        ContextError: the item says something else than the trust root in it.
    """
    if MEMBER not in item.custom_metadata:
        message = f"the item {item.name!r} holds no trust root"
        raise MalformedError(message, hint="`signkit trust request` makes such a request")
    payload = encode_json(item.custom_metadata[MEMBER])
    if item != build_item(payload):
        message = f"the item {item.name!r} says something else than the trust root in it"
        raise ContextError(message, hint="`signkit trust request` makes the request again")
    return _parse(payload), payload


def sign(signer: Signing, item: Item, request: Request) -> dict[str, object]:
    """Sign the trust root of a request.

    Returns:
        The envelope with this one signature as a JSON value, not yet verified.

    Raises:
        PolicyError: something else is asked for as well.
        FormatError, KeyRefusedError, ContextError: as `read_item`.
        CustodyError: the signer cannot sign.
    """
    check_alone(request)
    _trust, payload = read_item(item)
    signature = sign_payload(PAYLOAD_TYPE, payload, signer, carry_key=False)
    return envelope_value(PAYLOAD_TYPE, payload, [signature])


def verify(key: PublicKey, item: Item, request: Request, value: object) -> bytes:
    """Verify one signature of the trust root of a request.

    Args:
        key: The key that is said to have signed.
        item: What is said to be signed.
        request: The request it stands in.
        value: The envelope as a JSON value.

    Returns:
        The trust root's payload.

    Raises:
        PolicyError, FormatError, KeyRefusedError, ContextError, UnknownKeyError,
        SignatureInvalidError: as `read_item` and `open_signature`.
    """
    check_alone(request)
    _trust, payload = read_item(item)
    open_signature(key, payload, value)
    return payload


def open_signature(key: PublicKey, payload: bytes, value: object) -> Signature:
    """Verify that an envelope holds one key's signature of a trust root.

    Args:
        key: The key that is said to have signed.
        payload: What is to be signed.
        value: The envelope as a JSON value.

    Returns:
        The signature, verified.

    Raises:
        FormatError: the envelope is malformed.
        UnknownKeyError: signed by another key only.
        SignatureInvalidError: it does not verify.
        ContextError: it is of another trust root.
    """
    envelope = read_envelope(value, payload_type=PAYLOAD_TYPE, what="trust root")
    opened = open_envelope(envelope, keys={key.keyid: key}, threshold=1, what="the trust root")
    if opened.payload != payload:
        message = "the signature is of another trust root"
        raise ContextError(message, hint="it may be of an earlier draft; ask for this one again")
    return next(each for each in envelope.signatures if each.keyid == key.keyid)
