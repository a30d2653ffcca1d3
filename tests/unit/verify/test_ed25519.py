"""One meaning of Ed25519: every published vector gives the answer of signkit-strict."""

from __future__ import annotations

import json
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from signkit.errors import KeyRefusedError, MalformedError, SignatureInvalidError, SignkitError
from signkit.verify.ed25519 import PublicKey, enrol_public_key, verify_signature
from signkit.verify.published import PREFIX_SIZE, PUBLISHED
from tests.support.keys import PROD, STRANGER
from tests.support.published_keys import prefixes, published_keys

FOLDER = Path(__file__).parents[2] / "vectors" / "ed25519"
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
# The eight points of small order: each y, and the sign bits it may be written with.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


VERIFY = _lines("verify.jsonl")
SIGN = _lines("sign.jsonl")


def _named(vector: dict[str, Any]) -> str:
    return f"{vector['suite']}-{vector['id']}"


def _unenrolled(raw: bytes) -> PublicKey:
    """A key that never passed enrolment, as no reader ever makes one."""
    return PublicKey(raw=raw, keyid="0" * 64)


def _answer(key: PublicKey, message: bytes, signature: bytes) -> str:
    try:
        verified = verify_signature(key, message, signature)
    except SignatureInvalidError:
        return "reject"
    assert verified == message
    return "accept"


def _enrols(raw: bytes) -> bool:
    try:
        key = enrol_public_key(raw, allow_test_keys=True)
    except (KeyRefusedError, MalformedError):
        return False
    assert key.raw == raw
    return True


def test_the_vectors_are_all_there() -> None:
    assert (len(VERIFY), len(SIGN)) == (968, 156)


@pytest.mark.parametrize("vector", VERIFY, ids=_named)
def test_published_vector(vector: dict[str, Any]) -> None:
    raw, message, signature = (bytes.fromhex(vector[name]) for name in ("pub", "msg", "sig"))
    enrolled = _enrols(raw)
    if "enrol" in vector:
        assert not enrolled
    elif vector["expect"] == "accept":
        assert enrolled
    if len(raw) == 32:  # the answer of the signature alone, whatever enrolment says
        assert _answer(_unenrolled(raw), message, signature) == vector["expect"]
    else:
        assert (enrolled, vector["expect"]) == (False, "reject")


@pytest.mark.parametrize("vector", SIGN, ids=_named)
def test_published_signature_verifies(vector: dict[str, Any]) -> None:
    raw, message, signature = (bytes.fromhex(vector[name]) for name in ("pub", "msg", "sig"))
    assert _answer(enrol_public_key(raw, allow_test_keys=True), message, signature) == "accept"
    assert SigningKey(bytes.fromhex(vector["seed"])).sign(message).signature == signature
    malleable = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert (
        _answer(enrol_public_key(raw, allow_test_keys=True), message, signature[:32] + malleable)
        == "reject"
    )


@pytest.mark.parametrize("vector", json.loads((FOLDER / "ctx_ph.json").read_text()))
def test_context_and_prehash_are_no_pure_signatures(vector: dict[str, Any]) -> None:
    key = enrol_public_key(bytes.fromhex(vector["publicKey"]), allow_test_keys=True)
    message, signature = bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])
    assert _answer(key, message, signature) == "reject"


@pytest.mark.parametrize("encoding", SMALL_ORDER)
def test_small_order_keys_forge_nothing(encoding: str) -> None:
    """Attacker: enrols a key of small order. Move: R = A, S = 0 fits many messages. Refused."""
    raw = bytes.fromhex(encoding)
    assert not _enrols(raw)
    for index in range(50):
        message = index.to_bytes(2, "little")
        for point in (raw, bytes.fromhex(SMALL_ORDER[0])):
            assert _answer(_unenrolled(raw), message, point + bytes(32)) == "reject"


def test_second_spellings_of_y_are_refused() -> None:
    for y in range(PRIME, 2**255):
        for sign in (0, 1 << 255):
            assert not _enrols((y | sign).to_bytes(32, "little")), y - PRIME


def test_negative_zero_is_refused() -> None:
    for y in (1, PRIME - 1):  # x = 0 here, so the sign bit is a second spelling
        assert not _enrols((y | 1 << 255).to_bytes(32, "little"))


