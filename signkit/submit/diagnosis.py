"""Why a signature that was made without signkit does not verify: the key, the bytes or the encoding.

Every guess is a verification: what is said of a signature was tried and found so.

Spec: docs/formats/payloads.md section 3.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b, sha256, sha512

from signkit.errors import SignatureInvalidError
from signkit.formats.display import one_line
from signkit.formats.signature_file import FoundSignature, SignatureForm
from signkit.model.response import NamedKey
from signkit.schemes import peridio
from signkit.schemes.messages import Message
from signkit.verify.ed25519 import SIGNATURE_SIZE, PublicKey, verify_signature

_HALF = SIGNATURE_SIZE // 2


class Fault(StrEnum):
    """What is wrong with a signature."""

    MISSING = "missing"
    KEY = "key"
    BYTES = "bytes"
    ENCODING = "encoding"
    UNKNOWN = "key or bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why one signature cannot be imported.

    Attributes:
        fault: What is wrong.
        text: A sentence for people; nothing in it is unescaped.
    """

    fault: Fault
    text: str


def verifies(key: PublicKey, data: bytes, signature: bytes) -> bool:
    """Say whether a signature verifies; for guesses only, nothing is let in by it."""
    try:
        verify_signature(key, data, signature)
    except SignatureInvalidError:
        return False
    return True


def diagnose(
    found: FoundSignature,
    message: Message,
    *,
    key: PublicKey,
    others: Sequence[NamedKey],
    messages: Sequence[Message],
) -> Problem:
    """Find out why a signature of a message does not verify, or must not be used though it does.

    Args:
        found: The signature.
        message: What it is to sign.
        key: Who is to have signed.
        others: Keys that may have been taken by mistake.
        messages: All messages of the request.
    """
    form = _other_form(found, message, key, others)
    if form is not None:
        return form
    for named in others:
        if verifies(named.public_key, message.data, found.signature):
            return _other_key(named)
    for what, data in _other_bytes(message, messages):
        if verifies(key, data, found.signature):
            return Problem(fault=Fault.BYTES, text=f"it signs {what} instead")
    for what, signature in _other_encodings(found.signature):
        if verifies(key, message.data, signature):
            return Problem(fault=Fault.ENCODING, text=f"it is the right signature {what}")
    text = (
        f"it does not verify under {key.keyid}: made with another key (--other tries one), or over"
        " other bytes"
    )
    return Problem(fault=Fault.UNKNOWN, text=text)


def _other_key(named: NamedKey) -> Problem:
    text = f"it is signed with {one_line(named.name)}, {named.public_key.keyid}"
    return Problem(fault=Fault.KEY, text=text)


def _other_form(
    found: FoundSignature, message: Message, key: PublicKey, others: Sequence[NamedKey]
) -> Problem | None:
    """Return what to say of a form that signs other bytes; None for the forms that sign the message."""
    if found.form is SignatureForm.PREHASHED:
        made, instead = "minisign signed a hash of the message", "sign it with `minisign -S -l`"
    elif found.form is SignatureForm.SSHSIG:
        made = "ssh-keygen signed an SSHSIG frame round the message"
        instead = "write the key with `signkit keys convert --to pem`, and sign it with openssl"
    else:
        return None
    covered = found.covers(message.data)
    if verifies(key, covered, found.signature):
        text = f"key and message are right, but {made}, which no device checks: {instead}"
        return Problem(fault=Fault.BYTES, text=text)
    for named in others:
        if verifies(named.public_key, covered, found.signature):
            return _other_key(named)
    text = f"{made}, with another key or over another message; no device checks that: {instead}"
    return Problem(fault=Fault.BYTES, text=text)


def _other_bytes(message: Message, messages: Sequence[Message]) -> Iterator[tuple[str, bytes]]:
    data = message.data
    yield "the message with a line feed behind it", data + b"\n"
    yield "the message with CR and LF behind it", data + b"\r\n"
    for name, hashed in (
        ("SHA-256", sha256(data)),
        ("SHA-512", sha512(data)),
        ("BLAKE2b", blake2b(data)),
    ):
        yield f"the {name} of the message", hashed.digest()
        yield f"the {name} of the message in hex", hashed.hexdigest().encode("ascii")
    yield from _blind_bytes(message) if message.scheme == peridio.NAME else _framed_bytes(message)
    for other in messages:
        if other is not message:
            yield f"the message of item {other.place + 1} under {other.scheme}", other.data


def _blind_bytes(message: Message) -> Iterator[tuple[str, bytes]]:
    """Yield what else people sign where a digest in lower-case hex is meant."""
    data, name = message.data, message.item.name.encode("utf-8", "surrogatepass")
    yield "the digest's 32 raw bytes, not its 64 hex digits", message.item.digest
    yield "the digest in upper-case hex", data.upper()
    for mark in (b"  ", b" *"):
        yield "the line of sha256sum", data + mark + name + b"\n"


def _framed_bytes(message: Message) -> Iterator[tuple[str, bytes]]:
    """Yield what else people sign where a DSSE frame is meant: DSSEv1 LEN type LEN payload."""
    payload = message.data.split(b" ", 4)[-1]
    yield "the payload without its DSSE frame", payload
    yield "the payload in base64", b64encode(payload)


def _other_encodings(signature: bytes) -> Iterator[tuple[str, bytes]]:
    first, second = signature[:_HALF], signature[_HALF:]
    yield "with its bytes reversed", signature[::-1]
    yield "with its halves swapped", second + first
    yield "with the bytes of each half reversed", first[::-1] + second[::-1]
