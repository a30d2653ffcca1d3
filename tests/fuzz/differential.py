"""The differential: mutated (key, message, signature), signkit-strict against PyNaCl's own answer.

E08 of the shared corpus. The mutations are those that verifiers are known to disagree about: S plus
the group order, R and A swapped for points of small or mixed order and for second encodings, flipped
bits, lengths. How many were accepted is counted, or the test might be one of refusals only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from nacl.bindings import crypto_core_ed25519_add, crypto_core_ed25519_is_valid_point
from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

from signkit.errors import SignkitError
from signkit.verify.ed25519 import PublicKey, enrol_public_key, verify_signature
from tests.fuzz.seeds import VECTORS

COUNT = 100_000
_ORDER = 2**252 + 27742317777372353535851937790883648493
_FIELD = 2**255 - 19
# The eight points of small order, and every second encoding that fits 255 bits and a sign.
_SMALL = [
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
]
_SECOND = [
    (number | sign << 255).to_bytes(32, "little")
    for number in range(_FIELD, 2**255)
    for sign in (0, 1)
]


@dataclass(frozen=True, kw_only=True)
class Triple:
    """What a verifier is asked."""

    key: bytes
    message: bytes
    signature: bytes

    def encode(self) -> bytes:
        """Return it as one file, for `scripts/fuzz --input`."""
        fields = {"key": self.key, "message": self.message, "signature": self.signature}
        return json.dumps({name: value.hex() for name, value in fields.items()}).encode()


Mutation = Callable[[Triple, Random], Triple]


def _changed(triple: Triple, **changes: bytes) -> Triple:
    return Triple(**{**triple.__dict__, **changes})


def _honest(triple: Triple, _random: Random) -> Triple:
    return triple


def _flip_bits(triple: Triple, random: Random) -> Triple:
    name = random.choice(("key", "message", "signature"))
    data = bytearray(getattr(triple, name) or b"\0")
    for _ in range(random.randint(1, 3)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return _changed(triple, **{name: bytes(data)})


def _add_order(triple: Triple, random: Random) -> Triple:
    """S + nL: the same equation holds, so only the rule S < L refuses it."""
    s = int.from_bytes(triple.signature[32:], "little") + random.randint(1, 15) * _ORDER
    return _with_s(triple, s % 2**256)


def _edge_of_s(triple: Triple, random: Random) -> Triple:
    edges = (0, 1, _ORDER - 1, _ORDER, _ORDER + 1, 2**252, 2**253 - 1, 2**255, 2**256 - 1)
    return _with_s(triple, random.choice(edges))


def _with_s(triple: Triple, s: int) -> Triple:
    return _changed(triple, signature=triple.signature[:32] + s.to_bytes(32, "little"))


def _swap_point(triple: Triple, random: Random) -> Triple:
    """R, A or both of small order or in a second encoding; with S = 0 the equation may hold."""
    r, a = (random.choice(random.choice((_SMALL, _SECOND))) for _ in range(2))
    s = random.choice((triple.signature[32:], bytes(32)))
    which = random.randrange(3)
    key = a if which else triple.key
    return _changed(triple, key=key, signature=(triple.signature[:32] if which == 1 else r) + s)


def _mix_order(triple: Triple, random: Random) -> Triple:
    """R or A plus a point of small order: where cofactored and cofactorless verifiers part."""
    torsion = random.choice(_SMALL[6:])
    if random.random() < 0.5:
        return _changed(triple, key=crypto_core_ed25519_add(triple.key, torsion))
    r = crypto_core_ed25519_add(triple.signature[:32], torsion)
    return _changed(triple, signature=r + triple.signature[32:])


def _change_message(triple: Triple, random: Random) -> Triple:
    """The signature of a message that was cut off or went on."""
    message = triple.message + random.randbytes(random.randrange(3))
    return _changed(triple, message=message[: random.randint(0, len(message))])


def _change_length(triple: Triple, random: Random) -> Triple:
    name = random.choice(("key", "signature"))
    data = getattr(triple, name)
    longer = data + random.randbytes(random.randint(1, 32))
    return _changed(triple, **{name: random.choice((longer, data[: random.randrange(len(data))]))})


def _swap_halves(triple: Triple, _random: Random) -> Triple:
    return _changed(triple, signature=triple.signature[32:] + triple.signature[:32])


MUTATIONS: tuple[Mutation, ...] = (
    _honest,
    _flip_bits,
    _flip_bits,
    _add_order,
    _edge_of_s,
    _swap_point,
    _swap_point,
    _mix_order,
    _change_message,
    _change_length,
    _swap_halves,
)


def _published() -> list[Triple]:
    """Return the vectors that others published, to be mutated as our own signatures are."""
    lines = (VECTORS / "ed25519" / "verify.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [
        Triple(
            key=bytes.fromhex(each["pub"]),
            message=bytes.fromhex(each["msg"]),
            signature=bytes.fromhex(each["sig"]),
        )
        for each in found
        if len(each["pub"]) == 64 and len(each["sig"]) == 128 and len(each["msg"]) <= 256
    ]


def _signed(random: Random) -> list[Triple]:
    keys = [SigningKey(random.randbytes(32)) for _ in range(16)]
    signed = [(key, random.randbytes(random.randrange(65))) for key in keys for _ in range(32)]
    return [
        Triple(key=bytes(key.verify_key), message=message, signature=key.sign(message).signature)
        for key, message in signed
    ]


def ours(triple: Triple) -> tuple[bool, bool]:
    """Return signkit's answers: whether the signature verifies, and whether the key enrols."""
    key = PublicKey(raw=triple.key, keyid="")
    return (
        len(triple.key) == 32
        and _accepts(lambda: verify_signature(key, triple.message, triple.signature)),
        _accepts(lambda: enrol_public_key(triple.key, allow_test_keys=True)),
    )


def theirs(triple: Triple) -> tuple[bool, bool]:
    """Return PyNaCl's answers to the same, through its public interface only."""
    return (
        _accepts(lambda: VerifyKey(triple.key).verify(triple.message, triple.signature)),
        len(triple.key) == 32 and bool(crypto_core_ed25519_is_valid_point(triple.key)),
    )


def _accepts(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (SignkitError, CryptoError, ValueError):
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What came of a run.

    Attributes:
        answers: How often both said yes to the signature ("verifies"), and to the key ("enrols").
        differences: The triples that got two answers.
    """

    answers: Counter[str]
    differences: list[Triple]


def compare(count: int, *, seed: int) -> Comparison:
    """Ask both about so many mutated triples; the same seed asks the same."""
    random = Random(seed)
    bases = _signed(random), _published()
    answers: Counter[str] = Counter()
    differences = []
    for _ in range(count):
        triple = mutated(random.choice(random.choice(bases)), random)
        mine = ours(triple)
        if mine != theirs(triple):
            differences.append(triple)
        answers.update({"verifies": mine[0], "enrols": mine[1]})
    return Comparison(answers=answers, differences=differences)


def mutated(triple: Triple, random: Random) -> Triple:
    """Return a triple after one mutation; of a key that is no point, where it takes one, as it is."""
    try:
        return random.choice(MUTATIONS)(triple, random)
    except (CryptoError, RuntimeError):
        return triple


def check_input(data: bytes) -> None:
    """Ask both about one triple from a file; fails where they differ."""
    triple = Triple(**{name: bytes.fromhex(text) for name, text in json.loads(data).items()})
    assert ours(triple) == theirs(triple), f"signkit {ours(triple)}, PyNaCl {theirs(triple)}"
