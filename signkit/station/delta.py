"""What a request changes, compared with what this station signed last; the unusual first.

Pure: a request and a history in, findings out. Whatever a finding quotes is escaped.

Spec: docs/design/review.md section 3.
Controls: SK-SIGN-DELTA (docs/design/assurance.md).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple, TypeVar

from signkit.formats.display import escape, hides_characters, human_size
from signkit.formats.lookalike import mixed_alphabets, skeleton
from signkit.model.request import Item, Request
from signkit.station.ceremony import NOT_SEEN, HashedContents
from signkit.station.history import LastSigned, Place

_SIZE_FACTOR = 2
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
Any_ = TypeVar("Any_", bound=Hashable)


class Risk(StrEnum):
    """What kind of attention an item wants; worst first."""

    REFUSED = "refused"
    NOT_NEWER = "not-newer"
    CHANGED = "changed"
    NAME = "name"
    KEY = "key"
    NEW = "new"
    MISSING = "missing"
    SIZE = "size"
    TERMS = "terms"
    BLIND = "blind"
    PLAIN = "plain"


class Finding(NamedTuple):
    """One reason to look at an item: its class, and our own words, in which all is escaped."""

    risk: Risk
    text: str


class Change(NamedTuple):
    """What one item changes.

    Attributes:
        last: What was signed last for its artifact and target; None where nothing was.
        findings: Why one should look at it; may be empty.
    """

    last: LastSigned | None
    findings: tuple[Finding, ...]


class Missing(NamedTuple):
    """An artifact and target that the last request had and this one has not."""

    place: Place
    last: LastSigned


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What a request changes.

    Attributes:
        compared: Whether there was any history to compare with.
        changes: One for each item of the request, in its order.
        missing: What the last request had besides, sorted.
        order: Every class, in the order in which it is shown.
        groups: By class, the places of the items in it; no item is in two, none in no class.
    """

    compared: bool
    changes: tuple[Change, ...]
    missing: tuple[Missing, ...]
    order: tuple[Risk, ...]
    groups: Mapping[Risk, tuple[int, ...]]

    def count(self, risk: Risk) -> int:
        """Return how many items have a finding of a class, whichever class they stand in."""
        if risk is Risk.MISSING:
            return len(self.missing)
        if risk is Risk.PLAIN:
            return len(self.groups[risk])
        return sum(any(each.risk is risk for each in change.findings) for change in self.changes)


def compute_delta(
    request: Request,
    *,
    history: Mapping[Place, LastSigned] | None = None,
    keyid: str | None = None,
    contents: HashedContents = NOT_SEEN,
) -> Delta:
    """Compare a request with what was signed last.

    Args:
        request: What is asked for.
        history: By artifact and target, what was signed last here; None or empty where there is
            nothing to compare with.
        keyid: The key that is about to sign; None where nothing is about to be signed.
        contents: What hashing the content found.
    """
    known = history or {}
    compare = _Comparison(request, known, keyid, contents)
    changes = tuple(
        Change(
            last=known.get((item.artifact, item.target)),
            findings=tuple(compare.findings(place, item)),
        )
        for place, item in enumerate(request.items)
    )
    order = _order(changes)
    return Delta(
        compared=bool(known),
        changes=changes,
        missing=_missing(request, known),
        order=order,
        groups=_group(changes, order),
    )


class _Comparison:
    """What every item of one request is compared with."""

    def __init__(
        self,
        request: Request,
        known: Mapping[Place, LastSigned],
        keyid: str | None,
        contents: HashedContents,
    ) -> None:
        items = request.items
        self._known = known
        self._keyid = keyid
        self._contents = contents
        self._artifacts = {artifact for artifact, _target in known}
        self._expires = _usual(item.expires for item in items)
        self._wanted = _usual(frozenset(item.wanted) for item in items)
        self._similar = {
            "artifact": _similar((item.artifact for item in items), self._artifacts),
            "target": _similar((item.target for item in items), {target for _, target in known}),
        }

    def findings(self, place: int, item: Item) -> Iterator[Finding]:
        """Yield what is unusual about one item, in the order of the classes."""
        last = self._known.get((item.artifact, item.target))
        if place in self._contents.refused:
            yield Finding(Risk.REFUSED, "REFUSED: its content is another")
        if last is not None:
            yield from _not_newer(item, last)
            yield from _changed(item, last)
        yield from self._names(item)
        if last is None:
            yield from self._new(item)
        else:
            yield from self._since(place, item, last)
        yield from self._terms(item)
        if last is not None:
            yield from _terms_since(item, last)

    def _names(self, item: Item) -> Iterator[Finding]:
        said = {"artifact": item.artifact, "target": item.target, "name": item.name}
        said["version"] = item.version
        for label, text in said.items():
            other = self._similar.get(label, {}).get(text)
            if other is not None:
                yield Finding(Risk.NAME, f"looks like {escape(other)} ({label})")
            if alphabets := mixed_alphabets(text):
                yield Finding(Risk.NAME, f"{label} mixes {' and '.join(alphabets)}")
            if hides_characters(text):
                yield Finding(Risk.NAME, f"{label} hides characters")

    def _new(self, item: Item) -> Iterator[Finding]:
        if not self._known:
            return
        known = item.artifact in self._artifacts
        yield Finding(Risk.NEW, "a new target" if known else "a new artifact")

    def _since(self, place: int, item: Item, last: LastSigned) -> Iterator[Finding]:
        if self._keyid is not None and self._keyid not in last.keyids:
            yield Finding(Risk.KEY, "not the key of last time")
        low, high = sorted((item.size, last.size))
        if high >= _SIZE_FACTOR * low and high > low:
            sizes = f"{human_size(last.size)} -> {human_size(item.size)}"
            yield Finding(Risk.SIZE, f"size {sizes}")
        seen = place in self._contents.matching
        if self._keyid is not None and last.content_hashed and not seen:
            yield Finding(Risk.BLIND, "hashed here last time, not now")

    def _terms(self, item: Item) -> Iterator[Finding]:
        if self._expires and item.expires not in self._expires:
            when = f"expires {item.expires}" if item.expires else "never expires"
            yield Finding(Risk.TERMS, f"{when}, unlike most")
        if self._wanted and frozenset(item.wanted) not in self._wanted:
            yield Finding(Risk.TERMS, "schemes or roles unlike most")


