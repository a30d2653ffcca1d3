"""The one envelope: DSSE v1.

Bytes are verified first and parsed after. `parse_envelope` reads the outside only; `open_envelope`
is the only way to the payload.

A signature may carry the public key it was made with, in the field `public_key`. The key is only
a convenience of transport: its keyid must be the SHA-256 of it, and whoever opens the envelope
says which keys count.

Spec: docs/formats/envelope.md; DSSE v1.0 (protocol and envelope).
Controls: SK-VERIFY-FIRST, SK-VERIFY-THRESHOLD (docs/design/assurance.md).
"""

from __future__ import annotations

from signkit.errors import MalformedError, ThresholdError, UnknownKeyError
from signkit.verify import limits
from signkit.verify.ed25519 import (
    PUBLIC_KEY_SIZE,
    SIGNATURE_SIZE,
    PublicKey,
    enrol_public_key,
    verify_signature,
)
from signkit.verify.encoding import Fields, decode_base64, decode_hex, parse_json
from signkit.verify.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Signature(Value):
    """One signature of an envelope, not verified.

    Attributes:
        keyid: 64 lower-case hex digits.
        signature: 64 bytes.
        public_key: The key that travels along, or None; its keyid is this keyid.
    """

    keyid: str
    signature: bytes
    public_key: PublicKey | None


class Envelope(Value):
    """An envelope whose outside was read; nothing in it is verified.

    Attributes:
        payload_type: The media type under the signatures.
        signatures: 1 to limits.ENVELOPE_SIGNATURE_COUNT, no keyid twice.
    """

    payload_type: str
    signatures: tuple[Signature, ...]
    _payload: bytes


class Opened(Value):
    """What came out of an envelope: authentic bytes.

    Attributes:
        payload: The bytes that were signed.
        signers: The distinct keys whose signatures verified, at least the threshold asked for.
    """

    payload: bytes
    signers: tuple[PublicKey, ...]


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature covers (DSSE v1.0, protocol, "PAE")."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes, *, payload_type: str, limit: int, what: str) -> Envelope:
    """Read the outside of an envelope.

    Args:
        data: The bytes as read.
        payload_type: The only media type accepted.
        limit: The most bytes accepted.
        what: What is in the envelope, for messages.

    Raises:
        TooLargeError, MalformedError, NotCanonicalError, KeyRefusedError: see `read_envelope`.
    """
    value = parse_json(data, limit=limit, what=what)
    return read_envelope(value, payload_type=payload_type, what=what)


def read_envelope(value: object, *, payload_type: str, what: str) -> Envelope:
    """Read the outside of an envelope that is already a JSON value.

    Raises:
        TooLargeError: too many signatures.
        MalformedError: a field is unknown, missing or wrong, another payload type, or a keyid
            twice or not that of the key beside it.
        NotCanonicalError: hex or base64 in a second spelling.
        KeyRefusedError: a key that travels along must not be used.
    """
    fields = Fields(value, what)
    fields.constant("payloadType", payload_type)
    payload = decode_base64(fields.text("payload"), what=f"{what}.payload")
    members = fields.array("signatures", least=1, most=limits.ENVELOPE_SIGNATURE_COUNT)
    fields.done()
    signatures = tuple(
        _read_signature(member, f"{what}.signatures[{index}]")
        for index, member in enumerate(members)
    )
    if len({signature.keyid for signature in signatures}) != len(signatures):
        message = f"{what}: one key signed twice; a key counts once"
        raise MalformedError(message)
    return Envelope(payload_type=payload_type, signatures=signatures, _payload=payload)


def _read_signature(value: object, where: str) -> Signature:
    fields = Fields(value, where)
    keyid = fields.text("keyid")
    decode_hex(keyid, size=32, what=f"{where}.keyid")
    signature = decode_base64(fields.text("sig"), what=f"{where}.sig", size=SIGNATURE_SIZE)
    key = None
    if fields.has("public_key"):
        text = fields.text("public_key")
        key = enrol_public_key(
            decode_base64(text, what=f"{where}.public_key", size=PUBLIC_KEY_SIZE)
        )
        if key.keyid != keyid:
            message = f"{where}.keyid: expected {key.keyid}, the SHA-256 of the key, got {keyid}"
            raise MalformedError(message)
    fields.done()
    return Signature(keyid=keyid, signature=signature, public_key=key)


def peek_payload(envelope: Envelope) -> bytes:
    """Return the payload before anything is verified: to show it, never to act on it."""
    return envelope._payload


def open_envelope(
    envelope: Envelope, *, keys: Mapping[str, PublicKey], threshold: int, what: str
) -> Opened:
    """Verify an envelope and return its payload.

    Args:
        envelope: From `parse_envelope`.
        keys: The keys that count, by keyid. Signatures by others are passed over.
        threshold: How many distinct keys it takes, at least 1.
        what: What is in the envelope, for messages.

    Returns:
        The payload, and the keys that signed it.

    Raises:
        SignatureInvalidError: a signature by a key that counts does not verify. One bad
            signature refuses the envelope, even where others would reach the threshold.
        UnknownKeyError: no signature is by a key that counts.
        ThresholdError: fewer distinct keys than threshold.
    """
    if threshold < 1:
        message = f"threshold: expected at least 1, got {threshold}"
        raise ValueError(message)
    message_signed = pre_authentication_encoding(envelope.payload_type, envelope._payload)
    signers: dict[bytes, PublicKey] = {}
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is not None:
            verify_signature(key, message_signed, signature.signature)
            signers[key.raw] = key
    if not signers:
        named = ", ".join(signature.keyid for signature in envelope.signatures)
        message = f"{what} is signed by {named}, which is none of the keys trusted here"
        raise UnknownKeyError(message)
    if len(signers) < threshold:
        missing = tuple(sorted(set(keys) - {key.keyid for key in signers.values()}))
        message = f"{what}: expected signatures by {threshold} distinct keys, got {len(signers)}"
        raise ThresholdError(message, required=threshold, got=len(signers), missing=missing)
    return Opened(payload=envelope._payload, signers=tuple(signers.values()))


def carried_keys(envelope: Envelope) -> dict[str, PublicKey]:
    """Return the keys that travel in an envelope, by keyid; trusted by nobody yet."""
    keys = (signature.public_key for signature in envelope.signatures)
    return {key.keyid: key for key in keys if key is not None}
