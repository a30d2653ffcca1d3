"""Documents for the cases: honest ones by default, and every one of their parts can be changed.

Every key here is TEST ONLY: its seed is the hash of a published text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256, sha512
from typing import Any

from nacl.signing import SigningKey

from signkit.formats.envelope import envelope_value, sign_payload
from signkit.verify.ed25519 import PublicKey, enrol_public_key
from signkit.verify.encoding import encode_base64, encode_json

STATEMENT_TYPE = "application/vnd.in-toto+json"
TRUST_TYPE = "application/vnd.signkit.trust.v1+json"
CONTENT = b"what a device was waiting for\n"
OTHER_CONTENT = b"what an attacker wants there\n\n"

# The clock of the machine that runs this is not asked by any step, but a tool that emits a verifier may
# look at it: everything here is valid from before signkit until long after.
NOW = "2026-06-01T12:00:00Z"
ISSUED = "2026-01-31T12:00:00Z"
FAR = "2090-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Key:
    """A TEST ONLY key, made from its name."""

    name: str

    @property
    def seed(self) -> bytes:
        """The 32 bytes that everybody can compute."""
        return sha256(f"signkit conformance, TEST ONLY: {self.name}".encode()).digest()

    @property
    def public_key(self) -> PublicKey:
        """The enrolled public half."""
        return enrol_public_key(bytes(SigningKey(self.seed).verify_key))

    @property
    def keyid(self) -> str:
        """SHA-256 of the public half, as hex."""
        return self.public_key.keyid

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        return SigningKey(self.seed).sign(message).signature


ROOTS = (Key("root-1"), Key("root-2"), Key("root-3"))
A, B, C = RELEASERS = (Key("release-a"), Key("release-b"), Key("release-c"))
D, E = OTHERS = (Key("firmware-d"), Key("firmware-e"))
STRANGER = Key("stranger")
STRANGERS = (STRANGER, Key("stranger-2"), Key("stranger-3"))
NEW_ROOTS = (Key("root-4"), Key("root-5"))


def sign(payload_type: str, payload: object, signers: Iterable[Key]) -> dict[str, Any]:
    """Sign a value, or bytes as they are, and return the envelope."""
    data = payload if isinstance(payload, bytes) else encode_json(payload)
    signatures = [sign_payload(payload_type, data, key, carry_key=False) for key in signers]
    return envelope_value(payload_type, data, signatures)


def key_entry(key: Key) -> dict[str, str]:
    """One key of a trust root."""
    return {"name": key.name, "public_key": encode_base64(key.public_key.raw)}


def role_value(*keys: Key, threshold: object = 2, **changes: Any) -> dict[str, Any]:
    """A role that may sign for ML-* on aarch64-*, always."""
    return {
        "keys": [key.keyid for key in keys],
        "threshold": threshold,
        "artifacts": ["ML-*"],
        "targets": ["aarch64-*"],
        "not_before": None,
        "not_after": None,
        **changes,
    }


def root_value(*keys: Key, threshold: object = 2) -> dict[str, Any]:
    """The root role."""
    return {"keys": [key.keyid for key in keys], "threshold": threshold}


def trust_value(
    version: object = 1,
    *,
    root: Sequence[Key] = ROOTS,
    threshold: object = 2,
    roles: dict[str, Any] | None = None,
    keys: Iterable[Key] = RELEASERS,
    **changes: Any,
) -> dict[str, Any]:
    """A trust root: two of three custodians change it, two of three keys release.

    Args:
        version: Its number.
        root: The keys of the root role.
        threshold: Of the root role.
        roles: All other roles by name, instead of the one role `release`.
        keys: The keys of those roles.
        changes: Fields to set.
    """
    held = {key.keyid: key_entry(key) for key in (*root, *keys)}
    return {
        "version": version,
        "issued": "2026-01-01T00:00:00Z",
        "expires": FAR,
        "keys": held,
        "roles": {
            "root": root_value(*root, threshold=threshold),
            **(roles if roles is not None else {"release": role_value(*RELEASERS)}),
        },
        **changes,
    }


def trust(value: object | None = None, signers: Iterable[Key] = ROOTS[:2]) -> bytes:
    """A trust root's file."""
    return encode_json(sign(TRUST_TYPE, trust_value() if value is None else value, signers))


def statement_value(content: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    """A statement's payload: sequence 10, valid until long after."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model.bin", "digest": {"sha256": sha256(content).hexdigest()}}],
        "predicateType": "urn:signkit:release:v1",
        "predicate": {
            "artifact": "ML-Model",
            "version": "1.0.0",
            "target": "aarch64-unknown-linux",
            "size": len(content),
            "sequence": 10,
            "issued": ISSUED,
            "expires": FAR,
            "custom_metadata": {"sha256": sha256(b"{}").hexdigest()},
            **changes,
        },
    }


def statement(
    content: bytes = CONTENT, *, signers: Iterable[Key] = (A, B), **changes: Any
) -> bytes:
    """A statement's file."""
    return encode_json(sign(STATEMENT_TYPE, statement_value(content, **changes), signers))


ORDER = 2**252 + 27742317777372353535851937790883648493


def malleable(signature: bytes) -> bytes:
    """Return the same signature with S + L in the place of S (RFC 8032 section 8.4)."""
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


def small_order_signature(key: Key, message: bytes, *, point: bytes) -> bytes:
    """Sign with an R that encodes the identity: the equation holds, and signkit-strict refuses it."""
    half = bytearray(sha512(key.seed).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 63 | 64
    secret = int.from_bytes(half, "little")
    challenge = int.from_bytes(sha512(point + key.public_key.raw + message).digest(), "little")
    scalar = challenge * secret % ORDER
    return point + scalar.to_bytes(32, "little")


def signature_value(keyid: str, signature: bytes) -> dict[str, str]:
    """One signature of an envelope."""
    return {"keyid": keyid, "sig": encode_base64(signature)}
