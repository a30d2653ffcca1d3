"""SLIP-39 shares as words, the one door to `shamir-mnemonic`.

A share of a 32-byte secret is 33 words of a list of 1,024: two that all shares of a set begin with,
two that say which share of which group it is, 26 of the share itself, three of a checksum (RS1024).
The library decides what words mean; here its refusals become sentences that a person at a
ceremony can act on, and never hold a word of a share. Nothing is ever corrected: SLIP-39 lets a
reader say where an error may be, and no more.

Spec: docs/formats/key-shares.md sections 1 and 2; SLIP-0039.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import reduce

from signkit.errors import CustodyError, MalformedError
from signkit.formats.private_key import SEED_SIZE

try:
    from shamir_mnemonic import MnemonicError, Share, generate_mnemonics, recover_ems
    from shamir_mnemonic.rs1024 import create_checksum
    from shamir_mnemonic.shamir import EncryptedMasterSecret, ShareGroup
    from shamir_mnemonic.wordlist import WORD_INDEX_MAP, WORDLIST
except ModuleNotFoundError as error:  # an extra, and not every station splits keys
    _MESSAGE = "shares need the library shamir-mnemonic, which is not installed"
    raise CustodyError(_MESSAGE, hint="install signkit[shares], as locked for a station") from error

WORD_COUNT = 33
MOST_SHARES = 16
"""The most members of a group, and the most groups (4 bits each)."""
SET_WORDS = 2
_DATA_COUNT = 30  # words before the checksum
_WORD_BITS = 10
_LONGEST_WORD = 16  # letters; twice the longest of the list is still a slip of the pen
# 10,000 * 2^e rounds of PBKDF2 with HMAC-SHA-256 in all. Without a passphrase they guard nothing;
# with one, e = 6 is the 600,000 that OWASP's guide asks for.
_EXPONENT_PLAIN, _EXPONENT_PASSPHRASE = 0, 6
_EXTENDABLE_BIT = 1 << 4  # below the 15 bits of the identifier, above the 4 of the exponent
_CUSTOMIZATION = {False: b"shamir", True: b"shamir_extendable"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareWords:
    """A share whose words and checksum are in order.

    Attributes:
        words: Its 33 words, lower case.
        set_name: The two words that every share of its set begins with.
        group: Which group it is of, from 1.
        group_threshold: How many groups it takes.
        group_count: How many groups there are.
        number: Which share of its group it is, from 1.
        threshold: How many shares of its group it takes.
    """

    words: tuple[str, ...] = field(repr=False)
    set_name: str
    group: int
    group_threshold: int
    group_count: int
    number: int
    threshold: int


def is_word(word: str) -> bool:
    """Say whether a lower-case word is on the list."""
    return word in WORD_INDEX_MAP


def similar_words(word: str) -> tuple[str, ...]:
    """Return up to three words of the list that look like one that is not on it."""
    if len(word) > _LONGEST_WORD:
        return ()
    starting = [known for known in WORDLIST if len(word) >= 4 and known.startswith(word[:4])]
    close = get_close_matches(word, WORDLIST, n=3, cutoff=0.6)
    return tuple(dict.fromkeys([*starting, *close]))[:3]


def explain_word(word: str, *, place: int, what: str) -> MalformedError:
    """Return the error for a word that is not on the list; it does not quote the word.

    Args:
        word: What was written, lower case.
        place: Which word of the share it is, from 1.
        what: The share, for the message.
    """
    similar = similar_words(word)
    message = f"{what}: word {place} is not on the SLIP-39 word list"
    hint = f"similar words of the list: {', '.join(similar)}" if similar else None
    return MalformedError(message, hint=hint or "no word of the list looks like it; read it again")


def parse_share(words: Iterable[str], *, what: str) -> ShareWords:
    """Parse the words of one share.

    Args:
        words: As they were typed or read; upper and lower case are the same.
        what: The share, for messages ("share 2").

    Raises:
        MalformedError: not 33 words, a word that is not on the list, a checksum that does not
            fit (with the place of the wrong word, where only one is wrong), or values that
            SLIP-39 rules out.
    """
    lower = tuple(word.lower() for word in words)
    for place, word in enumerate(lower, start=1):
        if not is_word(word):
            raise explain_word(word, place=place, what=what)
    if len(lower) != WORD_COUNT:
        message = f"{what}: expected {WORD_COUNT} words, got {len(lower)}"
        raise MalformedError(message, hint="the share of an Ed25519 key has one word a number")
    _check_sum(lower, what=what)
    share = _decode(lower, what=what)
    return ShareWords(
        words=lower,
        set_name=" ".join(lower[:SET_WORDS]),
        group=share.group_index + 1,
        group_threshold=share.group_threshold,
        group_count=share.group_count,
        number=share.index + 1,
        threshold=share.member_threshold,
    )


def _decode(words: Sequence[str], *, what: str) -> Share:
    try:
        return Share.from_mnemonic(" ".join(words))
    except MnemonicError:
        message = f"{what}: its words fit their checksum but are no share"
        hint = "it was not made by a SLIP-39 program; get the sheet again"
        raise MalformedError(message, hint=hint) from None


def _check_sum(words: tuple[str, ...], *, what: str) -> None:
    """Check the checksum, and say where the error may be (SLIP-39, "Checksum")."""
    indices = [WORD_INDEX_MAP[word] for word in words]
    if _fits(indices):
        return
    places = _swapped_places(indices) or _wrong_places(indices)
    message = f"{what}: the checksum does not fit: a word was misread, left out or swapped"
    hint = "compare each word with the sheet"
    if len(places) == 1:
        message = f"{what}: word {places[0]} is wrong: the checksum would fit with another one"
        hint = f"read word {places[0]} again, and its number"
    elif places:
        message = f"{what}: words {places[0]} and {places[1]} are swapped"
        hint = "read both again, and their numbers"
    raise MalformedError(message, hint=hint)


def _fits(indices: Sequence[int]) -> bool:
    return _checksum(indices[:_DATA_COUNT]) == _as_number(indices[_DATA_COUNT:])


def _checksum(data: Sequence[int]) -> int:
    """Return the 30 bits of the checksum that belongs to the 30 words before it."""
    extendable = bool(data[1] & _EXTENDABLE_BIT)
    return _as_number(create_checksum(data, _CUSTOMIZATION[extendable]))


def _as_number(indices: Iterable[int]) -> int:
    return reduce(lambda number, index: number << _WORD_BITS | index, indices, 0)


def _wrong_places(indices: list[int]) -> tuple[int, ...]:
    """Return the place of the one wrong word; none where more than one is wrong.

    The checksum is linear: what a change of several bits does to it is the sum of what each bit
    does. So a place is the wrong one where the bits of its word can add up to the difference. Any
    three errors are detected, so one error has one explanation.
    """
    data, given = indices[:_DATA_COUNT], indices[_DATA_COUNT:]
    right = _checksum(data)
    difference = right ^ _as_number(given)
    for place in range(_DATA_COUNT):
        sums = {0}
        for bit in range(_WORD_BITS):
            changed = [*data[:place], data[place] ^ 1 << bit, *data[place + 1 :]]
            effect = _checksum(changed) ^ right
            sums |= {each ^ effect for each in sums}
        if difference in sums:
            return (place + 1,)
    places = [
        WORD_COUNT - word
        for word in range(WORD_COUNT - _DATA_COUNT)
        if difference >> word * _WORD_BITS & (1 << _WORD_BITS) - 1
    ]
    return tuple(places) if len(places) == 1 else ()


def _swapped_places(indices: list[int]) -> tuple[int, ...]:
    for place in range(WORD_COUNT - 1):
        first, second = indices[place : place + 2]
        if _fits([*indices[:place], second, first, *indices[place + 2 :]]):
            return (place + 1, place + 2)
    return ()


def split_secret(
    secret: bytes,
    *,
    groups: Sequence[tuple[int, int]],
    group_threshold: int,
    passphrase: bytes,
) -> list[list[ShareWords]]:
    """Split a secret into groups of shares.

    Args:
        secret: 32 bytes.
        groups: For each group how many of its shares it takes, and how many there are.
        group_threshold: How many groups it takes.
        passphrase: Printable ASCII; empty for none.

    Returns:
        The shares of each group.

    Raises:
        ValueError: numbers or a passphrase that SLIP-39 rules out.
    """
    exponent = _EXPONENT_PASSPHRASE if passphrase else _EXPONENT_PLAIN
    made = generate_mnemonics(
        group_threshold, groups, secret, passphrase, iteration_exponent=exponent
    )
    return [[parse_share(each.split(), what="a new share") for each in group] for group in made]


def combine_shares(shares: Sequence[ShareWords], *, passphrase: bytes) -> bytes:
    """Combine exactly as many shares as it takes; the caller has checked that they are one set.

    A wrong passphrase does not show: SLIP-39 then gives another secret (section "Passphrase").

    Args:
        shares: For as many groups as it takes, as many shares as it takes.
        passphrase: Printable ASCII; empty for none.

    Returns:
        The 32 bytes of the secret.

    Raises:
        CustodyError: the shares do not fit one another.
    """
    encrypted = _recover(shares)
    secret = bytes(encrypted.decrypt(passphrase))
    if len(secret) != SEED_SIZE:  # 33 words hold nothing else; the library is not trusted with it
        message = f"the shares hold {len(secret)} bytes: expected {SEED_SIZE}"
        raise CustodyError(message)
    return secret


def _recover(shares: Sequence[ShareWords]) -> EncryptedMasterSecret:
    groups: dict[int, ShareGroup] = {}
    try:
        for each in shares:
            groups.setdefault(each.group, ShareGroup()).add(_decode(each.words, what="a share"))
        # The library numbers groups by what the share says, from 0.
        return recover_ems({number - 1: group for number, group in groups.items()})
    except MnemonicError:
        message = "the shares do not fit one another, though each is whole and names the same set"
        hint = "one of them belongs to another set; try other shares in its place"
        raise CustodyError(message, hint=hint) from None
