"""Key evidence as bytes: what a token says about a key, in an envelope that the key itself signed.

What is parsed here is authentic as far as the key goes, and no further: the attributes are the word
of the token and of the machine that asked it.

Controls: SK-KEY-EVIDENCE (docs/design/assurance.md).

Spec: docs/formats/key-evidence.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from signkit.errors import (
    ContextError,
    MalformedError,
    NotCanonicalError,
    TooLargeError,
    UnknownKeyError,
)
from signkit.formats.display import escape
from signkit.formats.envelope import Signing, encode_document, open_document
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import (
    Fields,
    decode_base64,
    encode_base64,
    encode_json,
    parse_json,
)

PAYLOAD_TYPE = "application/vnd.signkit.key-evidence.v1+json"
NOTICE = (
    "The signature proves use of the key after the challenge was chosen. The rest is the word of"
    " the token and of the machine that asked it; certificates are stored, not judged."
)
CHALLENGE_SIZE = 32
CERTIFICATE_SIZE = 8192
CERTIFICATE_COUNT = 16
_ID_SIZE = 255
_WHAT = "key evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryReport:
    """What a PKCS#11 module says about itself; None where it says nothing."""

    manufacturer: str | None
    description: str | None
    version: str | None
    cryptoki_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReport:
    """What a token says about itself; None where it says nothing."""

    label: str | None
    serial: str | None
    manufacturer: str | None
    model: str | None
    hardware_version: str | None
    firmware_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReport:
    """What a token says about a private key; None where it does not say.

    Attributes:
        label: CKA_LABEL.
        key_id: CKA_ID, perhaps empty.
        generation: The mechanism that made it there, as `CKM_...`.
        local: Whether it was made on the token.
        sensitive: Whether it cannot be read in the clear.
        always_sensitive: Whether it never could.
        extractable: Whether it can be wrapped and taken out.
        never_extractable: Whether it never could.
    """

    label: str | None
    key_id: bytes
    generation: str | None
    local: bool | None
    sensitive: bool | None
    always_sensitive: bool | None
    extractable: bool | None
    never_extractable: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """All that was asked of a token about one key.

    Attributes:
        library: The module.
        token: The token.
        key: The private key object.
        certificates: The certificate objects of the same CKA_ID, as they are, in the order of
            their bytes, none twice.
    """

    library: LibraryReport
    token: TokenReport
    key: KeyReport
    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvidence:
    """A file of evidence that its own key signed.

    Attributes:
        public_key: The key that signed it, and that it is about.
        created: RFC 3339 UTC text; informative.
        challenge: 32 bytes.
        facts: What the token said, or what somebody wrote who could use the key.
    """

    public_key: PublicKey
    created: str
    challenge: bytes
    facts: KeyFacts


def said(text: str) -> str | None:
    """Return a text of a token as a report holds it: escaped, cut, and None for an empty one."""
    return escape(text)[: limits.LABEL_LENGTH] or None


def encode_key_evidence(
    facts: KeyFacts, signer: Signing, *, created: str, challenge: bytes
) -> bytes:
    """Encode a file of evidence.

    Args:
        facts: What the token says.
        signer: The very key, which signs the file.
        created: RFC 3339 UTC text.
        challenge: 32 bytes.

    Raises:
        TooLargeError: a certificate, or their number, is beyond the format.
        CustodyError: the key cannot sign.
        SignatureInvalidError: it returned something that does not verify.
    """
    sizes = [len(each) for each in facts.certificates]
    if len(sizes) > CERTIFICATE_COUNT or max(sizes, default=0) > CERTIFICATE_SIZE:
        message = (
            f"{_WHAT}: expected at most {CERTIFICATE_COUNT} certificates of {CERTIFICATE_SIZE}"
            f" bytes, the token has {len(sizes)}, the largest of {max(sizes)} bytes"
        )
        raise TooLargeError(message, hint="take objects away that share the key's CKA_ID")
    evidence = KeyEvidence(
        public_key=signer.public_key, created=created, challenge=challenge, facts=facts
    )
    return encode_document(PAYLOAD_TYPE, _encode_payload(evidence), signer)


def verify_key_evidence(
    data: bytes, *, expected: PublicKey, challenge: bytes | None = None
) -> KeyEvidence:
    """Verify that a file of evidence is about a key, and answers a challenge where one was chosen.

    Args:
        data: The file.
        expected: The key that it must be about.
        challenge: 32 bytes that it must answer, or None for any.

    Raises:
        UnknownKeyError: it is about another key.
        ContextError: it answers another challenge.
        FormatError, SignatureInvalidError, KeyRefusedError: as `parse_key_evidence`.
    """
    evidence = parse_key_evidence(data)
    if evidence.public_key != expected:
        message = (
            f"{_WHAT} is about another key: expected keyid {expected.keyid},"
            f" got {evidence.public_key.keyid}"
        )
        raise UnknownKeyError(message, hint="ask for the evidence of this key")
    if challenge is not None and evidence.challenge != challenge:
        message = (
            f"{_WHAT} answers another challenge: expected {challenge.hex()},"
            f" got {evidence.challenge.hex()}"
        )
        hint = "it may be of another day; ask for signkit keys attest --challenge"
        raise ContextError(message, hint=hint)
    return evidence


