"""What a station reads about its keys: sealed key files, and names of keys on tokens."""

from __future__ import annotations

from signkit.custody.token_uri import parse_token_uri
from signkit.formats.sealed_key import (
    SealedKey,
    compute_header_digest,
    encode_sealed_key,
    parse_sealed_key,
)
from signkit.verify.encoding import encode_json
from tests.fuzz.seeds import exactly, files
from tests.fuzz.target import Target, nothing_more
from tests.fuzz.verify_targets import text_of
from tests.support.keys import PROD
from tests.support.sealed_keys import payload_value, sealed_file, signed


def _holds(sealed: SealedKey, data: bytes) -> None:
    assert sealed.digest == compute_header_digest(sealed.header)
    if sealed.public_key == PROD.public_key:
        assert encode_sealed_key(sealed.header, sealed.box, PROD) == data


TARGETS = (
    Target(name="sealed-key-file", parse=parse_sealed_key, holds=_holds, seeds=files("sealed-key")),
    Target(
        name="sealed-key",  # signed as it is, or nothing would get past the signature
        parse=lambda data: parse_sealed_key(signed(data)),
        holds=lambda sealed, data: _holds(sealed, signed(data)),
        seeds=lambda: [encode_json(payload_value(sealed_file()))],
    ),
    Target(
        name="token-uri",
        parse=lambda data: parse_token_uri(text_of(data)),
        holds=nothing_more,
        seeds=exactly(b"token=vault;object=prod", b"serial=7f%20;id=%01;type=private?pin-value=1"),
    ),
)
