"""Sealed key files as bytes: an envelope that its own key signed, around a box that nobody opens here.

Everything that can be checked without the passphrase is checked by `parse_sealed_key`. Opening the
box is custody's (`custody/sealed.py`).

Spec: docs/formats/sealed-key.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signkit.errors import (
    MalformedError,
    NotCanonicalError,
    SignatureInvalidError,
    TooLargeError,
)
from signkit.formats.envelope import Signing, encode_document, open_document
from signkit.model.purpose import Purpose
from signkit.verify import limits
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import (
    Fields,
    check_text,
    decode_base64,
    decode_hex,
    encode_base64,
    encode_json,
    parse_json,
)

PAYLOAD_TYPE = "application/vnd.signkit.sealed-key.v1+json"
SALT_SIZE, NONCE_SIZE, BOX_SIZE = 16, 24, 80
PASSES_LEAST, PASSES_MOST = 3, 1024
MEMORY_LEAST, MEMORY_MOST = 64 * limits.MIB, 1024 * limits.MIB
WORK_MOST = 64 * 1024 * limits.MIB  # passes * memory
_KDF = "argon2id13"
_KIB = 1024
_GLOB_COUNT = 64
_SCHEME_COUNT = 16
_WHAT = "sealed key"
# How such a file begins, as its writer spells it.
_START = b'{"payloadType":"' + PAYLOAD_TYPE.encode("ascii") + b'"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    """How dear a guess at the passphrase is.

    Attributes:
        passes: Over the memory; argon2's t.
        memory: Bytes, whole KiB; argon2's m.
    """

    passes: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHeader:
    """All that a sealed key file says without its passphrase, but the box.

    Attributes:
        keyid: Of the key.
        created: RFC 3339 UTC text; informative.
        purpose: What the key may sign.
        predecessor: keyid of the key that it follows, or None.
        cost: Of the derivation.
        salt: 16 bytes.
        nonce: 24 bytes.
    """

    keyid: str
    created: str
    purpose: Purpose
    predecessor: str | None
    cost: Argon2Cost
    salt: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A sealed key file whose own key signed it; the passphrase was not needed for that.

    Attributes:
        public_key: The key that signed it, and is said to be sealed in it.
        header: What it says.
        digest: SHA-256 of the header, which is sealed beside the seed.
        box: 80 bytes.
    """

    public_key: PublicKey
    header: SealedHeader
    digest: Sha256
    box: bytes


def is_sealed_key(data: bytes) -> bool:
    """Say whether bytes can only be meant as a sealed key file."""
    return data.startswith(_START)


def parse_sealed_key(data: bytes) -> SealedKey:
    """Parse a sealed key file, and verify that its own key signed it.

    Args:
        data: The file, at most limits.KEY_FILE_SIZE bytes.

    Raises:
        TooLargeError: larger, or a derivation beyond reason.
        FormatError: a field is unknown, missing or wrong, or a second spelling.
        SignatureInvalidError: it was changed since the key signed it.
        KeyRefusedError: the key must not be used.

    Spec: docs/formats/sealed-key.md section 5, rules 1 and 2.
    """
    try:
        opened = open_document(
            data, payload_type=PAYLOAD_TYPE, limit=limits.KEY_FILE_SIZE, what=_WHAT
        )
    except SignatureInvalidError as error:
        message = f"{_WHAT}: the file was changed since its own key signed it: {error}"
        hint = "do not type its passphrase; get the file from its backup"
        raise SignatureInvalidError(message, hint=hint) from None
    fields = Fields(parse_json(opened.payload, limit=limits.KEY_FILE_SIZE, what=_WHAT), _WHAT)
    header = _read_header(fields)
    box = decode_base64(fields.text("box"), what=f"{_WHAT}.box", size=BOX_SIZE)
    fields.done()
    if header.keyid != opened.key.keyid:
        message = f"{_WHAT}.keyid: expected {opened.key.keyid}, of the key that signed it"
        raise MalformedError(message)
    if _encode_payload(header, box) != opened.payload:
        message = f"{_WHAT}: the payload is not spelled as a writer spells it"
        raise NotCanonicalError(message)
    digest = compute_header_digest(header)
    return SealedKey(public_key=opened.key, header=header, digest=digest, box=box)


def compute_header_digest(header: SealedHeader) -> Sha256:
    """Return the SHA-256 of a header, which is sealed beside the seed."""
    return compute_digest(encode_json(_header_value(header)))


def encode_sealed_key(header: SealedHeader, box: bytes, signer: Signing) -> bytes:
    """Encode a sealed key file.

    Args:
        header: What it says.
        box: 80 bytes.
        signer: The very key, which signs the file.

    Raises:
        TooLargeError: so much purpose that no reader would take the file.
        SignatureInvalidError: the signer returned something that does not verify.
    """
    data = encode_document(PAYLOAD_TYPE, _encode_payload(header, box), signer)
    if len(data) > limits.KEY_FILE_SIZE:
        message = (
            f"{_WHAT} is too large: expected at most {limits.KEY_FILE_SIZE} bytes, got {len(data)}"
        )
        raise TooLargeError(message, hint="fewer or shorter globs")
    return data


