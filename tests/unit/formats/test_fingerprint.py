"""Fingerprints as people read them."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from signkit.formats.fingerprint import fingerprint_digest, hex_rows, word_rows
from signkit.formats.words import encode_words
from signkit.verify.public_key import parse_public_key
from tests.support.key_files import CONTRACT_KEYID, CONTRACT_PUBLIC


def test_the_fingerprint_is_the_sha256_of_the_raw_key() -> None:
    digest = fingerprint_digest(
        parse_public_key(CONTRACT_PUBLIC.hex().encode(), allow_test_keys=True)
    )
    assert digest == hashlib.sha256(CONTRACT_PUBLIC).digest()
    assert hex_rows(digest) == (
        "79b7 8569 e8d5 cc0e 27b1 9440 a897 c1f3",
        "c434 fcee 5117 6def ed26 4ba4 6e5b aa00",
    )
    assert digest.hex() == CONTRACT_KEYID


@given(st.binary(min_size=32, max_size=32))
def test_rows_hold_everything_in_order(digest: bytes) -> None:
    assert "".join(hex_rows(digest)).replace(" ", "") == digest.hex()
    rows = word_rows(digest)
    assert [len(row.split()) for row in rows] == [8, 8, 8, 8]
    assert tuple(" ".join(rows).split()) == encode_words(digest)
