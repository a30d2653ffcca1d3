"""Plans of who must come together, splitting, and collecting shares."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signkit.custody.shares import (
    Group,
    SharePlan,
    ShareSet,
    check_plan,
    check_share_passphrase,
    check_words,
    parse_group,
    parse_share_text,
    split_key,
)
from signkit.custody.slip39 import ShareWords
from signkit.errors import CustodyError, KeyLockedError, MalformedError, UsageError
from signkit.formats.private_key import PrivateKey
from tests.support.keys import PROD

KEY = PrivateKey(PROD.seed)


def plan(*groups: tuple[int, int], threshold: int = 1) -> SharePlan:
    made = [Group(name=f"g{n}", threshold=k, count=c) for n, (k, c) in enumerate(groups, start=1)]
    return SharePlan(groups=tuple(made), threshold=threshold)


def collect(*shares: ShareWords) -> ShareSet:
    collected = ShareSet()
    for number, share in enumerate(shares, start=1):
        collected.add(share, what=f"share {number}")
    return collected


THREE_OF_FIVE = split_key(KEY, plan((3, 5)))


def test_any_three_of_five_restore() -> None:
    for chosen in combinations(THREE_OF_FIVE, 3):
        assert collect(*chosen).restore(b"") == PROD.seed
    assert collect(*THREE_OF_FIVE).restore(b"") == PROD.seed


def test_no_two_of_five_do() -> None:
    for chosen in combinations(THREE_OF_FIVE, 2):
        with pytest.raises(CustodyError, match=r"^not enough shares: 1 more share$"):
            collect(*chosen).restore(b"")


def test_nothing_restores_nothing() -> None:
    with pytest.raises(CustodyError, match="no share yet"):
        ShareSet().restore(b"")


@settings(max_examples=15)
@given(st.data())
def test_whatever_the_plan_enough_shares_restore(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    groups = [data.draw(st.sampled_from([(2, 2), (2, 3), (3, 4), (4, 6)])) for _ in range(count)]
    least = data.draw(st.integers(1, count))
    shares = split_key(KEY, plan(*groups, threshold=least))
    chosen: list[ShareWords] = []
    for number in data.draw(st.permutations(range(1, count + 1)))[:least]:
        members = [share for share in shares if share.group == number]
        chosen += data.draw(st.permutations(members))[: groups[number - 1][0]]
    assert collect(*chosen).restore(b"") == PROD.seed
    missing = collect(*chosen[:-1]).missing()
    assert missing


def test_a_passphrase_counts_to_its_last_space() -> None:
    shares = split_key(KEY, plan((2, 2)), passphrase=b"ceremony ")
    assert collect(*shares).restore(b"ceremony ") == PROD.seed
    assert collect(*shares).restore(b"ceremony") != PROD.seed


@pytest.mark.parametrize("passphrase", [b"a\nb", b"a\0b", "é".encode(), b"\xff", b"a\x7f"])
def test_a_passphrase_that_others_cannot_type_is_refused(passphrase: bytes) -> None:
    with pytest.raises(KeyLockedError, match="characters that SLIP-39 rules out"):
        split_key(KEY, plan((2, 2)), passphrase=passphrase)


def test_printable_ascii_is_a_passphrase() -> None:
    every = bytes(range(0x20, 0x7F))
    assert check_share_passphrase(every) == every


def test_the_same_share_counts_once() -> None:
    share = THREE_OF_FIVE[0]
    with pytest.raises(CustodyError, match=r"^share 2 is share 1 again$"):
        collect(share, share)


def test_a_share_of_another_set_is_refused() -> None:
    other = split_key(KEY, plan((3, 5)))[1]
    with pytest.raises(CustodyError, match=r"^share 2 is not of the same set as share 1$"):
        collect(THREE_OF_FIVE[0], other)


def test_a_set_of_the_same_name_is_told_by_its_threshold() -> None:
    other = replace(THREE_OF_FIVE[1], threshold=2)
    with pytest.raises(CustodyError, match=r"^share 2 is not of the same set"):
        collect(THREE_OF_FIVE[0], other)


def test_a_twin_with_other_words_is_of_another_set() -> None:
    other = replace(THREE_OF_FIVE[0], words=THREE_OF_FIVE[1].words)
    with pytest.raises(CustodyError, match="has the number of share 1, and other words"):
        collect(THREE_OF_FIVE[0], other)


def test_a_fourth_share_that_does_not_agree_is_noticed() -> None:
    """A thief puts a share of his own into an envelope: it must not pass for lack of need."""
    other = split_key(KEY, plan((3, 5)))[3]
    with pytest.raises(CustodyError):
        collect(*THREE_OF_FIVE[:3], replace(other, set_name=THREE_OF_FIVE[0].set_name)).restore(b"")


@pytest.mark.parametrize(
    ("groups", "threshold", "said"),
    [
        ([(6, 5)], 1, "6 of 5 shares in group g1"),
        ([(0, 5)], 1, "0 of 5 shares"),
        ([(3, 17)], 1, "3 of 17 shares"),
        ([(1, 3)], 1, "makes 3 same shares"),
        ([(1, 1)], 1, "one share alone would be the key"),
        ([(2, 3), (1, 1)], 1, "one share alone would be the key"),
        ([(2, 3), (2, 3)], 3, "3 of 2 groups"),
        ([], 1, "1 of 0 groups"),
        ([(2, 3)] * 17, 2, "2 of 17 groups"),
    ],
)
def test_plans_that_cannot_be_kept(
    groups: list[tuple[int, int]], threshold: int, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        check_plan(plan(*groups, threshold=threshold))


def test_a_person_alone_may_be_one_of_the_groups_needed() -> None:
    shares = split_key(KEY, plan((1, 1), (2, 3), threshold=2))
    assert collect(shares[0], shares[1], shares[3]).restore(b"") == PROD.seed


@pytest.mark.parametrize("text", ["board", "board=2", "board=a/b", "board=2/", "/3", "=", "², /3"])
def test_what_is_no_group(text: str) -> None:
    with pytest.raises(UsageError, match="expected NAME=K/N"):
        parse_group(text)


def test_a_group_with_and_without_a_name() -> None:
    assert parse_group("board=2/3") == Group(name="board", threshold=2, count=3)
    assert parse_group("2/3") == Group(name="", threshold=2, count=3)


def test_plans_in_words() -> None:
    both = plan((2, 3), (3, 5), threshold=2).describe()
    assert both == "any 2 of 2 groups: any 2 of 3 shares of g1; any 3 of 5 shares of g2"
    assert SharePlan(groups=(parse_group("2/3"),), threshold=1).describe() == "any 2 of 3 shares"


def test_check_words_tell_shares_apart() -> None:
    found = {check_words(share) for share in THREE_OF_FIVE}
    assert len(found) == 5
    assert {len(words) for words in found} == {4}


def test_an_empty_file_holds_no_share() -> None:
    with pytest.raises(MalformedError, match="no words"):
        parse_share_text(" \n", what="share 1")
