"""The page to print: one file, nothing acting in it, saying what the terminal says."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from signkit.formats.display import escape
from signkit.formats.trust import encode_trust
from signkit.formats.trust_text import trust_lines
from signkit.policy.controls import HELD, REFUSED, Outcome
from signkit.schemes.trust import build_item
from signkit.station.ceremony import HashedContents
from signkit.station.review import Review
from signkit.station.review_page import render_page
from signkit.station.sentences import MEANINGS, odd_words, say_change, say_heading, say_last
from tests.support.documents import item_value
from tests.support.reviews import TARGET, asked, history, last, review_of
from tests.support.trust_roots import first

TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "b", "br", "div", "pre"),
    *("table", "thead", "tbody", "tr", "th", "td", "code", "span"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "&lt;b&gt;",
    "a\u202eb\u2066",
    "javascript:alert(1)",
]


class Tags(HTMLParser):
    """Collects every tag and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}


def text_of(page: str) -> str:
    """Return what a reader sees, on one line."""
    body = page.partition("<body>")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def mixed(**options: object) -> Review:
    known = history(3)
    known["gone", TARGET] = last(9)
    items = [asked(0), asked(1, sequence=2), asked(2, custom_metadata={"slot": "b"})]
    hashed = HashedContents(matching=frozenset({0}), refused={})
    said = {"requester": "оps", "reason": "a\u200bb"}  # noqa: RUF001
    return review_of(*items, known=known, contents=hashed, request=said, **options)


def test_says_what_the_terminal_says() -> None:
    review = mixed(unusual=("it follows no response",), controls=(Outcome("SK-A", REFUSED, "no"),))
    text = text_of(render_page(review))
    delta = review.delta
    for said in (
        review.verified.digest.hex(),
        "it follows no response",
        "6 signatures",
        "hashed here 1, digest only 2",
        "a\\u{200b}b",
        *odd_words(review.verified.request),
        say_heading(review),
        *(text for risk, text in MEANINGS.items() if delta.count(risk)),
        *(each.text for change in delta.changes for each in change.findings),
        *(item.digest.hex() for item in review.items),
        *(say_last(change.last) for change in delta.changes if change.last),
        *(say_change(review.items[0], change.last) for change in delta.changes[:1] if change.last),
        "hashed here: it is what the request says",
        "not seen here: only its digest is known",
        'metadata {"slot":"b"}',
        f"gone, {TARGET}",
    ):
        assert " ".join(said.split()) in text


def test_unusual_items_come_first() -> None:
    text = text_of(render_page(mixed()))
    assert text.index("sensor-001.bin") < text.index("sensor-000.bin")


def test_the_same_review_gives_the_same_bytes() -> None:
    assert render_page(mixed()) == render_page(mixed())


def test_loads_nothing_and_runs_nothing() -> None:
    page = render_page(mixed())
    tags = Tags(page)
    assert tags.tags <= TAGS
    assert tags.attributes == {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "colspan",
    }
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"url\(|@import|https?:|src=", page)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_text(text: str) -> None:
    """Attacker: writes the request. Move: HTML that runs, fetches or ends our table. Shown as text."""
    items = {"artifact": text, "version": text, "target": text}
    items["name"] = text.replace("/", "|").replace("\\", "|")
    wanted = [{"scheme": text, "role": text}]
    item = asked(0, wanted=wanted, custom_metadata={text: text}, **items)
    page = render_page(
        review_of(
            item,
            known={(text, text): last(0, version=text), ("x", "y"): last(1)},
            request={"requester": text, "reason": text},
            name=text,
            key_name=text,
            unusual=(text, text),
            controls=(Outcome(text, HELD, text),),
        )
    )
    tags = Tags(page)
    assert tags.tags <= TAGS
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert escape(text) in text_of(page)
    assert all(line.isprintable() for line in page.split("\n"))


def test_a_trust_root_is_shown_whole() -> None:
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
    page = render_page(review_of(value))
    assert "This changes the trust root" in page
    assert all(line in unescape(page) for line in trust_lines(first()))
    value["version"] = "2"
    assert "NO TRUST ROOT IS SHOWN" in render_page(review_of(value))
