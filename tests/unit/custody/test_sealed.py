"""Sealed keys: what is refused without the passphrase, and what only with it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from nacl.bindings import crypto_secretbox

from signkit.custody import sealed
from signkit.custody.sealed import (
    LEAST_COST,
    Sealing,
    open_sealed_key,
    seal_key,
)
from signkit.errors import (
    CustodyError,
    KeyLockedError,
    MalformedError,
    SignkitError,
    TooLargeError,
)
from signkit.formats.private_key import PrivateKey
from signkit.formats.sealed_key import (
    MEMORY_LEAST,
    MEMORY_MOST,
    PASSES_MOST,
    Argon2Cost,
    is_sealed_key,
    parse_sealed_key,
)
from signkit.model.purpose import OPEN, Purpose
from signkit.verify.encoding import encode_base64, encode_json
from tests.support import sealed_keys
from tests.support.cheap import choose_cost_of_users
from tests.support.key_files import PASSPHRASE, never, passphrase
from tests.support.keys import PROD
from tests.support.sealed_keys import CREATED, FOLDER, PURPOSE, sealed_file

EXPECT: dict[str, str] = json.loads((FOLDER / "EXPECT.json").read_text())


def outcome(data: bytes) -> str:
    try:
        open_sealed_key(parse_sealed_key(data), passphrase)
    except SignkitError as error:
        return error.code
    return "accept"


def test_the_vectors_are_what_the_generator_writes() -> None:
    made = sealed_keys.vectors()
    assert {name: code for name, (_data, code) in made.items()} == EXPECT
    assert {name: (FOLDER / name).read_bytes() for name in EXPECT} == {
        name: data for name, (data, _code) in made.items()
    }
    stored = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*")}
    assert stored == set(EXPECT)


@pytest.mark.parametrize("name", sorted(EXPECT))
def test_a_vector_has_its_outcome(name: str) -> None:
    assert outcome((FOLDER / name).read_bytes()) == EXPECT[name]


def test_says_what_the_key_is_for_without_the_passphrase() -> None:
    found = parse_sealed_key(sealed_file())
    assert (found.header.purpose, found.header.created) == (PURPOSE, CREATED)
    assert found.public_key == PROD.public_key
    assert open_sealed_key(found, passphrase).seed == PROD.seed


def flips(data: bytes) -> Iterator[bytes]:
    for place in range(len(data)):
        for bit in range(8):
            yield data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


@pytest.mark.slow
def test_one_changed_bit_anywhere_is_noticed_before_the_passphrase() -> None:
    """Attacker: has the file and not the passphrase, and wants the operator to type it."""
    data = sealed_file()
    refused = 0
    for changed in flips(data):
        with pytest.raises(SignkitError):
            open_sealed_key(parse_sealed_key(changed), never)
        refused += 1
    assert refused == 8 * len(data)


def test_every_bit_of_the_header_itself_is_under_the_signature() -> None:
    """The same a layer below: bits of the payload, and not of its base64."""
    data = sealed_file()
    envelope, payload = json.loads(data), encode_json(sealed_keys.payload_value(data))
    for changed in flips(payload):
        bad = {**envelope, "payload": encode_base64(changed)}
        with pytest.raises(SignkitError, match="does not verify"):
            parse_sealed_key(encode_json(bad))


@pytest.mark.parametrize("size", range(0, 900, 61))
def test_a_truncated_file(size: int) -> None:
    with pytest.raises(SignkitError):
        parse_sealed_key(sealed_file()[:size])


def test_a_wrong_passphrase_is_one_sentence() -> None:
    with pytest.raises(KeyLockedError, match=r"^the passphrase does not open the private key$"):
        open_sealed_key(parse_sealed_key(sealed_file()), lambda: b"wrong")


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ("box-of-another-key", "was made for another key$"),
        ("box-of-another-purpose", "was made for another purpose$"),
        ("resigned-by-a-stranger", "was made for another key$"),
    ],
)
def test_a_file_put_together_from_two(vector: str, said: str) -> None:
    data = (FOLDER / "invalid" / f"{vector}.json").read_bytes()
    with pytest.raises(CustodyError, match=said):
        open_sealed_key(parse_sealed_key(data), passphrase)


def test_parameters_are_refused_before_the_passphrase() -> None:
    for name, kind, said in (
        ("kdf-passes-2", MalformedError, "too cheap"),
        ("kdf-memory-too-little", MalformedError, "too cheap"),
        ("kdf-memory-too-much", TooLargeError, "more than any honest file"),
        ("kdf-work-too-much", TooLargeError, "more than any honest file"),
    ):
        with pytest.raises(kind, match=said):
            parse_sealed_key((FOLDER / "invalid" / f"{name}.json").read_bytes())


def test_is_told_from_other_files() -> None:
    assert is_sealed_key(sealed_file())
    for data in (b"", b"{}", b"-----BEGIN PRIVATE KEY-----", sealed_file()[:20]):
        assert not is_sealed_key(data)


def sealing(purpose: Purpose = OPEN) -> Sealing:
    return Sealing(purpose=purpose, predecessor=None, created=CREATED, cost=LEAST_COST)


@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        (Purpose(artifacts=()), "artifacts: expected at least 1"),
        (Purpose(schemes=("a", "a")), "named twice"),
        (Purpose(most_signatures=0), "most_signatures: expected 1 to"),
        (Purpose(not_after="2026"), "expected a UTC time"),
    ],
)
def test_a_purpose_that_no_reader_takes_is_not_written(purpose: Purpose, said: str) -> None:
    with pytest.raises(SignkitError, match=said):
        seal_key(PrivateKey(PROD.seed), sealing(purpose), passphrase=PASSPHRASE)


def test_a_purpose_that_is_too_long_is_not_written() -> None:
    globs = tuple(f"{n:03}" + "ü" * 125 for n in range(64))
    with pytest.raises(TooLargeError, match="at most 16384 bytes"):
        seal_key(
            PrivateKey(PROD.seed),
            sealing(Purpose(artifacts=globs, targets=globs)),
            passphrase=PASSPHRASE,
        )


def test_a_fault_while_sealing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped bit in memory would lose the key for ever: nothing is written."""
    box = "signkit.custody.sealed.crypto_secretbox"
    monkeypatch.setattr(box, lambda *given: bytes(16) + crypto_secretbox(*given)[16:])
    with pytest.raises(CustodyError, match="does not open again"):
        seal_key(PrivateKey(PROD.seed), sealing(), passphrase=PASSPHRASE)


