"""Writing envelopes, and the two documents that carry their own key: request and response.

Reading is the ground floor's (`verify/envelope.py`). What is signed here is verified there before it
is handed out: a signature made by faulty memory never leaves (docs/design/assurance.md).

Spec: docs/formats/envelope.md.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from signkit.errors import ContextError, MalformedError, NotCanonicalError, UnknownKeyError
from signkit.verify import limits
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.ed25519 import PublicKey, verify_signature
from signkit.verify.encoding import Fields, encode_base64, encode_json
from signkit.verify.envelope import (
    Signature,
    carried_keys,
    open_envelope,
    parse_envelope,
    pre_authentication_encoding,
)

_NO_PAYLOAD = b'"payload":""'


class Signing(Protocol):
    """Whatever can sign: custody's signers, seen from below."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the Ed25519 signature of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDocument:
    """A document that is whole, and the key that it travelled with.

    Attributes:
        payload: The bytes that were signed.
        digest: SHA-256 of the file.
        key: The key that signed it; known to nobody yet.
    """

    payload: bytes
    digest: Sha256
    key: PublicKey


def sign_payload(
    payload_type: str, payload: bytes, signer: Signing, *, carry_key: bool
) -> Signature:
    """Sign a payload. The caller verifies before the signature leaves its hands.

    Args:
        payload_type: The media type under the signature.
        payload: The bytes to sign.
        signer: Who signs.
        carry_key: Whether the public key travels in the envelope.

    Raises:
        CustodyError: the signer cannot sign.
    """
    message = pre_authentication_encoding(payload_type, payload)
    key = signer.public_key
    return Signature(
        keyid=key.keyid,
        signature=signer.sign(message),
        public_key=key if carry_key else None,
    )


def envelope_value(
    payload_type: str, payload: bytes, signatures: Sequence[Signature]
) -> dict[str, object]:
    """Return an envelope as a JSON value, its members in the order of the specification."""
    return {
        "payloadType": payload_type,
        "payload": encode_base64(payload),
        "signatures": [_signature_value(signature) for signature in signatures],
    }


def join_envelopes(parts: Mapping[str, object], *, what: str) -> dict[str, object]:
    """Return one envelope that holds the signatures of several with one payload, by rising keyid.

    Of each only the signature by its own key is taken: whatever stands beside it was verified by
    nobody.

    Args:
        parts: keyid to the envelope that this key signed, as a JSON value; at least one.
        what: What is in them, for messages.

    Raises:
        FormatError: an envelope is malformed.
        UnknownKeyError: one of them does not hold the signature of its key.
        ContextError: their payloads are not the same bytes.

    Spec: docs/formats/combined.md section 4.
    """
    payloads: set[tuple[str, str]] = set()
    signatures: list[object] = []
    for keyid, value in sorted(parts.items()):
        fields = Fields(value, what)
        payloads.add((fields.text("payloadType"), fields.text("payload")))
        offered = fields.array("signatures", most=limits.ENVELOPE_SIGNATURE_COUNT)
        own = [each for each in offered if isinstance(each, dict) and each.get("keyid") == keyid]
        if len(own) != 1:
            message = f"the {what} is not signed by {keyid}, which is said to have signed it"
            raise UnknownKeyError(message)
        signatures += own
    if len(payloads) != 1:
        message = f"the {what} says one thing in one envelope and another in the next"
        raise ContextError(message)
    ((kind, payload),) = payloads
    return {"payloadType": kind, "payload": payload, "signatures": signatures}


def encode_envelope(payload_type: str, payload: bytes, signatures: Sequence[Signature]) -> bytes:
    """Return an envelope as its file: what `encode_json` makes of `envelope_value`.

    The payload goes past the JSON writer, because base64 needs no escaping and may be large.
    """
    return _fill_envelope(payload_type, b2a_base64(payload, newline=False), signatures)


def _fill_envelope(payload_type: str, encoded: bytes, signatures: Sequence[Signature]) -> bytes:
    shell = encode_json(envelope_value(payload_type, b"", signatures))
    before, after = shell.split(_NO_PAYLOAD, 1)
    return b"".join((before, _NO_PAYLOAD[:-1], encoded, b'"', after))


def _signature_value(signature: Signature) -> dict[str, object]:
    value: dict[str, object] = {"keyid": signature.keyid}
    if signature.public_key is not None:
        value["public_key"] = encode_base64(signature.public_key.raw)
    value["sig"] = encode_base64(signature.signature)
    return value


def encode_document(payload_type: str, payload: bytes, signer: Signing) -> bytes:
    """Sign a payload, verify the signature, and return the file of a request or response.

    Raises:
        CustodyError: the signer cannot sign.
        SignatureInvalidError: the signer returned something that does not verify.
    """
    with signed_document(payload_type, payload, signer) as data:
        return data


@contextmanager
def signed_document(payload_type: str, payload: bytes, signer: Signing) -> Iterator[bytes]:
    """Sign a payload, and verify the signature while the body of the `with` runs.

    OpenSSL and libsodium leave the interpreter to others, so two cores share the work. What the
    body makes of the document must not be given out before its end, which raises where the
    signature is bad.

    Yields:
        The file of a request or response.

    Raises:
        CustodyError: the signer cannot sign.
        SignatureInvalidError: the signer returned something that does not verify.
    """
    message = pre_authentication_encoding(payload_type, payload)
    key = signer.public_key
    with ThreadPoolExecutor(1) as threads:
        encoded = threads.submit(b2a_base64, payload, newline=False)
        raw = signer.sign(message)
        verified = threads.submit(verify_signature, key, message, raw)
        signature = Signature(keyid=key.keyid, signature=raw, public_key=key)
        yield _fill_envelope(payload_type, encoded.result(), [signature])
        verified.result()


def open_document(data: bytes, *, payload_type: str, limit: int, what: str) -> OpenedDocument:
    """Open a request or response under the one key that travels in it.

    Args:
        data: The file.
        payload_type: The only media type accepted.
        limit: The most bytes accepted.
        what: What it is, for messages.

    Raises:
        FormatError: malformed, or any other spelling than a writer's.
        SignatureInvalidError: the signature does not verify.
    """
    envelope = parse_envelope(data, payload_type=payload_type, limit=limit, what=what)
    keys = carried_keys(envelope)
    if len(envelope.signatures) != 1 or len(keys) != 1:
        message = f"{what}: expected one signature with its public key"
        raise MalformedError(message)
    opened = open_envelope(envelope, keys=keys, threshold=1, what=f"the {what}")
    if encode_envelope(payload_type, opened.payload, envelope.signatures) != data:
        message = f"{what}: the file is not spelled as a writer spells it"
        raise NotCanonicalError(message, hint="take the file as it was written; do not reformat it")
    return OpenedDocument(
        payload=opened.payload, digest=compute_digest(data), key=opened.signers[0]
    )
