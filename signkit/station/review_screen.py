"""A review a screen at a time: 24 lines with the prompt, the unusual first, all of it in reach.

Pure: what is typed goes in, lines come out. No cursor is moved, no size is asked for, so a serial
line and a dumb terminal show the same.

Spec: docs/design/review.md sections 2 and 4.
Controls: SK-SIGN-SCREEN (docs/design/assurance.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from signkit.formats.display import cut_columns, escape, human_size, one_line, pad_columns
from signkit.model.request import Item
from signkit.schemes import trust
from signkit.station.delta import Risk
from signkit.station.review import Review
from signkit.station.review_rows import WIDTH
from signkit.station.review_text import (
    TRUST_WARNING,
    head_lines,
    item_lines,
    said_lines,
    signing_lines,
)
from signkit.station.sentences import (
    MEANINGS,
    count_contents,
    count_controls,
    say_heading,
    say_step,
)

_HELP = """\
WORDS     four of the request's SHA-256, those that are asked for, confirm it.
          They are not on the first screen: read them from the requester's
          screen or paper, or have them read to you, over a channel that is
          not the stick.
n         the next page; from the first screen the list of all items, unusual
          first. A line with nothing on it does the same
p         the page before
b         back to where you came from, in the end to the first screen
/text     the items in which a text is found: name, version, SHA-256, finding
NUMBER    one item, whole, with its digest in words
0         the request itself, whole: words of its digest, the requester's key,
          everything the requester says, the key that is about to sign
q         sign nothing

