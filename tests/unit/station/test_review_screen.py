"""The first screen and the pages behind it: 24 lines, the unusual first, everything in reach."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signkit.errors import FileError
from signkit.formats.display import count_columns
from signkit.formats.trust import encode_trust
from signkit.policy.controls import HELD, NOT_ASKED, Outcome
from signkit.schemes.trust import build_item
from signkit.station.ceremony import HashedContents
from signkit.station.delta import Risk
from signkit.station.review import Review
from signkit.station.review_screen import Trail, first_view, say_prompt, turn
from signkit.station.review_text import TRUST_WARNING, review_request
from tests.support.documents import item_value
from tests.support.keys import SPARE
from tests.support.reviews import TARGET, asked, history, last, review_of
from tests.support.trust_roots import first

SCREEN = """\
REQUEST fleet.request.json
  SHA-256    {digest}
  asked by   {requester}
  items      12 of 21.6 KiB, 23 signatures
  content    hashed here 1, digest only 11
  key        prod, keyid 6c8f8607dbe87077...; no policy
+-- what the requester says; not checked ------------------------------------+
| who      builder@ci                                                        |
| why      first release                                                     |
+----------------------------------------------------------------------------+
CHANGES since last signed: 8 of 12 want a look, 1 missing
     3 sensor-002         aarch64-unknown-linux sequence 4 -> 3
     4 sensor-003         aarch64-unknown-linux same version, other content
    11 sens0r-001         aarch64-unknown-linux looks like sensor-001 (arti...
    12 pump               aarch64-unknown-linux a new artifact
     - sensor-010         aarch64-unknown-linux signed last time, not now
     5 sensor-004         aarch64-unknown-linux size 1004 B -> 9.8 KiB
     6 sensor-005         aarch64-unknown-linux never expires, unlike most;...
     7 sensor-006         aarch64-unknown-linux schemes or roles unlike mos...
     9 sensor-008         aarch64-unknown-linux hashed here last time, not now"""


def plain(lines: list[str]) -> list[str]:
    """Check lines for what no line may hold, and return them."""
    for line in lines:
        assert count_columns(line) <= 78, line
        assert line.isprintable(), line
    return lines


def follow(review: Review, *commands: str) -> Trail:
    """Return where commands lead, each page checked on the way."""
    trail: Trail = (first_view(review),)
    for command in commands:
        turned = turn(review, trail, command + "\n")
        assert turned is not None, command
        trail = turned
        assert len(plain(trail[-1].show().split("\n"))) <= 22
    return trail


def shown(review: Review, *commands: str) -> str:
    """Return what commands lead to."""
    return follow(review, *commands)[-1].show()


def mixed() -> Review:
    """A request with something of everything."""
    until = "2027-01-31T00:00:00Z"
    known = {(f"sensor-{place:03}", TARGET): last(place, expires=until) for place in range(11)}
    known["sensor-008", TARGET] = last(8, expires=until, content_hashed=True)
    items = [asked(number, expires=until) for number in range(10)]
    items[2]["sequence"] = 3
    items[3]["version"] = "1.4.0"
    items[4]["size"] = 10_000
    items[5]["expires"] = None
    items[6]["wanted"] = [{"scheme": "statement", "role": "release"}]
    items += [asked(11, artifact=name, expires=until) for name in ("sens0r-001", "pump")]
    hashed = HashedContents(matching=frozenset({0}), refused={})
    return review_of(*items, known=known, contents=hashed)


def test_first_screen() -> None:
    review = mixed()
    screen = SCREEN.format(
        digest=review.verified.digest.hex(), requester=review.verified.requester_key.keyid
    )
    assert shown(review) == screen


@pytest.mark.parametrize(("operator", "count"), [(0, 1), (1, 2), (7, 8)])
def test_prompt_fits_a_terminal(operator: int, count: int) -> None:
    *lines, last_line = say_prompt(operator, count).split("\n")
    assert len(plain([*lines, last_line])) == 2
    assert len(last_line) + 4 * 11 <= 2 * 80  # four words, typed


def test_a_class_that_does_not_fit_is_counted_and_named() -> None:
    items = [asked(number) for number in range(40)]
    for number in (*range(3, 20), 25):
        items[number]["sequence"] = 1
    items[30]["size"] = 10_000
    screen = shown(review_of(*items, known=history(40)))
    assert "    18 not-newer: sequence not higher, or version lower: 4-20, 26\n" in screen
    assert "    31 sensor-030 " in screen


def everything_at_once() -> Review:
    """Every class at once, with more items each than fit, and everything else there can be."""
    known = history(80)
    items = [asked(number) for number in range(80)]
    for place in range(40):
        changes: list[dict[str, Any]] = [
            {},
            {"sequence": 1},
            {"version": "1.4.0"},
            {"name": "a\u202eb"},
            {"size": 10**6},
            {"expires": "2027-01-31T00:00:00Z"},
            {"artifact": f"new-{place}"},
            {},
        ]
        items[place] |= changes[place % 8]
        if place % 8 == 7:
            known[f"sensor-{place:03}", TARGET] = last(place, content_hashed=True, keyids=())
        if place % 16 == 0:
            known[f"sensor-{place:03}", TARGET] = last(place, content_hashed=True)
    refused = {place: FileError("gone") for place in range(60, 80)}
    return review_of(
        *items,
        known=known,
        contents=HashedContents(matching=frozenset(), refused=refused),
        request={"reason": "a\u202e" * 900, "requester": "b" * 128},
        name="界" * 100,
        key_name="k" * 128,
        unusual=("it follows a response that is not of this station: the newest is 12345 " * 2,),
        controls=(Outcome("SK-A", HELD, "it holds"), Outcome("SK-B", NOT_ASKED, "not")),
    )


def test_everything_at_once_fits_the_screen() -> None:
    lines = plain(shown(everything_at_once()).split("\n"))
    assert len(lines) <= 22
    assert "LOOK: there is something odd in these words" in lines[11]
    assert lines[6].startswith("  LOOK       it follows a response that is not of this station")
    assert lines[7] == "  controls   1 hold, 1 are not asked; it holds"
    text = "\n".join(lines)
    assert all(risk in text for risk in Risk if risk is not Risk.PLAIN)


def test_pages_hold_ten_items_and_lead_to_the_last() -> None:
    review = review_of(*(asked(number) for number in range(25)), known=history(25))
    assert shown(review, "n").startswith("ITEMS, unusual first: 25, page 1 of 3\n     1 sensor-000")
    assert len(shown(review, "n").split("\n")) == 21
    assert shown(review, "n", "", "n").split("\n")[-2].startswith("    25 sensor-024")
    assert shown(review, "n", "n", "n", "n") == shown(review, "n", "n", "n")
    assert shown(review, "n", "n", "p") == shown(review, "n")
    assert shown(review, "n", "p") == shown(review) == shown(review, "b") == shown(review, "p")


def test_a_list_says_what_an_item_changes() -> None:
    lines = shown(mixed(), "n").split("\n")
    assert lines[1].endswith("digest only")
    assert lines[2].startswith("       sequence 4 -> 3; 1.4.0 -> 1.5.0, sequence 4 -> 3, size 10")
    assert lines[-2].endswith("hashed here")
    assert lines[-1].startswith("       1.4.0 -> 1.5.0, sequence 4 -> 5, size 1000 B -> 1.1 KiB")


def test_search_finds_by_anything_that_is_shown() -> None:
    review = mixed()
    for text, found in {
        "PUMP": 1,
        "sensor-00": 11,
        "sensor-010": 1,
        "missing": 1,
        "not-newer": 1,
        "never expires": 1,
        review.items[2].digest.hex()[5:20]: 1,
        "sensor-004.bin": 1,
        "nothing like it": 0,
    }.items():
        title = shown(review, f"/{text}").split("\n")[0]
        assert title.startswith("FOUND ")
        assert f": {found}, page 1 of " in title


def test_what_is_searched_for_is_shown_escaped() -> None:
    assert shown(mixed(), "/\x1b[2J").startswith("FOUND \\u{1b}[2J: 0, ")


def test_a_number_shows_the_item_whole() -> None:
    review = mixed()
    pages = [shown(review, "3"), shown(review, "3", "n")]
    lines = [line for page in pages for line in page.split("\n")[1:]]
    whole = review_request(review).split("\n")
    start = whole.index("ITEM 3 of 12: sensor-002.bin")
    assert lines == whole[start : start + len(lines)]
    assert shown(review, "13").startswith("NO SUCH ITEM")
    assert shown(review, "n", "n", "3", "b") == shown(review, "n", "n")


def test_zero_shows_the_request_whole() -> None:
    review = mixed()
    whole = review_request(review)
    pages = [shown(review, "0"), shown(review, "0", "n")]
    for line in "\n".join(pages).split("\n"):
        assert line in whole or line.startswith("THE REQUEST, page ")
    assert "SIGN 23 signatures with prod" in pages[1]


def test_help() -> None:
    assert "sign nothing" in shown(mixed(), "?")
    assert shown(mixed(), "?", "b") == shown(mixed())


@pytest.mark.parametrize("typed", ["acme amulet adrift adviser", "nn", "N", "1234567", "-1", "x"])
def test_what_is_no_command_may_be_the_words(typed: str) -> None:
    review = mixed()
    assert turn(review, (first_view(review),), typed) is None


def test_a_trust_root_is_as_loud_on_the_first_screen() -> None:
    item = build_item(encode_trust(first()))
    value = item_value(
        name=item.name,
        size=item.size,
        digest={"sha256": item.digest.hex()},
        artifact=item.artifact,
        version=item.version,
        target=item.target,
        custom_metadata=item.custom_metadata,
        wanted=[{"scheme": "trust", "role": "root"}],
    )
    review = review_of(value)
    assert "\n".join(TRUST_WARNING) in shown(review)
    assert "\n".join(TRUST_WARNING) in shown(review, "1")


LABELS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128)
NAMES = LABELS.filter(lambda text: not {"/", "\\"} & set(text) and text not in {".", ".."})
ITEMS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "artifact": st.one_of(LABELS, st.sampled_from(["sensor-000", "sens0r-000", "x"])),
        "target": st.one_of(LABELS, st.just(TARGET)),
        "version": st.one_of(LABELS, st.sampled_from(["1.3.0", "1.4.0", "1.5.0"])),
        "name": NAMES,
        "sequence": st.integers(1, 2**53 - 1),
        "size": st.integers(0, 53_687_091_200_000),
        "expires": st.sampled_from([None, "2027-01-31T00:00:00Z"]),
    }
)
KNOWN = st.dictionaries(
    st.tuples(st.one_of(LABELS, st.just("sensor-000")), st.one_of(LABELS, st.just(TARGET))),
    st.builds(
        last,
        st.integers(0, 9),
        version=st.one_of(LABELS, st.just("1.4.0")),
        sequence=st.integers(1, 2**53 - 1),
        keyids=st.sampled_from([(), (SPARE.public_key.keyid,)]),
        content_hashed=st.booleans(),
    ),
    max_size=5,
)


@st.composite
def reviews(draw: st.DrawFn) -> Review:
    """Draw any request after any history."""
    places = st.tuples(st.text(max_size=2), ITEMS)
    drawn = [item for _, item in draw(st.lists(places, min_size=1, max_size=30))]
    unique: dict[Any, dict[str, Any]] = {
        (each["artifact"], each["version"], each["target"]): each for each in drawn
    }
    items = [asked(**each) for each in unique.values()]
    count = len(items)
    refused = {place: FileError(draw(LABELS)) for place in draw(st.sets(st.integers(0, count - 1)))}
    return review_of(
        *items,
        known=draw(KNOWN),
        contents=HashedContents(matching=frozenset(), refused=refused),
        request={"reason": draw(st.one_of(st.none(), LABELS)), "requester": draw(LABELS)},
        name=draw(LABELS),
        key_name=draw(LABELS),
        unusual=tuple(draw(st.lists(LABELS, max_size=2))),
        controls=tuple(
            Outcome("SK-X", each, "x")
            for each in draw(st.lists(st.sampled_from((HELD, NOT_ASKED))))
        ),
    )


@given(reviews())
@settings(max_examples=60)
def test_any_review_fits_and_leads_to_every_item(review: Review) -> None:
    """Every item is on a page, none twice, the unusual before the plain, and whole by number."""
    assert len(plain(shown(review).split("\n"))) <= 22
    plain(review_request(review).split("\n"))
    view = follow(review, "n")[-1]
    pages = [shown(review, *["n"] * (page + 1)) for page in range(view.page_count)]
    labels = [
        line[:6].strip()
        for page in pages
        for line in page.split("\n")[1::2]
        if re.match(r" *(\d+|-) ", line)
    ]
    numbers = [int(label) - 1 for label in labels if label != "-"]
    assert sorted(numbers) == list(range(len(review.items)))
    assert labels.count("-") == len(review.delta.missing)
    odd = [bool(review.delta.changes[number].findings) for number in numbers]
    assert odd == sorted(odd, reverse=True)
    for number in numbers:
        item = review.items[number]
        pages = [shown(review, str(number + 1))]
        pages += [
            shown(review, str(number + 1), *["n"] * page)
            for page in range(1, follow(review, str(number + 1))[-1].page_count)
        ]
        assert item.digest.hex() in "\n".join(pages)
