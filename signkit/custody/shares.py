"""Shares of a private key: a plan of who must come together, the split, and the way back.

What is split is the 32-byte seed. Every set is put together again, each share used at least once,
before anybody relies on it. Whether a restored seed is the right key is `restore.py`'s to say:
shares of SLIP-39 cannot.

Spec: docs/formats/key-shares.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from signkit.custody.slip39 import (
    MOST_SHARES,
    ShareWords,
    combine_shares,
    parse_share,
    split_secret,
)
from signkit.errors import CustodyError, KeyLockedError, MalformedError, UsageError
from signkit.formats.private_key import PrivateKey
from signkit.formats.words import encode_words

CHECK_SIZE = 4
SHARE_FILE_SIZE = 256 * 1024
"""The most bytes of a file with a share: a sheet with its QR code is some 30 KiB."""
_CHECK_CONTEXT = b"signkit share check v1\0"
_PRINTABLE = range(0x20, 0x7F)
_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group of shareholders.

    Attributes:
        name: What people call it; empty where there is one group only.
        threshold: How many of its shares it takes.
        count: How many shares it has.
    """

    name: str
    threshold: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SharePlan:
    """Who must come together.

    Attributes:
        groups: The groups.
        threshold: How many groups it takes.
    """

    groups: tuple[Group, ...]
    threshold: int

    @property
    def count(self) -> int:
        """How many shares there are in all."""
        return sum(group.count for group in self.groups)

    def describe(self) -> str:
        """Return the plan as one sentence, without a full stop."""
        each = [_describe_group(group) for group in self.groups]
        if len(each) == 1:
            return each[0]
        return f"any {self.threshold} of {len(each)} groups: " + "; ".join(each)


def _describe_group(group: Group) -> str:
    named = f" of {group.name}" if group.name else ""
    return f"any {group.threshold} of {group.count} shares{named}"


def parse_group(text: str) -> Group:
    """Parse a group as it is typed: `NAME=K/N` or `K/N`.

    Raises:
        UsageError: it is neither.
    """
    name, _, numbers = text.rpartition("=")
    threshold, _, count = numbers.partition("/")
    if not _is_number(threshold) or not _is_number(count) or len(name) > _NAME_LENGTH:
        message = f"group {text!r:.80}: expected NAME=K/N, such as board=2/3"
        raise UsageError(message)
    return Group(name=name, threshold=int(threshold), count=int(count))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 2


def check_plan(plan: SharePlan) -> SharePlan:
    """Check that a plan can be kept, and that it takes more than one person.

    Returns:
        The plan.

    Raises:
        UsageError: numbers that SLIP-39 rules out, or one share alone would be the key.
    """
    _check_numbers("groups", plan.threshold, len(plan.groups))
    for place, group in enumerate(plan.groups, start=1):
        _check_numbers(f"shares in group {group.name or place}", group.threshold, group.count)
        if group.threshold == 1 < group.count:
            message = f"a threshold of 1 with {group.count} shares makes {group.count} same shares"
            raise UsageError(message, hint="take a threshold of 2 or more, or one share only")
    if plan.threshold == 1 and any(group.threshold == 1 for group in plan.groups):
        message = "one share alone would be the key: expected a threshold of 2 or more"
        raise UsageError(message, hint="one copy for one person is a backup: signkit keys backup")
    return plan


def _check_numbers(what: str, threshold: int, count: int) -> None:
    if not 1 <= threshold <= count <= MOST_SHARES:
        message = f"{threshold} of {count} {what}: expected 1 <= K <= N <= {MOST_SHARES}"
        raise UsageError(message)


def check_share_passphrase(passphrase: bytes) -> bytes:
    """Check that a passphrase is one that every SLIP-39 program takes.

    Returns:
        The passphrase.

    Raises:
        KeyLockedError: a byte that is not printable ASCII (SLIP-39, "Passphrase").
    """
    if any(byte not in _PRINTABLE for byte in passphrase):
        message = "the share passphrase has characters that SLIP-39 rules out"
        raise KeyLockedError(message, hint="letters without accents, digits, signs and spaces only")
    return passphrase


def split_key(key: PrivateKey, plan: SharePlan, *, passphrase: bytes = b"") -> list[ShareWords]:
    """Split a private key, and prove that it comes together again.

    Args:
        key: The key.
        plan: Who must come together.
        passphrase: Has to be known besides; empty for none.

    Returns:
        The shares, group by group.

    Raises:
        UsageError: as `check_plan`.
        KeyLockedError: as `check_share_passphrase`.
        CustodyError: the shares do not restore the key, which is a fault of this machine.
    """
    check_plan(plan)
    groups = split_secret(
        key.seed,
        groups=[(group.threshold, group.count) for group in plan.groups],
        group_threshold=plan.threshold,
        passphrase=check_share_passphrase(passphrase),
    )
    shares = [share for group in groups for share in group]
    collected = ShareSet()
    for share in shares:
        collected.add(share, what="a new share")
    if collected.restore(passphrase) != key.seed:
        message = "the key was split, but its shares do not restore it; nothing was written"
        raise CustodyError(message, hint="this machine's memory or processor may be faulty")
    return shares


