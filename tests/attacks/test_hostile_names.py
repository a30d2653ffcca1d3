"""Every hostile name of the corpus, in every place of a request that admits it, in every form of the review.

Attacker: writes the request, or names its file. Move: text that acts on the terminal, hides, turns round
what stands beside it, or acts in a page. Refusal: it is shown, and nothing of it acts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from signkit.errors import SignkitError
from signkit.formats.display import escape
from signkit.station.review_page import render_page
from signkit.station.review_screen import Trail, first_view, turn
from signkit.station.review_text import review_request
from signkit.station.review_value import review_value
from signkit.verify import limits
from signkit.verify.encoding import check_name, check_text
from tests.support.commands import Machine
from tests.support.corpus.files import is_shown_safely, strings_of
from tests.support.documents import item_value, request_file, request_value
from tests.support.reviews import asked, last, review_of


def is_label(text: str) -> bool:
    """Say whether a document may hold a text as a label."""
    try:
        check_text(text, what="label", limit=limits.LABEL_LENGTH)
    except SignkitError:
        return False
    return True


def is_name(text: str) -> bool:
    """Say whether a document may hold a text as a file name."""
    try:
        check_name(text, what="name")
    except SignkitError:
        return False
    return True


def is_reason(text: str) -> bool:
    """Say whether a document may hold a text as free text."""
    try:
        check_text(text, what="reason", limit=limits.REASON_LENGTH, lines=True)
    except SignkitError:
        return False
    return True


def is_json(text: str) -> bool:
    """Say whether JSON as UTF-8 may hold a text."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def item_of(text: str) -> dict[str, Any]:
    """Return an item that holds a text wherever the format admits it."""
    item: dict[str, Any] = {}
    if is_label(text):
        item = {"artifact": text, "version": text, "target": text}
        item["wanted"] = [{"scheme": text, "role": text}]
    if is_name(text):
        item["name"] = text
    if is_json(text):
        item["custom_metadata"] = {"text": [text]}
    return item


def test_in_every_form_of_the_review(corpus: Path) -> None:
    shown = 0
    for text in strings_of(corpus):
        label = text if is_label(text) else "label"
        review = review_of(
            asked(**item_of(text)),
            known={(label, label): last(version=label), (label, "gone"): last()},
            request={"reason": text if is_reason(text) else None, "requester": label},
            name=text,
            key_name=text,
            unusual=(text, text),
        )
        trail: Trail = (first_view(review),)
        forms = [trail[-1].show(), review_request(review), render_page(review)]
        for typed in ("n", "1", "0", f"/{text}"):
            turned = turn(review, trail, typed)
            assert turned is not None
            forms.append(turned[-1].show())
        forms.append(json.dumps(review_value(review), indent=2))
        for form in forms:
            assert all(map(is_shown_safely, form.split("\n"))), ascii(text)
        assert all(len(form.split("\n")) <= 22 for form in (forms[0], *forms[3:7]))
        assert escape(text).split(" ")[0][:20] in forms[1]
        shown += 1
    assert shown == len(strings_of(corpus)) > 400


@pytest.fixture
def station(tmp_path: Path, corpus: Path) -> Machine:
    """A machine with one request that holds every string that can be a label, as real commands read it."""
    machine = Machine(tmp_path)
    texts = dict.fromkeys(filter(is_label, strings_of(corpus)))
    plain = [{"scheme": "statement", "role": "release"}]
    items = [item_value(**{**item_of(text), "wanted": plain}) for text in texts]
    assert len(items) > 300
    machine.write("all.request.json", request_file(request_value(*items)))
    machine.new_key()
    return machine


def test_as_the_commands_print_it(station: Machine) -> None:
    shown = station.run("show", "all.request.json", "--html", "all.html")
    signed = station.sign("all.request.json", "--html", "signed.html")
    listed = station.run("show", "all.request.json", "--json")
    pages = [(station.folder / name).read_text() for name in ("all.html", "signed.html")]
    assert (shown.code, signed.code, listed.code) == (0, 0, 0)
    for text in (shown.out, shown.err, signed.out, signed.err, listed.out, *pages):
        assert all(map(is_shown_safely, text.split("\n")))
    assert listed.out.isascii()
    count = len(listed.json["review"]["items"])
    assert f"ITEM {count} of {count}" in shown.out


def test_as_the_name_of_a_file(tmp_path: Path, corpus: Path) -> None:
    machine = Machine(tmp_path)
    hostile = [text for text in strings_of(corpus) if "\x1b" in text or not is_shown_safely(text)]
    tried = 0
    for number, text in enumerate(hostile[:12]):
        name = f"{number}{text}.request.json".replace("/", "|").replace("\0", "|")
        try:
            (tmp_path / name).write_bytes(request_file())
        except (OSError, UnicodeEncodeError):
            continue
        ran = machine.run("show", name, "--html", f"{number}.html")
        assert ran.code == 0, ran.err
        page = (tmp_path / f"{number}.html").read_text()
        for shown in (ran.out, ran.err, page):
            assert all(map(is_shown_safely, shown.split("\n"))), os.fsencode(name)
        tried += 1
    assert tried >= 8
