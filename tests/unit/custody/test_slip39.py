"""SLIP-39 as others read it, and refusals that say which word."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from signkit.custody.shares import ShareSet, parse_share_text
from signkit.custody.slip39 import (
    ShareWords,
    combine_shares,
    is_word,
    parse_share,
    similar_words,
    split_secret,
)
from signkit.errors import CustodyError, MalformedError, SignkitError
from tests.support.keys import PROD

FILE = Path(__file__).parents[2] / "vectors" / "slip39" / "secrets-of-32-bytes.json"
VECTORS = json.loads(FILE.read_text())
PASSPHRASE = VECTORS["passphrase"].encode()


def one_share() -> ShareWords:
    return split_secret(PROD.seed, groups=[(2, 3)], group_threshold=1, passphrase=b"")[0][0]


def restore(texts: list[str], passphrase: bytes = PASSPHRASE) -> bytes:
    collected = ShareSet()
    for number, text in enumerate(texts, start=1):
        what = f"share {number}"
        collected.add(parse_share_text(text, what=what), what=what)
    return collected.restore(passphrase)


@pytest.mark.parametrize("name", VECTORS["valid"])
def test_published_shares_restore_their_secret(name: str) -> None:
    vector = VECTORS["valid"][name]
    assert restore(vector["shares"]).hex() == vector["secret"]
    assert restore(vector["shares"], b"another").hex() != vector["secret"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checksum", "share 1: word 33 is wrong"),
        ("padding", "share 1: its words fit their checksum but are no share"),
        ("one-of-two", "not enough shares: 1 more share"),
        ("one-group-of-two", "not enough shares: shares of 1 more group"),
        ("half-of-a-group", "not enough shares: 1 more share of group 4"),
        ("20-words", "share 1: expected 33 words, got 20"),
    ],
)
def test_published_faults_are_refused(name: str, said: str) -> None:
    with pytest.raises(SignkitError, match=said):
        restore(VECTORS["invalid"][name])


def test_every_published_fault_is_tested() -> None:
    assert len(VECTORS["invalid"]) == 6


def test_capitals_are_the_same_words() -> None:
    share = one_share()
    assert parse_share([word.upper() for word in share.words], what="a share") == share


@pytest.mark.parametrize("place", [1, 2, 3, 17, 33])
def test_one_wrong_word_is_named_by_its_place(place: int) -> None:
    words = list(one_share().words)
    words[place - 1] = "zero" if words[place - 1] != "zero" else "academic"
    with pytest.raises(MalformedError, match=f"^share 2: word {place} is wrong") as refused:
        parse_share(words, what="share 2")
    assert f"read word {place} again" in (refused.value.hint or "")


def test_two_swapped_words_are_named() -> None:
    words = list(one_share().words)
    place = next(n for n in range(4, 30) if words[n] != words[n + 1])
    words[place], words[place + 1] = words[place + 1], words[place]
    with pytest.raises(MalformedError, match=f"words {place + 1} and {place + 2} are swapped"):
        parse_share(words, what="share 2")


def test_each_place_is_found_whatever_the_word() -> None:
    words = list(one_share().words)
    for place in range(33):
        other = list(words)
        other[place] = "zero" if words[place] != "zero" else "academic"
        with pytest.raises(MalformedError, match=f": word {place + 1} is wrong"):
            parse_share(other, what="share 2")


def test_a_word_of_any_length_is_no_reason_to_search_for_long() -> None:
    assert similar_words("academic" * 10_000) == ()


def test_more_wrong_words_are_not_guessed_at() -> None:
    words = list(one_share().words)
    for place in (4, 9, 14):
        words[place] = "zero" if words[place] != "zero" else "academic"
    with pytest.raises(MalformedError, match=r"^share 2: the checksum does not fit"):
        parse_share(words, what="share 2")


def test_a_word_off_the_list_is_named_and_not_quoted() -> None:
    words = list(one_share().words)
    words[6] = "acadmic"
    with pytest.raises(MalformedError, match=r"^share 2: word 7 is not on the SLIP-39") as refused:
        parse_share(words, what="share 2")
    assert "academic" in (refused.value.hint or "")
    assert "acadmic" not in str(refused.value)


def test_no_similar_word_is_no_hint() -> None:
    with pytest.raises(MalformedError) as refused:
        parse_share(["qqqqqqq"], what="share 2")
    assert refused.value.hint == "no word of the list looks like it; read it again"


def test_the_first_four_letters_are_enough_for_a_suggestion() -> None:
    assert similar_words("acadXXX")[0] == "academic"
    assert all(map(is_word, similar_words("acadXXX")))


def test_a_repr_holds_no_word() -> None:
    share = one_share()
    shown = repr(share)
    assert "words=" not in shown
    assert not [pair for pair in pairwise(share.words[2:]) if " ".join(pair) in shown]


def test_shares_that_only_name_the_same_set_do_not_fit() -> None:
    """Two sets may carry one name (15 bits): SLIP-39's own digest of the secret tells them apart."""
    groups = VECTORS["valid"]["2-of-3"]["shares"]
    first = parse_share_text(groups[0], what="share 1")
    with pytest.raises(CustodyError, match=r"do not fit one another"):
        combine_shares([first, first], passphrase=b"")
