"""Statements that are none: other documents, other fields, tampered envelopes, second spellings."""

from __future__ import annotations

from functools import partial
from typing import Any

from signkit.verify.encoding import encode_base64, encode_json
from tests.conformance.case import Folder, Missing, Pipe
from tests.conformance.cases_statement import (
    HONEST,
    PAYLOAD,
    by,
    envelope,
    payload,
    signed_by,
    with_field,
)
from tests.conformance.steps import (
    attack_statement,
    enter,
    refused,
    sampled,
    update,
)
from tests.conformance.world import (
    CONTENT,
    STATEMENT_TYPE,
    STRANGER,
    A,
    B,
    sign,
    statement,
    trust,
)


def _with(path: str, change: object) -> bytes:
    return payload(with_field(path, change))


# ---- What is no statement --------------------------------------------------------------------------

FAMILY = "other documents"
attack_statement(
    "trust-root-as-statement",
    FAMILY,
    "R06 incorrect_metadata_type; F70",
    "an authentic trust root in its place",
    trust,
    quick=True,
)
attack_statement(
    "another-type",
    FAMILY,
    "R06 incorrect_metadata_type; R07 unknown version; F70",
    "the payload signed as a request",
    lambda: encode_json(sign("application/vnd.signkit.request.v1+json", PAYLOAD, (A, B))),
)
attack_statement(
    "another-type-relabelled",
    FAMILY,
    "R06 incorrect_metadata_type; F70",
    "signed as a request, then called a statement",
    quick=True,
    make=lambda: encode_json(
        {
            **sign("application/vnd.signkit.request.v1+json", PAYLOAD, (A, B)),
            "payloadType": STATEMENT_TYPE,
        }
    ),
)
attack_statement(
    "statement-of-another-predicate",
    FAMILY,
    "R07 unknown version",
    "SLSA provenance",
    lambda: payload(with_field("predicateType", "https://slsa.dev/provenance/v1")),
)
attack_statement(
    "statement-of-another-version",
    FAMILY,
    "R07 unknown version",
    "in-toto v0.1",
    lambda: payload(with_field("_type", "https://in-toto.io/Statement/v0.1")),
)
attack_statement(
    "predicate-of-a-later-version",
    FAMILY,
    "R07 unknown version",
    "urn:signkit:release:v2",
    lambda: payload(with_field("predicateType", "urn:signkit:release:v2")),
)
attack_statement(
    "statement-missing",
    FAMILY,
    "R06 unsigned_metadata; P20",
    "there is no statement",
    Missing,
    quick=True,
)
attack_statement(
    "statement-empty", FAMILY, "R07 malformed JSON; P23", "0 bytes", lambda: b"", quick=True
)
attack_statement(
    "statement-is-a-pipe", FAMILY, "F73", "a pipe that nobody writes to", Pipe, seconds=5
)
attack_statement("statement-is-a-folder", FAMILY, "F73", "a folder in its place", Folder)
enter(
    "not-provisioned",
    FAMILY,
    "P20; R07 no key",
    "a device that was given no trust root",
    refused,
    quick=True,
)
enter(
    "update-of-a-blank-device",
    FAMILY,
    "P20",
    "an update is no first trust root",
    lambda: update(trust(), expect="refuse"),
    refused,
    needs={"update"},
    quick=True,
)


# ---- Fields ----------------------------------------------------------------------------------------

