"""Writing trust roots, and drafts of them; the reader of devices is `verify/trust.py`.

Spec: docs/formats/trust-root.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.errors import FormatError, TrustError, VerificationError
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey, verify_signature
from signkit.verify.encoding import Fields, decode_base64, encode_base64, encode_json, parse_json
from signkit.verify.envelope import Signature, pre_authentication_encoding, read_envelope
from signkit.verify.trust import PAYLOAD_TYPE, ROOT_ROLE, Role, Trust, parse_trust

_WHAT = "trust root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One version of a trust root, with the signatures it has so far: maybe none, none verified.

    Attributes:
        trust: What it says.
        payload: The bytes that are signed.
        signatures: At most one for each key.
    """

    trust: Trust
    payload: bytes
    signatures: tuple[Signature, ...]


def every_role(trust: Trust) -> dict[str, Role]:
    """Return all roles by name, the root role first."""
    return {ROOT_ROLE: trust.root, **trust.roles}


def every_key(trust: Trust) -> dict[str, PublicKey]:
    """Return all keys by keyid, in the order of the file."""
    found = {keyid: key for role in every_role(trust).values() for keyid, key in role.keys.items()}
    return {keyid: found[keyid] for keyid in trust.names}


def encode_trust(trust: Trust) -> bytes:
    """Return the payload of a trust root, its fields in the order of the specification."""
    return encode_json(
        {
            "version": trust.version,
            "issued": trust.issued,
            "expires": trust.expires,
            "keys": {
                keyid: {"name": trust.names[keyid], "public_key": encode_base64(key.raw)}
                for keyid, key in every_key(trust).items()
            },
            "roles": {name: _role_value(role) for name, role in every_role(trust).items()},
        }
    )


def _role_value(role: Role) -> dict[str, object]:
    value: dict[str, object] = {"keys": list(role.keys), "threshold": role.threshold}
    if role.name != ROOT_ROLE:
        value |= {
            "artifacts": list(role.artifacts),
            "targets": list(role.targets),
            "not_before": role.not_before,
            "not_after": role.not_after,
        }
    return value


def new_draft(trust: Trust) -> Draft:
    """Return a draft that nobody has signed.

    Raises:
        FormatError: it breaks a rule of its format.
        KeyRefusedError: a key must not be used, by anybody.
    """
    payload = encode_trust(trust)
    parsed = parse_trust(payload, allow_test_keys=True)  # they were judged when they came in
    return Draft(trust=parsed, payload=payload, signatures=())


def parse_draft(data: bytes) -> Draft:
    """Read a trust root or a draft of one without verifying it. Never act on it.

    Published test keys are read as any others: showing and editing trusts nobody.

    Args:
        data: The file, at most limits.TRUST_SIZE bytes.

    Raises:
        TrustError: malformed; `reason` says how.
    """
    try:
        value = parse_json(data, limit=limits.TRUST_SIZE, what=_WHAT)
        fields = Fields(value, _WHAT)
        fields.constant("payloadType", PAYLOAD_TYPE)
        payload = decode_base64(fields.text("payload"), what=f"{_WHAT}.payload")
        signatures: tuple[Signature, ...] = ()
        if fields.array("signatures", most=limits.ENVELOPE_SIGNATURE_COUNT):
            signatures = read_envelope(value, payload_type=PAYLOAD_TYPE, what=_WHAT).signatures
        fields.done()
        trust = parse_trust(payload, allow_test_keys=True)
        return Draft(trust=trust, payload=payload, signatures=signatures)
    except (FormatError, VerificationError) as error:
        raise TrustError(str(error), hint=error.hint, reason=error.code) from error


def encode_draft(draft: Draft) -> bytes:
    """Return the file of a draft, which is that of a trust root once enough have signed it."""
    return encode_json(envelope_value(PAYLOAD_TYPE, draft.payload, draft.signatures))


def sign_draft(draft: Draft, signer: Signing) -> Signature:
    """Return one root key's signature of a draft, verified.

    Raises:
        CustodyError: the key cannot sign.
        SignatureInvalidError: it returned something that does not verify.
    """
    made = sign_payload(PAYLOAD_TYPE, draft.payload, signer, carry_key=False)
    message = pre_authentication_encoding(PAYLOAD_TYPE, draft.payload)
    verify_signature(signer.public_key, message, made.signature)
    return made
