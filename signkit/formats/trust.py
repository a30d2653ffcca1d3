"""Writing trust roots; reading them is the ground floor's (`verify/trust.py`).

Spec: docs/formats/trust-root.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signkit.errors import MalformedError
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_base64, encode_json
from signkit.verify.trust import PAYLOAD_TYPE, load_trust, parse_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTrust:
    """What a first trust root says.

    Attributes:
        issued: RFC 3339 UTC text.
        expires: RFC 3339 UTC text, or None for never.
        root: The keys that may change it, by name.
        release: The keys that may sign releases, by name.
        threshold: Distinct release keys that it takes.
        artifacts: Globs of the artifacts they may sign for.
        targets: Globs of the targets they may sign for.
    """

    issued: str
    expires: str | None
    root: Mapping[str, PublicKey]
    release: Mapping[str, PublicKey]
    threshold: int
    artifacts: Sequence[str]
    targets: Sequence[str]


def sign_first_trust(first: FirstTrust, roots: Sequence[Signing]) -> bytes:
    """Return the file of a first trust root, signed by every root key.

    Raises:
        FormatError: it breaks a rule of its own format.
        TrustError: what was signed does not open again.
        CustodyError: a root key cannot sign.
    """
    for name in first.root.keys() & first.release.keys():
        if first.root[name] != first.release[name]:
            message = f"trust root: {name!r} is the name of two keys"
            raise MalformedError(message, hint="call one of them otherwise")
    payload = encode_json(_value(first))
    # The keys were judged when they came in.
    parse_trust(payload, allow_test_keys=True)
    signatures = [sign_payload(PAYLOAD_TYPE, payload, root, carry_key=False) for root in roots]
    data = encode_json(envelope_value(PAYLOAD_TYPE, payload, signatures))
    load_trust(data, allow_test_keys=True)
    return data


def _value(first: FirstTrust) -> dict[str, object]:
    named = [*first.root.items(), *first.release.items()]
    return {
        "version": 1,
        "issued": first.issued,
        "expires": first.expires,
        "keys": {
            key.keyid: {"name": name, "public_key": encode_base64(key.raw)} for name, key in named
        },
        "roles": {
            "root": {
                "keys": [key.keyid for key in first.root.values()],
                "threshold": len(first.root),
            },
            "release": {
                "keys": [key.keyid for key in first.release.values()],
                "threshold": first.threshold,
                "artifacts": list(first.artifacts),
                "targets": list(first.targets),
                "not_before": None,
                "not_after": None,
            },
        },
    }