FAMILY = "fields"
UNKNOWN = "R06 keytype_and_scheme; P46"
FIELDS: dict[str, tuple[str, object]] = {
    "unknown-field": ("surprise", 1),
    "unknown-field-in-the-predicate": ("predicate.surprise", 1),
    "unknown-field-in-the-subject": ("subject.0.surprise", 1),
    "two-subjects": ("subject", PAYLOAD["subject"] * 2),
    "no-subject": ("subject", []),
    "digest-of-an-unknown-algorithm": ("subject.0.digest", {"sha3-256": "ab" * 32}),
    "digest-of-two-algorithms": (
        "subject.0.digest",
        {**PAYLOAD["subject"][0]["digest"], "sha512": "ab" * 64},
    ),
    "digest-of-no-algorithm": ("subject.0.digest", {}),
    "digest-upper-case": (
        "subject.0.digest.sha256",
        PAYLOAD["subject"][0]["digest"]["sha256"].upper(),
    ),
    "digest-as-text": ("subject.0.digest", PAYLOAD["subject"][0]["digest"]["sha256"]),
    "name-is-a-path": ("subject.0.name", "../model.bin"),
    "name-with-a-nul": ("subject.0.name", "model.bin\0"),
    "artifact-with-an-escape": ("predicate.artifact", "ML-\x1b[2J"),
    "artifact-with-a-line-feed": ("predicate.artifact", "ML-Model\nverified: yes"),
    "artifact-empty": ("predicate.artifact", ""),
    "artifact-too-long": ("predicate.artifact", "ML-" + "x" * 126),
    "size-negative": ("predicate.size", -1),
    "size-as-text": ("predicate.size", str(len(CONTENT))),
    "size-null": ("predicate.size", None),
    "size-past-the-limit": ("predicate.size", 53_687_091_200_001),
    "sequence-zero": ("predicate.sequence", 0),
    "sequence-negative": ("predicate.sequence", -1),
    "sequence-true": ("predicate.sequence", True),
    "sequence-of-54-bits": ("predicate.sequence", 2**53),
    "sequence-of-64-bits": ("predicate.sequence", 2**64 + 10),
    "expires-on-no-such-day": ("predicate.expires", "2089-02-29T00:00:00Z"),
    "expires-with-an-offset": ("predicate.expires", "2089-01-01T00:00:00+00:00"),
    "expires-as-a-number": ("predicate.expires", 3_755_376_000),
    "expires-missing": ("predicate.expires", ...),
    "target-missing": ("predicate.target", ...),
    "sequence-missing": ("predicate.sequence", ...),
    "digest-missing": ("subject.0.digest", ...),
    "size-missing": ("predicate.size", ...),
}
for name, (path, change) in FIELDS.items():
    source = "R06 download_with_unknown_hash_algorithm" if "algorithm" in name else UNKNOWN
    attack_statement(
        f"field-{name}",
        FAMILY,
        source,
        f"{path}, authentic",
        quick=sampled(name),
        make=partial(_with, path, change),
    )


# ---- Envelope and spelling -------------------------------------------------------------------------

FAMILY = "envelope"


def _spelled(old: bytes, new: bytes) -> bytes:
    data = encode_json(PAYLOAD)
    assert data.count(old) >= 1, old
    return payload(data.replace(old, new, 1))


def _around(old: bytes, new: bytes) -> bytes:
    data = statement()
    assert data.count(old) >= 1, old
    return data.replace(old, new, 1)