def check_purpose(purpose: Purpose) -> Purpose:
    """Check that a purpose can be written into a key file and read again; returns it.

    Raises:
        FormatError: a field is not as its page says; it is named.
    """
    return _read_purpose(Fields(_purpose_value(purpose), _WHAT))


def _read_header(fields: Fields) -> SealedHeader:
    keyid = _read_keyid(fields, "keyid")
    created = fields.time("created")
    purpose = _read_purpose(fields)
    predecessor = None if fields.is_null("predecessor") else _read_keyid(fields, "predecessor")
    if predecessor == keyid:
        message = f"{_WHAT}.predecessor: a key does not follow itself"
        raise MalformedError(message)
    kdf = fields.member("kdf")
    kdf.constant("name", _KDF)
    salt = decode_base64(kdf.text("salt"), what=f"{_WHAT}.kdf.salt", size=SALT_SIZE)
    cost = _read_cost(kdf)
    kdf.done()
    nonce = decode_base64(fields.text("nonce"), what=f"{_WHAT}.nonce", size=NONCE_SIZE)
    return SealedHeader(
        keyid=keyid,
        created=created,
        purpose=purpose,
        predecessor=predecessor,
        cost=cost,
        salt=salt,
        nonce=nonce,
    )


def _read_keyid(fields: Fields, name: str) -> str:
    text = fields.text(name)
    decode_hex(text, size=32, what=f"{_WHAT}.{name}")
    return text


def _read_purpose(fields: Fields) -> Purpose:
    role = None if fields.is_null("role") else fields.label("role")
    artifacts = _read_labels(fields, "artifacts", most=_GLOB_COUNT)
    targets = _read_labels(fields, "targets", most=_GLOB_COUNT)
    schemes = None
    if not fields.is_null("schemes"):
        schemes = _read_labels(fields, "schemes", most=_SCHEME_COUNT)
        if len(set(schemes)) != len(schemes):
            message = f"{_WHAT}.schemes: one is named twice"
            raise MalformedError(message)
    not_before = fields.optional_time("not_before")
    not_after = fields.optional_time("not_after")
    if not_before and not_after and not_before >= not_after:
        message = f"{_WHAT}: not_before {not_before} is not before not_after {not_after}"
        raise MalformedError(message)
    most = None
    if not fields.is_null("most_signatures"):
        most = fields.integer("most_signatures", least=1)
    return Purpose(
        role=role,
        artifacts=artifacts,
        targets=targets,
        schemes=schemes,
        not_before=not_before,
        not_after=not_after,
        most_signatures=most,
    )


def _read_labels(fields: Fields, name: str, *, most: int) -> tuple[str, ...]:
    found: list[str] = []
    for value in fields.array(name, least=1, most=most):
        if not isinstance(value, str):
            message = f"{_WHAT}.{name} holds something that is not a text"
            raise MalformedError(message)
        found.append(check_text(value, what=f"{_WHAT}.{name}", limit=limits.LABEL_LENGTH))
    return tuple(found)


def _read_cost(fields: Fields) -> Argon2Cost:
    passes, memory = fields.integer("passes", least=1), fields.integer("memory", least=1)
    said = f"{_WHAT}.kdf: argon2id with {passes} passes over {memory} bytes"
    if passes < PASSES_LEAST or memory < MEMORY_LEAST:
        message = (
            f"{said} is too cheap: expected at least {PASSES_LEAST} passes and {MEMORY_LEAST} bytes"
        )
        raise MalformedError(message, hint="get the file from its backup; signkit never writes so")
    if passes > PASSES_MOST or memory > MEMORY_MOST or passes * memory > WORK_MOST:
        message = f"{said} takes more than any honest file asks for"
        raise TooLargeError(message, hint="get the file from its backup; signkit never writes so")
    if memory % _KIB:
        message = f"{said}: expected whole KiB"
        raise MalformedError(message)
    return Argon2Cost(passes=passes, memory=memory)


def _purpose_value(purpose: Purpose) -> dict[str, object]:
    return {
        "role": purpose.role,
        "artifacts": list(purpose.artifacts),
        "targets": list(purpose.targets),
        "schemes": _list_or_none(purpose.schemes),
        "not_before": purpose.not_before,
        "not_after": purpose.not_after,
        "most_signatures": purpose.most_signatures,
    }


def _list_or_none(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _header_value(header: SealedHeader) -> dict[str, object]:
    return {
        "keyid": header.keyid,
        "created": header.created,
        **_purpose_value(header.purpose),
        "predecessor": header.predecessor,
        "kdf": {
            "name": _KDF,
            "salt": encode_base64(header.salt),
            "passes": header.cost.passes,
            "memory": header.cost.memory,
        },
        "nonce": encode_base64(header.nonce),
    }


def _encode_payload(header: SealedHeader, box: bytes) -> bytes:
    return encode_json(_header_value(header) | {"box": encode_base64(box)})