def test_a_key_off_the_curve_is_refused_by_name() -> None:
    raw = (2).to_bytes(32, "little")
    keyid = sha256(raw).hexdigest()
    said = rf"^public key with keyid {keyid} is refused: not the canonical encoding"
    with pytest.raises(KeyRefusedError, match=said):
        enrol_public_key(raw)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_a_key_of_another_size_is_malformed(size: int) -> None:
    with pytest.raises(MalformedError, match=f"^public key: expected 32 bytes, got {size}$"):
        enrol_public_key(bytes(size))


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_a_signature_of_another_size_is_invalid(size: int) -> None:
    with pytest.raises(SignatureInvalidError, match=f"^signature: expected 64 bytes, got {size}$"):
        verify_signature(PROD.public_key, b"", bytes(size))


def test_the_refusal_names_the_key() -> None:
    signature = PROD.sign(b"message")
    with pytest.raises(SignatureInvalidError, match=STRANGER.public_key.keyid):
        verify_signature(STRANGER.public_key, b"message", signature)


def _mutated(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data)) if data else 0
    kind = chance.randrange(3) if data else 2
    if kind == 0:
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
    if kind == 1:
        return data[:place] + bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF))]) + data[place + 1 :]
    return bytes(reversed(data))


def _pynacl(raw: bytes, message: bytes, signature: bytes) -> str:
    try:
        VerifyKey(raw).verify(message, signature)
    except BadSignatureError:
        return "reject"
    return "accept"


def test_mutations_get_the_answer_of_pynacl() -> None:
    chance = random.Random(0xED25519)
    answers = {"accept": 0, "reject": 0}
    for _ in range(4000):
        vector = chance.choice(VERIFY)
        parts = [bytes.fromhex(vector[name]) for name in ("pub", "msg", "sig")]
        if (part := chance.randrange(4)) < 3:  # one in four stays as it was
            parts[part] = _mutated(parts[part], chance)
        raw, message, signature = parts
        if len(raw) != 32 or len(signature) != 64:
            continue
        answer = _answer(_unenrolled(raw), message, signature)
        assert answer == _pynacl(raw, message, signature), vector
        answers[answer] += 1
    assert min(answers.values()) > 50  # both answers were really seen


def test_only_our_errors_leave_for_any_bytes() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        raw = chance.randbytes(chance.choice((0, 31, 32, 32, 32, 33)))
        try:
            key = enrol_public_key(raw)
        except SignkitError:
            continue
        assert _answer(key, b"x", chance.randbytes(64)) == "reject"


def test_every_kind_of_buffer_is_taken_as_its_bytes() -> None:
    key = enrol_public_key(bytearray(PROD.public_key.raw))  # type: ignore[arg-type]
    assert type(key.raw) is bytes
    assert key == PROD.public_key


@pytest.mark.parametrize("vector", SIGN, ids=_named)
def test_published_keys_are_refused_unless_allowed(vector: dict[str, Any]) -> None:
    """Attacker: signs with a seed that stands in every test set. No key of it is ever trusted."""
    raw = bytes.fromhex(vector["pub"])
    with pytest.raises(KeyRefusedError, match=r"is published: anybody can sign with it$") as caught:
        enrol_public_key(raw)
    assert "--allow-test-keys" in (caught.value.hint or "")
    assert enrol_public_key(raw, allow_test_keys=True).raw == raw


def test_no_key_of_our_own_is_published() -> None:
    for key in (PROD, STRANGER):
        assert enrol_public_key(key.public_key.raw) == key.public_key


def test_the_list_is_what_it_is_made_from(corpus: Path) -> None:
    keys = published_keys(corpus)
    assert PUBLISHED.split() == prefixes(keys)
    assert {len(prefix) for prefix in PUBLISHED.split()} == {PREFIX_SIZE // 3 * 4}
    for raw in keys:
        with pytest.raises(KeyRefusedError):
            enrol_public_key(raw)


def test_allowing_test_keys_allows_nothing_else() -> None:
    """E09: small order, y >= p, off the curve: refused whatever a person says."""
    refused = [bytes.fromhex(encoding) for encoding in SMALL_ORDER]
    refused += [y.to_bytes(32, "little") for y in range(PRIME, 2**255)]
    refused += [(2).to_bytes(32, "little")]
    for raw in refused:
        with pytest.raises(KeyRefusedError, match="not the canonical encoding"):
            enrol_public_key(raw, allow_test_keys=True)
