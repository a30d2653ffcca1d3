"""Attacks with a first trust root."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

from signkit.verify.encoding import encode_base64, encode_json
from tests.conformance import world
from tests.conformance.case import Missing, Sparse
from tests.conformance.steps import (
    attack_first_trust,
    enter,
    init,
    refused,
    sampled,
)
from tests.conformance.world import (
    RELEASERS,
    ROOTS,
    STRANGERS,
    TRUST_TYPE,
    A,
    B,
    C,
    D,
    key_entry,
    role_value,
    root_value,
    sign,
    statement,
    trust,
    trust_value,
)

HONEST = json.loads(trust())
# A + a point of order 4, made with the public half of release-a: on the curve, and not torsion-free.
MIXED = bytes.fromhex("27082704b7eee3d51f30c21403698029aaba1d2bcfad6bd3fcc5e33b9df47bd2")


def envelope(**changes: Any) -> bytes:
    """The honest first envelope with a field changed, or taken out where it is ...."""
    value = {**HONEST, **changes}
    return encode_json({name: field for name, field in value.items() if field is not ...})


def with_roles(**roles: Any) -> dict[str, Any]:
    """The honest payload with roles set, or taken out where they are ...."""
    value = trust_value()
    merged = {**value["roles"], **roles}
    return {**value, "roles": {k: v for k, v in merged.items() if v is not ...}}


def release(**changes: Any) -> dict[str, Any]:
    """The honest payload with the release role changed."""
    role = {**role_value(*RELEASERS), **changes}
    return with_roles(release={k: v for k, v in role.items() if v is not ...})


def keys(**changes: Any) -> dict[str, Any]:
    """The honest payload with keys changed or added."""
    value = trust_value()
    return {**value, "keys": {**value["keys"], **changes}}


def _loose(value: dict[str, Any]) -> bytes:
    """Sign a value that may hold what our own writer refuses to write."""
    return trust(json.dumps(value, separators=(",", ":")).encode())


def _with_key(raw: bytes) -> dict[str, Any]:
    """Put a key in the place of release-a, under the keyid that it would have."""
    keyid = sha256(raw).hexdigest()
    value = trust_value(keys=(B, C))
    value["keys"][keyid] = {"name": "odd", "public_key": encode_base64(raw)}
    value["roles"]["release"]["keys"][0] = keyid
    return value


def _upper() -> dict[str, Any]:
    value = trust_value()
    entry = value["keys"].pop(A.keyid)
    value["keys"][A.keyid.upper()] = entry
    value["roles"]["release"]["keys"][0] = A.keyid.upper()
    return value


def _many_keys(count: int) -> bytes:
    """So many keys that nobody checks them: what counts is that they are counted first."""
    value, entry = trust_value(), key_entry(A)
    value["keys"].update({f"{number:064x}": entry for number in range(count)})
    return trust(value)


def _release_threshold(bad: object) -> bytes:
    return _loose(release(threshold=bad))


def _root_threshold(bad: object) -> bytes:
    return _loose(with_roles(root=root_value(*ROOTS, threshold=bad)))


def _made(make: Callable[[], dict[str, Any]]) -> bytes:
    return trust(make())


# ---- The first one ---------------------------------------------------------------------------------

FAMILY = "first trust root"
attack_first_trust(
    "first-unsigned",
    FAMILY,
    "R06 unsigned_initial_root",
    "no signatures",
    lambda: envelope(signatures=[]),
    quick=True,
)
attack_first_trust(
    "first-bare",
    FAMILY,
    "R06 unsigned_initial_root",
    "the payload without an envelope",
    lambda: encode_json(trust_value()),
)
attack_first_trust(
    "first-malformed",
    FAMILY,
    "R06 invalid_initial_root",
    "not JSON",
    lambda: b"\x00" * 64,
    quick=True,
)
attack_first_trust("first-empty", FAMILY, "R06 invalid_initial_root", "0 bytes", lambda: b"")
attack_first_trust(
    "first-missing", FAMILY, "R06 invalid_initial_root; P20", "there is none", Missing
)
attack_first_trust(
    "first-is-a-statement",
    FAMILY,
    "R06 incorrect_metadata_type",
    "an authentic statement in its place",
    statement,
    quick=True,
)
attack_first_trust(
    "first-of-another-type",
    FAMILY,
    "R06 incorrect_metadata_type; F70",
    "signed as something else, then called a trust root",
    lambda: encode_json(
        {**sign("application/json", trust_value(), ROOTS[:2]), "payloadType": TRUST_TYPE}
    ),
)
attack_first_trust(
    "first-signed-by-strangers",
    FAMILY,
    "R07 wrong key",
    "strangers sign our roles",
    lambda: trust(signers=STRANGERS),
    quick=True,
)
attack_first_trust(
    "first-signed-by-release-keys",
    FAMILY,
    "R07 wrong material",
    "release keys sign for the root",
    lambda: trust(signers=RELEASERS),
)
attack_first_trust(
    "first-signed-by-too-few",
    FAMILY,
    "R06 *_does_not_meet_threshold",
    "one root key of two",
    lambda: trust(signers=ROOTS[:1]),
    quick=True,
)
attack_first_trust(
    "first-signed-twice-by-one",
    FAMILY,
    "R06 duplicate_sig_keyids; P07",
    "one root key twice",
    lambda: envelope(signatures=[HONEST["signatures"][0]] * 2),
    quick=True,
)
attack_first_trust(
    "first-changed",
    FAMILY,
    "P01",
    "one digit of the payload changed",
    quick=True,
    make=lambda: envelope(
        payload=encode_base64(encode_json(trust_value()).replace(b"2090", b"2091", 1))
    ),
)
attack_first_trust(
    "first-with-a-bad-signature",
    FAMILY,
    "R07 signature mismatch",
    "a root key that counts did not sign this, though two others did",
    lambda: envelope(
        signatures=[*HONEST["signatures"], world.signature_value(ROOTS[2].keyid, bytes(64))]
    ),
)
attack_first_trust("first-endless", FAMILY, "P02", "a gibibyte", lambda: Sparse(1 << 30))

FAMILY = "threshold"
for shown, bad in {
    "0": 0,
    "minus-1": -1,
    "4-of-3": 4,
    "null": None,
    "text": "2",
    "fraction": 2.5,
    "true": True,
    "64-bits": 2**64 + 2,
    "array": [2],
}.items():
    attack_first_trust(
        f"release-threshold-{shown}",
        FAMILY,
        "P08; R06 *_has_too_few_keys",
        f"a release role with the threshold {bad!r}",
        quick=sampled(shown),
        make=partial(_release_threshold, bad),
    )
    attack_first_trust(
        f"root-threshold-{shown}",
        FAMILY,
        "P08; R06 *_has_too_few_keys",
        f"a root role with the threshold {bad!r}",
        partial(_root_threshold, bad),
    )
attack_first_trust(
    "release-threshold-1.0",
    FAMILY,
    "P08",
    "a threshold with a fraction of zero",
    lambda: trust(encode_json(trust_value()).replace(b'"threshold":2', b'"threshold":2.0')),
)
attack_first_trust(
    "release-threshold-missing",
    FAMILY,
    "P08",
    "a role without a threshold",
    lambda: trust(release(threshold=...)),
    quick=True,
)


FAMILY = "keys and roles"
TWICE = "R06 duplicate_keys; P07"
SMALL = b"\x01" + bytes(31)
# RFC 8032 section 7.1, test 1: everybody has its seed.
PUBLISHED = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
RAW = A.public_key.raw
SHAPES: dict[str, tuple[str, Any]] = {
    "role-names-a-key-twice": (TWICE, lambda: release(keys=[A.keyid, A.keyid])),
    "key-under-two-keyids": (TWICE, lambda: keys(**{"ab" * 32: key_entry(A)})),
    "keyid-of-another-key": ("R07 bad key hint", lambda: keys(**{A.keyid: key_entry(B)})),
    "keyid-in-upper-case": (TWICE, _upper),
    "key-of-a-stranger": (TWICE, lambda: release(keys=[A.keyid, B.keyid, STRANGERS[0].keyid])),
    "key-without-a-role": ("R06 duplicate_keys", lambda: keys(**{D.keyid: key_entry(D)})),
    "key-with-a-type-and-scheme": (
        "R06 keytype_and_scheme",
        lambda: keys(
            **{A.keyid: {**key_entry(A), "keytype": "rsa", "scheme": "rsassa-pss-sha256"}}
        ),
    ),
    "key-of-31-bytes": ("R06 keytype_and_scheme", lambda: _with_key(RAW[:31])),
    "key-of-57-bytes": ("R06 keytype_and_scheme", lambda: _with_key(RAW + bytes(25))),
    "key-as-pem": (
        "R06 keytype_and_scheme",
        lambda: keys(**{A.keyid: {"name": "a", "public_key": "-----BEGIN PUBLIC KEY-----"}}),
    ),
    "key-of-small-order": ("E09", lambda: _with_key(SMALL)),
    "key-not-canonical": ("E09", lambda: _with_key(b"\xee" + b"\xff" * 30 + b"\x7f")),
    "key-off-the-curve": ("E09", lambda: _with_key(b"\x02" + bytes(31))),
    "key-that-is-published": ("E09", lambda: _with_key(PUBLISHED)),
    "key-of-mixed-order": ("E09", lambda: _with_key(MIXED)),
    "role-without-keys": ("R07 empty chain", lambda: release(keys=[])),
    "no-keys": ("R07 no key", lambda: {**trust_value(), "keys": {}}),
    "no-root-role": ("P46", lambda: with_roles(root=...)),
    "no-release-role": ("R07 no key", lambda: with_roles(release=...)),
    "root-with-a-scope": (
        "P46",
        lambda: with_roles(root={**root_value(*ROOTS), "artifacts": ["*"], "targets": ["*"]}),
    ),
    "role-without-artifacts": ("P09", lambda: release(artifacts=...)),
    "role-without-targets": ("P09", lambda: release(targets=...)),
    "role-with-no-artifact": ("P09", lambda: release(artifacts=[])),
    "role-with-a-number-for-a-glob": ("P15", lambda: release(targets=[1])),
    "role-with-an-unknown-field": ("P46", lambda: release(paths=["*"])),
    "role-without-a-window": ("R07 outside key validity", lambda: release(not_after=...)),
    "window-of-no-time": (
        "R07 outside key validity",
        lambda: release(not_before="2026-03-01T00:00:00Z", not_after="2026-03-01T00:00:00Z"),
    ),
    "window-backwards": (
        "R07 outside key validity",
        lambda: release(not_before="2089-03-01T00:00:00Z", not_after="2026-03-01T00:00:00Z"),
    ),
    "version-0": ("R07 negative index", lambda: trust_value(0)),
    "version-minus-1": ("R07 negative index", lambda: trust_value(-1)),
    "version-as-text": ("P15", lambda: trust_value("1")),
    "version-true": ("P15", lambda: trust_value(True)),
    "version-missing": ("P15", lambda: {k: v for k, v in trust_value().items() if k != "version"}),
    "unknown-field": ("P46", lambda: trust_value(consistent_snapshot=True)),
    "expires-missing": ("P04", lambda: {k: v for k, v in trust_value().items() if k != "expires"}),
    "expires-never-spelled-so": ("P04", lambda: trust_value(expires="never")),
}


for name, (source, make) in SHAPES.items():
    attack_first_trust(
        f"first-{name}",
        FAMILY,
        source,
        "authentic, and not a trust root",
        partial(_made, make),
        quick=sampled(name),
    )


enter(
    "first-with-many-keys",
    "endless data",
    "P11",
    "100,000 keys in a trust root",
    lambda: init(_many_keys(100_000), expect="refuse", seconds=1),
    refused,
)
enter(
    "first-with-many-signatures",
    "endless data",
    "P11",
    "100,000 signatures on a trust root",
    lambda: init(
        envelope(signatures=[world.signature_value("ab" * 32, bytes(64))] * 100_000),
        expect="refuse",
        seconds=1,
    ),
    refused,
)
