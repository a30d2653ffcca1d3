"""Two lists of 256 words, so that a word lost, doubled or swapped is heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.formats.words import encode_words

EVEN = [encode_words(bytes([byte]))[0] for byte in range(256)]
ODD = [encode_words(bytes([0, byte]))[1] for byte in range(256)]


def test_every_byte_has_a_word_of_its_own_at_either_place() -> None:
    assert len({word.lower() for word in EVEN} | {word.lower() for word in ODD}) == 512
    assert all(word.isascii() and word.isalpha() for word in EVEN + ODD)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", ""),
        ("00", "aardvark"),
        ("0000", "aardvark adroitness"),
        ("ffff", "Zulu Yucatan"),
        (  # a fingerprint whose words are printed in many places
            "e58294f2e9a227486e8b061b31cc528fd7fa3f19",
            (
                "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa"
                " afflict bravado chatter revolver Dupont midsummer stopwatch whimsical cowbell"
                " bottomless"
            ),
        ),
    ],
)
def test_known_words(data: str, words: str) -> None:
    assert " ".join(encode_words(bytes.fromhex(data))) == words


@given(st.binary(max_size=40))
def test_words_say_the_bytes(data: bytes) -> None:
    lists = (EVEN, ODD)
    words = encode_words(data)
    assert bytes(lists[place % 2].index(word) for place, word in enumerate(words)) == data


@given(st.binary(min_size=2, max_size=8), st.integers(0, 6))
def test_a_swap_or_a_loss_is_heard(data: bytes, place: int) -> None:
    words = list(encode_words(data))
    place = min(place, len(words) - 2)
    words[place], words[place + 1] = words[place + 1], words[place]
    assert words[place] in ODD if place % 2 == 0 else words[place] in EVEN
