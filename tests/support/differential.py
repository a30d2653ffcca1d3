"""E08: mutated keys, messages and signatures get PyNaCl's own answer.

`python -m tests.support.differential 100000` runs as many examples; the suite runs fewer.
"""

from __future__ import annotations

import sys
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from signkit.errors import SignatureInvalidError
from signkit.verify.ed25519 import PublicKey, verify_signature

ORDER = 2**252 + 27742317777372353535851937790883648493
# What a mutation puts in: points of small order, encodings with y >= p, and edges of S.
EDGES = [bytes(32), b"\1" + bytes(31), b"\xff" * 32, (2**255 - 19).to_bytes(32, "little")]
EDGES += [number.to_bytes(32, "little") for number in (2**255 - 20, ORDER, ORDER - 1, ORDER + 1)]


@st.composite
def triples(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """An honest key, message and signature, with up to three things changed."""
    signer = SigningKey(draw(st.binary(min_size=32, max_size=32)))
    message = draw(st.binary(max_size=64))
    parts = [bytearray(bytes(signer.verify_key)), bytearray(message)]
    parts.append(bytearray(signer.sign(message).signature))
    for _ in range(draw(st.integers(0, 3))):
        part = parts[draw(st.integers(0, 2))]
        if len(part) >= 32 and draw(st.booleans()):
            half = 32 * draw(st.integers(0, len(part) // 32 - 1))
            whole = int.from_bytes(part[half : half + 32], "little")
            change = draw(
                st.sampled_from([*EDGES, ((whole + ORDER) % 2**256).to_bytes(32, "little")])
            )
            part[half : half + 32] = change
        elif part:
            place = draw(st.integers(0, 8 * len(part) - 1))
            part[place // 8] ^= 1 << place % 8
    raw, changed, signature = map(bytes, parts)
    return raw, changed, signature


def ours(raw: bytes, message: bytes, signature: bytes) -> str:
    """Answer as the ground floor does, whatever enrolment says of the key."""
    try:
        verify_signature(PublicKey(raw=raw, keyid="0" * 64), message, signature)
    except SignatureInvalidError:
        return "reject"
    return "accept"


def theirs(raw: bytes, message: bytes, signature: bytes) -> str:
    """Answer as PyNaCl's own facade does."""
    try:
        VerifyKey(raw).verify(message, signature)
    except BadSignatureError:
        return "reject"
    return "accept"


def compare(examples: int) -> Counter[str]:
    """Compare the answers for a number of examples, and count them.

    Raises:
        AssertionError: two answers differ; hypothesis shows the least example.
    """
    answers: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(triples())
    def same(triple: tuple[bytes, bytes, bytes]) -> None:
        answer = ours(*triple)
        answers[answer] += 1
        assert answer == theirs(*triple)

    same()
    return answers


if __name__ == "__main__":
    print(dict(compare(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)))