Anything else is taken for the words; wrong words sign nothing.""".split("\n")
_SCREEN = 24
_PAGE = _SCREEN - 2  # without the prompt
_ROOM = _PAGE - 2  # without a title; ten entries of two lines
_NUMBER = re.compile(r"[0-9]{1,6}")
_KEYID_SHOWN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Something to page through.

    Attributes:
        title: Above each page; empty for the first screen, which says by itself what it is.
        lines: All of it, each at most 78 columns.
        page: The page that is shown, from 0.
    """

    title: str
    lines: tuple[str, ...]
    page: int = 0

    @property
    def page_count(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-len(self.lines) // _ROOM))

    def show(self) -> str:
        """Return the page that is shown: at most 22 lines."""
        if not self.title:
            return "\n".join(self.lines)
        title = f"{self.title}, page {self.page + 1:,} of {self.page_count:,}"
        start = self.page * _ROOM
        return "\n".join([title, *self.lines[start : start + _ROOM]])


Trail = tuple[View, ...]
"""The views that led to what is shown, which is the last of them."""


def say_prompt(operator: int, count: int) -> str:
    """Return what is asked below each screen: each of several operators for words of their own.

    Args:
        operator: Who is asked, from 0.
        count: How many are to confirm.
    """
    start = 4 * operator
    asked = "To sign, type the first 4 words"
    if count > 1:
        asked = f"Operator {operator + 1} of {count}, type words {start + 1}-{start + 4}"
    return (
        f"{asked} of the SHA-256 as the requester reads them.\n"
        "Or n, p, b, /text, NUMBER, q; ? explains.  words: "
    )


def first_view(review: Review) -> View:
    """Return the first screen: what the request is, who asks, and what is unusual."""
    verified, key = review.verified, review.key
    size = human_size(sum(item.size for item in review.items))
    head = [
        f"REQUEST {cut_columns(escape(review.name), WIDTH - 8)}",
        f"  SHA-256    {verified.digest.hex()}",
        f"  asked by   {verified.requester_key.keyid}",
        f"  items      {len(review.items):,} of {size}, {review.signature_count:,} signatures",
        f"  content    {count_contents(review)}",
    ]
    if key is not None:
        name = cut_columns(escape(review.key_name), 24)
        ruled = "" if review.controls else "; no policy"
        head.append(f"  key        {name}, keyid {key.keyid[:_KEYID_SHOWN]}...{ruled}")
    head += [f"  LOOK       {cut_columns(one_line(each), WIDTH - 13)}" for each in review.unusual]
    if review.controls:  # the first is about who asks
        said = one_line(f"{count_controls(review)}; {review.controls[0].line}")
        head.append(f"  controls   {cut_columns(said, WIDTH - 13)}")
    head += said_lines(verified.request, cut=True)
    if trust.is_asked(verified.request):
        head += TRUST_WARNING
    head.append(say_heading(review))
    return View(title="", lines=(*head, *_class_rows(review, _PAGE - len(head))))


def _class_rows(review: Review, room: int) -> Sequence[str]:
    """Return the items by class, one line each, or one line for a class that does not fit."""
    odd = _odd_groups(review)
    if len(odd) > room:
        rest = f"       and: {', '.join(risk for risk, _ in odd[room - 1 :])}"
        return [*(_folded_row(*each) for each in odd[: room - 1]), rest]
    rows: list[str] = []
    for place, (risk, numbers) in enumerate(odd):
        spare = room - len(rows) - (len(odd) - place - 1)
        fits = len(numbers) <= spare
        rows += _short_rows(review, numbers) if fits else [_folded_row(risk, numbers)]
    plain = review.delta.groups[Risk.PLAIN]
    return [*rows, *_short_rows(review, plain)] if len(plain) <= room - len(rows) else rows


def _odd_groups(review: Review) -> Sequence[tuple[Risk, Sequence[int]]]:
    """Return every class that is not plain and has entries, with them, in order."""
    risks = (risk for risk in review.delta.order if risk is not Risk.PLAIN)
    return [(risk, numbers) for risk in risks if (numbers := _numbers(review, risk))]


def _numbers(review: Review, risk: Risk) -> Sequence[int]:
    """Return the entries of a class: items from 0 on, what is missing after the last of them."""
    if risk is not Risk.MISSING:
        return review.delta.groups[risk]
    count = len(review.items)
    return range(count, count + len(review.delta.missing))


def _short_rows(review: Review, numbers: Sequence[int]) -> Iterator[str]:
    """Yield one line for each entry."""
    for number in numbers:
        label, (artifact, target), said = _entry(review, number)
        names = f"{_cell(artifact, 18)} {_cell(target, 21)}"
        yield cut_columns(f"{label:>6} {names} {'; '.join(said)}", WIDTH)


def _entry(review: Review, number: int) -> tuple[str, tuple[str, str], Sequence[str]]:
    """Return what an entry is called, its artifact and target, and what is said of it."""
    delta = review.delta
    if number >= len(review.items):
        return "-", delta.missing[number - len(review.items)].place, ["signed last time, not now"]
    item, change = review.items[number], delta.changes[number]
    said = [each.text for each in change.findings]
    if not said:
        before = "" if change.last is None else f"{escape(change.last.version)} -> "
        said = [f"version {before}{escape(item.version)}"]
    return str(number + 1), (item.artifact, item.target), said


def _cell(text: str, width: int) -> str:
    return pad_columns(cut_columns(escape(text), width), width)


def _folded_row(risk: Risk, numbers: Sequence[int]) -> str:
    which = "" if risk is Risk.MISSING else f": {', '.join(_ranges(numbers))}"
    return cut_columns(f"{len(numbers):>6,} {risk}: {MEANINGS[risk]}{which}", WIDTH)


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yield rising places as numbers of items, those that follow one another as a range."""
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    for _offset, run in runs:
        places = [number + 1 for _place, number in run]
        yield str(places[0]) if len(places) == 1 else f"{places[0]}-{places[-1]}"


def turn(review: Review, trail: Trail, typed: str) -> Trail | None:
    """Return what is shown after a command.

    Args:
        review: What is paged through.
        trail: What is shown, and how one came to it; the first screen is its first.
        typed: One line, as typed.

    Returns:
        The new trail; None where what was typed is no command, and so may be the words.
    """
    command = typed.strip()
    if command in {"", "n"}:
        return _next(review, trail)
    if command == "p":
        return _previous(trail)
    if command == "b":
        return _back(trail)
    if command == "?":
        return (*trail, View(title="WHAT CAN BE TYPED", lines=tuple(_HELP)))
    if command.startswith("/"):
        return (*trail, _search(review, command[1:].strip()))
    if _NUMBER.fullmatch(command):
        return (*trail, _numbered(review, int(command)))
    return None


def _next(review: Review, trail: Trail) -> Trail:
    shown = trail[-1]
    if not shown.title:
        entries = [each for risk in review.delta.order for each in _numbers(review, risk)]
        return (*trail, _list(review, "ITEMS, unusual first", entries))
    if shown.page + 1 < shown.page_count:
        return (*trail[:-1], replace(shown, page=shown.page + 1))
    return trail


def _previous(trail: Trail) -> Trail:
    shown = trail[-1]
    if shown.page:
        return (*trail[:-1], replace(shown, page=shown.page - 1))
    return _back(trail)


def _back(trail: Trail) -> Trail:
    return trail[:-1] or trail


def _list(review: Review, title: str, numbers: Sequence[int]) -> View:
    """Return a list of two lines for each entry, so that a page holds ten whole ones."""
    return View(
        title=f"{title}: {len(numbers):,}",
        lines=tuple(line for number in numbers for line in _long_rows(review, number)),
    )


def _long_rows(review: Review, number: int) -> Iterator[str]:
    label, (artifact, target), said = _entry(review, number)
    names = f"{label:>6} {_cell(artifact, 28)} {_cell(target, 28)}"
    if number >= len(review.items):
        yield names.rstrip()
        yield f"       {said[0]}"
        return
    item, change = review.items[number], review.delta.changes[number]
    hashed = number in review.contents.matching
    yield f"{names} {'hashed here' if hashed else 'digest only'}"
    facts = [each.text for each in change.findings]
    facts.append(say_step(item, change.last) if change.last else _say_first(item))
    yield cut_columns(f"       {'; '.join(facts)}", WIDTH)


def _say_first(item: Item) -> str:
    return f"version {escape(item.version)}, sequence {item.sequence}, {human_size(item.size)}"


def _search(review: Review, text: str) -> View:
    wanted = text.casefold()
    entries = [each for risk in review.delta.order for each in _numbers(review, risk)]
    found = [each for each in entries if any(wanted in t.casefold() for t in _texts(review, each))]
    return _list(review, f"FOUND {cut_columns(escape(text), 30)}", found)


def _texts(review: Review, number: int) -> Iterator[str]:
    _label, place, said = _entry(review, number)
    yield from place
    yield from map(escape, place)
    yield from said
    if number >= len(review.items):
        yield Risk.MISSING
        return
    item, change = review.items[number], review.delta.changes[number]
    yield from (item.name, item.version, item.digest.hex())
    yield from (each.risk for each in change.findings)


def _numbered(review: Review, number: int) -> View:
    if number == 0:
        lines = [*head_lines(review), "", *signing_lines(review)]
        return View(title="THE REQUEST", lines=tuple(lines))
    if number > len(review.items):
        said = f"there is no item {number:,}: the request has {len(review.items):,}"
        return View(title="NO SUCH ITEM", lines=(said,))
    return View(title=f"ITEM {number:,}", lines=tuple(item_lines(review, number - 1)))
