"""What is read about keys: sealed files, the register, evidence, names of keys on tokens."""

from __future__ import annotations

from signkit.custody.life import Register
from signkit.custody.register import follow_lines
from signkit.custody.token_uri import parse_token_uri
from signkit.formats.chain import read_chain
from signkit.formats.custody_register import PAYLOAD_TYPE as CUSTODY_LINE_TYPE
from signkit.formats.custody_register import (
    SignedTransition,
    parse_cryptoperiod,
    parse_signed_transition,
    register_shape,
    sign_transition,
)
from signkit.formats.key_evidence import KeyEvidence, encode_key_evidence, parse_key_evidence
from signkit.formats.sealed_key import (
    SealedKey,
    compute_header_digest,
    encode_sealed_key,
    parse_sealed_key,
)
from signkit.formats.sexp import encode_sexp, parse_sexp
from signkit.verify.encoding import encode_json
from tests.fuzz.format_targets import file_of
from tests.fuzz.seeds import exactly, files
from tests.fuzz.target import Target, nothing_more
from tests.fuzz.verify_targets import text_of
from tests.support import key_evidence
from tests.support.custody_lines import LIFE
from tests.support.custody_lines import payload_value as transition_value
from tests.support.documents import document
from tests.support.keys import PROD, STATION
from tests.support.sealed_keys import payload_value, sealed_file, signed


def _holds(sealed: SealedKey, data: bytes) -> None:
    assert sealed.digest == compute_header_digest(sealed.header)
    if sealed.public_key == PROD.public_key:
        assert encode_sealed_key(sealed.header, sealed.box, PROD) == data


def _register(data: bytes) -> Register:
    lines, _end = read_chain(file_of("register", data), register_shape(STATION.public_key))
    return follow_lines(lines)


def _register_holds(register: Register, _data: bytes) -> None:
    """Every key has a life, and every life begins by saying what the key is."""
    for keyid, life in register.lives.items():
        assert {each.keyid for each in life.history} == {keyid}
        assert [each.key for each in life.history] == [life.key, *[None] * (len(life.history) - 1)]


def _transition(data: bytes) -> SignedTransition:
    signed = document(CUSTODY_LINE_TYPE, data, STATION, carry_key=False)
    return parse_signed_transition(signed, STATION.public_key, where="line")


def _transition_holds(said: SignedTransition, _data: bytes) -> None:
    assert sign_transition(said.placed, STATION).placed == said.placed


def _check(holds: bool) -> None:
    assert holds


def _is_spelled_once(evidence: KeyEvidence, data: bytes) -> None:
    if evidence.public_key == PROD.public_key:
        created, challenge = evidence.created, evidence.challenge
        again = encode_key_evidence(evidence.facts, PROD, created=created, challenge=challenge)
        assert again == data


TARGETS = (
    Target(
        name="custody-register",
        parse=_register,
        holds=_register_holds,
        seeds=files("custody-register"),
    ),
    Target(
        name="custody-line",  # signed as it is, or nothing would get past the signature
        parse=_transition,
        holds=_transition_holds,
        seeds=lambda: [encode_json(transition_value(each, 1, bytes(32))) for each in LIFE],
    ),
    Target(
        name="cryptoperiod",
        parse=lambda data: parse_cryptoperiod(text_of(data)),
        holds=nothing_more,
        seeds=exactly(b"2y", b"90d", b"never", b"101y"),
    ),
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