def _not_newer(item: Item, last: LastSigned) -> Iterator[Finding]:
    if item.sequence == last.sequence:
        yield Finding(Risk.NOT_NEWER, f"sequence {last.sequence} again")
    elif item.sequence < last.sequence:
        yield Finding(Risk.NOT_NEWER, f"sequence {last.sequence} -> {item.sequence}")
    if compare_versions(last.version, item.version) == "down":
        versions = f"{escape(last.version)} -> {escape(item.version)}"
        yield Finding(Risk.NOT_NEWER, f"version {versions}")


def _changed(item: Item, last: LastSigned) -> Iterator[Finding]:
    same = item.digest == last.digest
    if item.version == last.version and not same:
        yield Finding(Risk.CHANGED, "same version, other content")
    if item.version != last.version and same:
        yield Finding(Risk.CHANGED, "same content, other version")


def _terms_since(item: Item, last: LastSigned) -> Iterator[Finding]:
    before, now = last.expires or "never", item.expires or "never"
    later = "never" not in {before, now} and before < now
    if before != now and not later:
        yield Finding(Risk.TERMS, f"expires {before} -> {now}")
    roles = {wanted.role for wanted in item.wanted}
    schemes = {wanted.scheme for wanted in item.wanted}
    if roles != set(last.roles):
        yield Finding(Risk.TERMS, f"role {_listed(last.roles)} -> {_listed(roles)}")
    if schemes != set(last.schemes):
        yield Finding(Risk.TERMS, f"schemes {_listed(last.schemes)} -> {_listed(schemes)}")


def _listed(names: Collection[str]) -> str:
    return ", ".join(escape(name) for name in sorted(names))


def compare_versions(old: str, new: str) -> str:
    """Return how two versions compare: `same`, `up`, `down`, or `other` where nobody can say.

    Only numbers and dots are compared, number by number; zeros at the end do not count.
    """
    if old == new:
        return "same"
    before, after = _numbers(old), _numbers(new)
    if before is None or after is None or before == after:
        return "other"
    return "up" if before < after else "down"


def _numbers(version: str) -> list[int] | None:
    if _NUMBERS.fullmatch(version) is None:
        return None
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _usual(values: Iterable[Any_]) -> Collection[Any_]:
    """Return the one value that more than half of many have, or nothing."""
    counted = Counter(values)
    (value, count), *_ = counted.most_common(1)
    return (value,) if 2 * count > counted.total() else ()


def _similar(asked: Iterable[str], known: Collection[str]) -> Mapping[str, str]:
    """Return, for each name that is not known, another one that it can be taken for."""
    new = set(asked).difference(known)
    shapes: defaultdict[str, list[str]] = defaultdict(list)
    for name in chain(sorted(known), sorted(new)):  # what is known is named first
        shapes[skeleton(name)].append(name)
    return {
        name: next(other for other in names if other != name)
        for names in shapes.values()
        if len(names) > 1
        for name in names
        if name in new
    }


def _missing(request: Request, known: Mapping[Place, LastSigned]) -> tuple[Missing, ...]:
    asked = {(item.artifact, item.target) for item in request.items}
    common = [known[place] for place in asked if place in known]
    if not common:
        return ()
    newest = max(common, key=lambda last: last.ceremony)
    return tuple(
        Missing(place, last)
        for place, last in sorted(known.items())
        if last.request == newest.request and place not in asked
    )


def _order(changes: Sequence[Change]) -> tuple[Risk, ...]:
    """Return the classes, worst first; those that most items are in after the others."""
    found = Counter(chain.from_iterable({each.risk for each in c.findings} for c in changes))
    common = {risk for risk, count in found.items() if 2 * count > len(changes)}
    ranked = sorted(Risk, key=lambda risk: risk in common)  # stable
    return (*(risk for risk in ranked if risk is not Risk.PLAIN), Risk.PLAIN)


def _group(changes: Sequence[Change], order: Sequence[Risk]) -> Mapping[Risk, tuple[int, ...]]:
    groups: dict[Risk, list[int]] = {risk: [] for risk in order}
    for place, change in enumerate(changes):
        risks = {each.risk for each in change.findings} or {Risk.PLAIN}
        groups[min(risks, key=order.index)].append(place)
    return {risk: tuple(places) for risk, places in groups.items()}