def check_words(share: ShareWords) -> tuple[str, ...]:
    """Return four words that say which share this is, and nothing that helps to guess it.

    Two people compare them over the telephone: 32 bits of SHA-256 over the share's words.
    """
    digest = sha256(_CHECK_CONTEXT + " ".join(share.words).encode("ascii")).digest()
    return encode_words(digest[:CHECK_SIZE])


@dataclass(slots=True)
class ShareSet:
    """Shares as they come in, until there are enough.

    Attributes:
        shares: Those accepted, with the name that messages give each.
    """

    shares: list[tuple[ShareWords, str]] = field(default_factory=list)

    def add(self, share: ShareWords, *, what: str) -> None:
        """Take a share in.

        Args:
            share: The share.
            what: What to call it in messages.

        Raises:
            CustodyError: it is of another set, is here already, or contradicts another share.
        """
        for other, name in self.shares:
            _check_same_set(share, other, what=what, name=name)
            if (share.group, share.number) == (other.group, other.number):
                _refuse_twin(share, other, what=what, name=name)
        self.shares.append((share, what))

    def missing(self) -> tuple[str, ...]:
        """Return what is still missing, one sentence a group; empty where there is enough."""
        if not self.shares:
            return ("no share yet",)
        first = self.shares[0][0]
        groups = self._groups()
        whole = sum(len(group) >= group[0].threshold for group in groups.values())
        if whole >= first.group_threshold:
            return ()
        said = [_missing_in(number, group, first) for number, group in sorted(groups.items())]
        more = first.group_threshold - len(groups)
        if more > 0:
            said.append(f"shares of {more} more group{'s' if more > 1 else ''}")
        return tuple(each for each in said if each)

    def restore(self, passphrase: bytes) -> bytes:
        """Put the secret together.

        Where there are more shares than it takes, every one is used, and all must agree.

        Args:
            passphrase: That of the set; empty for none. A wrong one gives another secret.

        Returns:
            The 32 bytes of the secret.

        Raises:
            CustodyError: there are not enough, or they do not fit one another.
        """
        if missing := self.missing():
            message = f"not enough shares: {'; '.join(missing)}"
            raise CustodyError(message, hint="nothing can be told from fewer than it takes")
        found = {combine_shares(chosen, passphrase=passphrase) for chosen in self._choices()}
        if len(found) != 1:
            message = "the shares do not agree: some of them restore one secret, others another"
            raise CustodyError(message, hint="they are of two sets; bring the sheets of one")
        return found.pop()

    def _groups(self) -> dict[int, list[ShareWords]]:
        groups: dict[int, list[ShareWords]] = {}
        for share, _ in self.shares:
            groups.setdefault(share.group, []).append(share)
        return groups

    def _choices(self) -> Iterator[list[ShareWords]]:
        """Yield choices of just enough shares, such that each share of a whole group is in one."""
        whole = [group for group in self._groups().values() if len(group) >= group[0].threshold]
        least = whole[0][0].group_threshold
        for start in range(len(whole) - least + 1):
            chosen = whole[start : start + least]
            rounds = max(len(group) - group[0].threshold + 1 for group in chosen)
            for turn in range(rounds):
                yield [share for group in chosen for share in _window(group, turn)]


def _window(group: Sequence[ShareWords], turn: int) -> Sequence[ShareWords]:
    start = min(turn, len(group) - group[0].threshold)
    return group[start : start + group[0].threshold]


def _missing_in(number: int, group: Sequence[ShareWords], first: ShareWords) -> str:
    more = group[0].threshold - len(group)
    where = f" of group {number}" if first.group_count > 1 else ""
    return f"{more} more share{'s' if more > 1 else ''}{where}" if more > 0 else ""


def _check_same_set(share: ShareWords, other: ShareWords, *, what: str, name: str) -> None:
    ours = (share.set_name, share.group_threshold, share.group_count)
    theirs = (other.set_name, other.group_threshold, other.group_count)
    same_group = share.group != other.group or share.threshold == other.threshold
    if ours != theirs or not same_group:
        message = f"{what} is not of the same set as {name}"
        hint = "all shares of a set begin with the same two words; look at the sheets"
        raise CustodyError(message, hint=hint)


def _refuse_twin(share: ShareWords, other: ShareWords, *, what: str, name: str) -> None:
    if share.words == other.words:
        message = f"{what} is {name} again"
        raise CustodyError(message, hint="each share counts once; take another sheet")
    message = f"{what} has the number of {name}, and other words: they are of two sets"
    raise CustodyError(message, hint="bring the sheets of one set")


def parse_share_text(text: str, *, what: str) -> ShareWords:
    """Parse a share as a file or a QR code holds it: words, separated by white space.

    Raises:
        MalformedError: as `slip39.parse_share`.
    """
    words = text.split()
    if not words:
        message = f"{what}: no words"
        raise MalformedError(message)
    return parse_share(words, what=what)
