"""Scheme `peridio`: 64 bytes of hex are signed, 128 upper-case digits are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import NotCanonicalError, SignatureInvalidError
from signkit.schemes import peridio
from signkit.verify.digest import Sha256, compute_digest
from tests.support.documents import CONTENT, request_of
from tests.support.keys import PROD, SPARE

REQUEST = request_of()
ITEM = REQUEST.items[0]
MADE = peridio.sign(PROD, ITEM, REQUEST)


def verified(value: object) -> bytes:
    return peridio.verify(PROD.public_key, ITEM, REQUEST, value)


def test_the_message_is_the_hex_of_the_digest() -> None:
    message = peridio.compute_message(compute_digest(CONTENT))
    assert message == b"403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b"


def test_it_is_written_as_upper_case_hex() -> None:
    signature = PROD.sign(peridio.compute_message(ITEM.digest))
    assert signature.hex().upper() == MADE
    assert verified(MADE) == bytes.fromhex(MADE)


@given(st.binary(min_size=32, max_size=32))
def test_what_is_signed_verifies(digest: bytes) -> None:
    item = ITEM._replace(digest=Sha256(digest))
    made = peridio.sign(PROD, item, REQUEST)
    assert peridio.verify(PROD.public_key, item, REQUEST, made) == bytes.fromhex(made)


@pytest.mark.parametrize(
    "value",
    [
        MADE.lower(),
        MADE.swapcase(),
        MADE[:-2],
        MADE + "00",
        " " + MADE[1:],
        MADE[:2] + " " + MADE[3:],
        MADE[:-1] + "G",
        MADE[:-1] + "\uff10",
        "0x" + MADE[2:],
        "",
        None,
        7,
        [MADE],
        {"sig": MADE},
        bytes.fromhex(MADE),
        "x" * 1_000_000,
    ],
)
def test_every_other_spelling_is_refused(value: object) -> None:
    with pytest.raises(
        NotCanonicalError, match=r"^peridio signature: expected 128 upper"
    ) as caught:
        verified(value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("place", range(0, 128, 9))
def test_another_signature_is_refused(place: int) -> None:
    other = "1" if MADE[place] == "0" else "0"
    with pytest.raises(SignatureInvalidError):
        verified(MADE[:place] + other + MADE[place + 1 :])


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureInvalidError, match=SPARE.public_key.keyid):
        peridio.verify(SPARE.public_key, ITEM, REQUEST, MADE)


def test_another_digest_is_refused() -> None:
    item = ITEM._replace(digest=compute_digest(b"other"))
    with pytest.raises(SignatureInvalidError):
        peridio.verify(PROD.public_key, item, REQUEST, MADE)


@pytest.mark.parametrize(
    "message",
    [
        ITEM.digest,
        ITEM.digest.hex().upper().encode(),
        CONTENT,
        ITEM.digest.hex().encode() + b"\n",
        b"",
    ],
    ids=["raw digest", "upper-case hex", "content", "line feed", "nothing"],
)
def test_a_signature_over_anything_else_is_refused(message: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        verified(PROD.sign(message).hex().upper())


def test_it_is_blind_to_everything_else() -> None:
    """Why it never goes alone: the same signature holds for another name, version and target."""
    item = ITEM._replace(name="other", version="9", target="other", size=1, sequence=7)
    assert peridio.verify(PROD.public_key, item, REQUEST, MADE) == bytes.fromhex(MADE)