def test_salt_and_nonce_are_new_each_time() -> None:
    first, second = (
        parse_sealed_key(seal_key(PrivateKey(PROD.seed), sealing(), passphrase=PASSPHRASE)).header
        for _ in range(2)
    )
    assert first.salt != second.salt
    assert first.nonce != second.nonce


def ticks(*seconds: float) -> Callable[[], float]:
    """A clock under which the measurements take these seconds, the last one for ever."""
    place = count()
    times = [0.0]

    def now() -> float:
        turn = next(place)
        if turn % 2:
            times.append(times[-1] + seconds[min(turn // 4, len(seconds) - 1)])
        return times[-1]

    return now


@pytest.mark.parametrize(
    ("seconds", "passes", "mib"),
    [((0.1,), 10, 256), ((0.34,), 3, 256), ((0.6, 0.3), 3, 128), ((9.0, 4.0, 2.0), 3, 64),
     ((0.0001,), 256, 256), ((0.0,), 3, 256)],
)  # fmt: skip
def test_chooses_about_a_second(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, ...], passes: int, mib: int
) -> None:
    monkeypatch.setattr(sealed, "_argon2id", lambda *_given: b"")
    assert choose_cost_of_users(ticks(*seconds)) == Argon2Cost(passes=passes, memory=mib << 20)


def test_a_machine_with_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def kdf(*_given: object, **cost: int) -> bytes:
        if cost["memlimit"] > MEMORY_LEAST:
            raise MemoryError
        return b""

    monkeypatch.setattr("signkit.custody.sealed.argon2id.kdf", kdf)
    assert choose_cost_of_users(ticks(0.2)) == Argon2Cost(passes=5, memory=MEMORY_LEAST)
    header = parse_sealed_key(sealed_keys.signed(
        sealed_keys.payload_value((FOLDER / "valid/release.json").read_bytes())
        | {"kdf": {"name": "argon2id13", "salt": "AAAAAAAAAAAAAAAAAAAAAA==",
                   "passes": 3, "memory": MEMORY_MOST}}
    ))  # fmt: skip
    with pytest.raises(TooLargeError, match="not enough memory to open the key"):
        open_sealed_key(header, passphrase)


@pytest.mark.slow
def test_what_it_chooses_takes_about_a_second_here() -> None:
    cost = choose_cost_of_users()
    start = time.perf_counter()
    sealed._argon2id(b"x", bytes(16), cost)
    seconds = time.perf_counter() - start
    assert 0.05 < seconds < 10  # a busy machine measures badly; both bounds are far off
    assert cost.memory >= MEMORY_LEAST
    assert 3 <= cost.passes <= PASSES_MOST