def parse_key_evidence(data: bytes) -> KeyEvidence:
    """Parse a file of evidence, and verify that the key in it signed it.

    Args:
        data: The file, at most limits.EVIDENCE_SIZE bytes.

    Raises:
        TooLargeError: larger, or something in it is.
        FormatError: a field is unknown, missing or wrong, or a second spelling.
        SignatureInvalidError: it was changed since the key signed it.
        KeyRefusedError: the key must not be used.

    Spec: docs/formats/key-evidence.md section 5, rules 1 and 2.
    """
    opened = open_document(data, payload_type=PAYLOAD_TYPE, limit=limits.EVIDENCE_SIZE, what=_WHAT)
    payload = Fields(parse_json(opened.payload, limit=limits.EVIDENCE_SIZE, what=_WHAT), _WHAT)
    payload.constant("notice", NOTICE)
    payload.constant("keyid", opened.key.keyid)
    evidence = KeyEvidence(
        public_key=opened.key,
        created=payload.time("created"),
        challenge=decode_base64(
            payload.text("challenge"), what=f"{_WHAT}.challenge", size=CHALLENGE_SIZE
        ),
        facts=_read_facts(payload),
    )
    payload.done()
    if _encode_payload(evidence) != opened.payload:
        message = f"{_WHAT}: the payload is not spelled as a writer spells it"
        raise NotCanonicalError(message)
    return evidence


def _read_facts(payload: Fields) -> KeyFacts:
    library, token = payload.member("library"), payload.member("token")
    facts = KeyFacts(
        library=LibraryReport(**_labels(library, LibraryReport)),
        token=TokenReport(**_labels(token, TokenReport)),
        key=_read_key(payload.member("key")),
        certificates=_read_certificates(payload),
    )
    library.done()
    token.done()
    return facts


def _read_key(key: Fields) -> KeyReport:
    report = KeyReport(
        label=_label(key, "label"),
        key_id=decode_base64(key.text("id"), what=f"{_WHAT}.key.id"),
        generation=_label(key, "generation"),
        local=_flag(key, "local"),
        sensitive=_flag(key, "sensitive"),
        always_sensitive=_flag(key, "always_sensitive"),
        extractable=_flag(key, "extractable"),
        never_extractable=_flag(key, "never_extractable"),
    )
    key.done()
    if len(report.key_id) > _ID_SIZE:
        message = f"{_WHAT}.key.id: expected at most {_ID_SIZE} bytes, got {len(report.key_id)}"
        raise TooLargeError(message)
    return report


def _read_certificates(payload: Fields) -> tuple[bytes, ...]:
    what = f"{_WHAT}.certificates"
    found: list[bytes] = []
    for value in payload.array("certificates", most=CERTIFICATE_COUNT):
        if not isinstance(value, str):
            message = f"{what} holds something that is not a text"
            raise MalformedError(message)
        certificate = decode_base64(value, what=what)
        if not 1 <= len(certificate) <= CERTIFICATE_SIZE:
            message = f"{what}: expected 1 to {CERTIFICATE_SIZE} bytes each, got {len(certificate)}"
            raise TooLargeError(message)
        if found and certificate <= found[-1]:
            message = f"{what}: expected them in the order of their bytes, none twice"
            raise NotCanonicalError(message)
        found.append(certificate)
    return tuple(found)


def _labels(report: Fields, kind: type[LibraryReport | TokenReport]) -> dict[str, str | None]:
    return {each.name: _label(report, each.name) for each in fields(kind)}


def _label(report: Fields, name: str) -> str | None:
    return None if report.is_null(name) else report.label(name)


def _flag(report: Fields, name: str) -> bool | None:
    value = report.take(name)
    if value is None or value is True or value is False:
        return value
    message = f"{_WHAT}.key.{name}: expected true, false or null"
    raise MalformedError(message)


def _encode_payload(evidence: KeyEvidence) -> bytes:
    facts = evidence.facts
    key = asdict(facts.key)
    value: dict[str, object] = {
        "notice": NOTICE,
        "keyid": evidence.public_key.keyid,
        "created": evidence.created,
        "challenge": encode_base64(evidence.challenge),
        "library": asdict(facts.library),
        "token": asdict(facts.token),
        "key": {
            "label": key.pop("label"),
            "id": encode_base64(key.pop("key_id")),
            **key,
        },
        "certificates": [encode_base64(each) for each in facts.certificates],
    }
    return encode_json(value)
