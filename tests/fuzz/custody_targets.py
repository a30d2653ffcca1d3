"""What is read about keys: sealed key files, evidence of tokens, and names of keys on tokens."""

from __future__ import annotations

from signkit.custody.token_uri import parse_token_uri
from signkit.formats.key_evidence import KeyEvidence, encode_key_evidence, parse_key_evidence
from signkit.formats.sealed_key import (
    SealedKey,
    compute_header_digest,
    encode_sealed_key,
    parse_sealed_key,
)
from signkit.formats.sexp import encode_sexp, parse_sexp
from signkit.verify.encoding import encode_json
from tests.fuzz.seeds import exactly, files
from tests.fuzz.target import Target, nothing_more
from tests.fuzz.verify_targets import text_of
from tests.support import key_evidence
from tests.support.keys import PROD
from tests.support.sealed_keys import payload_value, sealed_file, signed


def _holds(sealed: SealedKey, data: bytes) -> None:
    assert sealed.digest == compute_header_digest(sealed.header)
    if sealed.public_key == PROD.public_key:
        assert encode_sealed_key(sealed.header, sealed.box, PROD) == data


def _check(holds: bool) -> None:
    assert holds


def _is_spelled_once(evidence: KeyEvidence, data: bytes) -> None:
    if evidence.public_key == PROD.public_key:
        created, challenge = evidence.created, evidence.challenge
        again = encode_key_evidence(evidence.facts, PROD, created=created, challenge=challenge)
        assert again == data


TARGETS = (
    Target(name="sealed-key-file", parse=parse_sealed_key, holds=_holds, seeds=files("sealed-key")),
    Target(
        name="sealed-key",  # signed as it is, or nothing would get past the signature
        parse=lambda data: parse_sealed_key(signed(data)),
        holds=lambda sealed, data: _holds(sealed, signed(data)),
        seeds=lambda: [encode_json(payload_value(sealed_file()))],
    ),
    Target(
        name="key-evidence-file",
        parse=parse_key_evidence,
        holds=_is_spelled_once,
        seeds=files("key-evidence"),
    ),
    Target(
        name="key-evidence",
        parse=lambda data: parse_key_evidence(key_evidence.signed(data)),
        holds=lambda found, data: _is_spelled_once(found, key_evidence.signed(data)),
        seeds=lambda: [encode_json(key_evidence.payload_value(key_evidence.evidence_file()))],
    ),
    Target(
        name="sexp",
        parse=parse_sexp,
        holds=lambda value, data: _check(encode_sexp(value) == data),
        seeds=exactly(
            b"(7:sig-val(5:eddsa(1:r2:ab)(1:s0:)))",
            b"(10:public-key(3:ecc(5:curve7:Ed25519)(5:flags5:eddsa)(1:q3:@ab)))",
        ),
    ),
    Target(
        name="token-uri",
        parse=lambda data: parse_token_uri(text_of(data)),
        holds=nothing_more,
        seeds=exactly(b"token=vault;object=prod", b"serial=7f%20;id=%01;type=private?pin-value=1"),
    ),
)