SIG = HONEST["signatures"][0]["sig"].encode()
PAY = HONEST["payload"].encode()
ENVELOPES: dict[str, Any] = {
    "unknown-field": lambda: envelope(surprise=1),
    "signature-with-an-unknown-field": lambda: signed_by({**by(A), "cert": ""}, by(B)),
    "payload-missing": lambda: envelope(payload=...),
    "payload-empty": lambda: envelope(payload=""),
    "payload-null": lambda: envelope(payload=None),
    "payload-as-an-object": lambda: envelope(payload=PAYLOAD),
    "signatures-as-an-object": lambda: envelope(signatures=by(A)),
    "base64-without-padding": lambda: _around(SIG, SIG.rstrip(b"=")),
    "base64-with-a-line-break": lambda: _around(PAY, PAY[:8] + b"\\n" + PAY[8:]),
    "base64-with-unused-bits": lambda: _around(SIG, SIG[:-3] + bytes([SIG[-3] + 1]) + b"=="),
    "base64-of-urls": lambda: signed_by(by(A), {**by(B), "sig": "-_" + by(B)["sig"][2:]}),
    "base64-with-junk": lambda: _around(SIG, SIG[:4] + b"*" + SIG[4:]),
    "base64-of-a-tail": lambda: _around(SIG, SIG + b"AA=="),
    "keyid-short": lambda: signed_by({**by(A), "keyid": A.keyid[:40]}, by(B)),
    "keyid-empty": lambda: signed_by({**by(A), "keyid": ""}, by(B)),
    "keyid-is-a-path": lambda: signed_by({**by(A), "keyid": "../" + A.keyid[3:]}, by(B)),
    "key-of-a-stranger-carried": lambda: signed_by(
        {**by(A), "public_key": encode_base64(STRANGER.public_key.raw)}, by(B)
    ),
    "payload-type-with-a-space": lambda: envelope(payloadType=STATEMENT_TYPE + " "),
    "name-twice": lambda: b'{"payload":"AA==",' + statement()[1:],
    "signatures-twice": lambda: statement()[:-1] + b',"signatures":[]}',
    "byte-order-mark": lambda: b"\xef\xbb\xbf" + statement(),
    "utf-16": lambda: statement().decode().encode("utf-16"),
    "tail": lambda: statement() + b"{}",
    "nul-tail": lambda: statement() + bytes(16),
    "cut-in-half": lambda: statement()[: len(statement()) // 2],
    "last-byte-missing": lambda: statement()[:-1],
    "two-documents": lambda: statement() + statement(),
    "array": lambda: b"[" + statement() + b"]",
    "not-json": lambda: b"-----BEGIN STATEMENT-----",
    "not-utf-8": lambda: _around(b'"payloadType"', b'"payloadType\xff"'),
}
for name, make in ENVELOPES.items():
    attack_statement(
        f"envelope-{name}",
        FAMILY,
        "R07 malformed JSON, invalid base64; P01; F25",
        "the envelope is tampered with",
        make,
        quick=sampled(name),
    )

FAMILY = "spelling"
SPELLINGS: dict[str, tuple[bytes, bytes]] = {
    "name-twice": (b'"sequence":10', b'"sequence":10,"sequence":11'),
    "name-twice-through-an-escape": (b'"sequence":10', b'"sequence":10,"\\u0073equence":11'),
    "fraction": (b'"sequence":10', b'"sequence":10.0'),
    "exponent": (b'"sequence":10', b'"sequence":1e1'),
    "leading-zero": (b'"sequence":10', b'"sequence":010'),
    "plus": (b'"sequence":10', b'"sequence":+10'),
    "minus-zero": (b'"size":%d' % len(CONTENT), b'"size":-0'),
    "hex": (b'"sequence":10', b'"sequence":0xA'),
    "underscore": (b'"sequence":10', b'"sequence":1_0'),
    "nan": (b'"sequence":10', b'"sequence":NaN'),
    "infinity": (b'"sequence":10', b'"sequence":Infinity'),
    "huge": (b'"sequence":10', b'"sequence":' + b"9" * 5000),
    "lone-surrogate": (b'"ML-Model"', b'"ML-\\ud800"'),
    "bad-utf-8": (b'"ML-Model"', b'"ML-\xff"'),
    "overlong-utf-8": (b'"ML-Model"', b'"ML-\xc0\xaf"'),
    "raw-control": (b'"ML-Model"', b'"ML-\x01"'),
    "comment": (b'"sequence":10', b'"sequence":10/**/'),
    "trailing-comma": (b'"sequence":10', b'"sequence":10,'),
    "single-quotes": (b'"1.0.0"', b"'1.0.0'"),
    "tail": (b"}}}", b"}}}}"),
    "truncated": (b"}}}", b"}}"),
}
for name, (old, new) in SPELLINGS.items():
    attack_statement(
        f"spelling-{name}",
        FAMILY,
        "K08; P23; R07 malformed JSON",
        "authentic, and not JSON as signkit narrows it",
        quick=sampled(name),
        make=partial(_spelled, old, new),
    )
