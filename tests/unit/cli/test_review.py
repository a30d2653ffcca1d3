"""The review at a real terminal: paging, searching, giving up; and the page of --html."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.formats.words import encode_words
from tests.support.commands import Machine
from tests.support.documents import item_value, request_file, request_value
from tests.support.terminal import Terminal

WORDS = "words: "


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with a key and requests of 30 items and of one; nothing is signed on it."""
    made = Machine(tmp_path_factory.mktemp("station"))
    made.new_key()
    for name in ("many", "signed", "unattended"):
        items = [item_value(artifact=f"sensor-{number}") for number in range(30)]
        made.write(f"{name}.request.json", request_file(request_value(*items, reason=name)))
    made.write("one.request.json", request_file())
    return made


def words(machine: Machine, request: str) -> str:
    digest = sha256((machine.folder / request).read_bytes()).digest()
    return " ".join(encode_words(digest[:4]))


def at_terminal(machine: Machine, request: str, *typed: str, **env: str) -> tuple[int, str]:
    """Sign at a terminal, typing lines; returns the exit code and what was shown after it asked."""
    options = ["--key", "prod", "--passphrase-file", "pw", "--out", "out.response.json", "--force"]
    command = [sys.executable, "-m", "signkit.cli", "sign", request, *options]
    change = f"import os, sys; os.chdir({str(machine.folder)!r})"
    terminal = Terminal(
        ["-c", f"{change}; os.execv(sys.executable, {command!r})"],
        machine.environment(**{"TERM": "dumb", **env}),
    )
    for line in typed:
        terminal.answer(WORDS, line)
    code = terminal.wait()
    assert "Traceback" not in terminal.shown
    return code, terminal.shown.replace("\r\n", "\n")


def test_everything_is_in_reach_of_the_prompt(station: Machine) -> None:
    typed = ["n", "", "p", "b", "/sensor-17", "18", "0", "?", "b"]
    typed.append(words(station, "signed.request.json"))
    code, shown = at_terminal(station, "signed.request.json", *typed)
    assert code == 0
    screens = shown.split(WORDS)
    assert len(screens) == 11
    for screen, title in zip(
        screens,
        ("", "ITEMS", "ITEMS", "ITEMS", "REQUEST", "FOUND sensor-17: 1", "ITEM 18", "THE REQ",
         "WHAT CAN", "THE REQ", "response out.response.json"),
        strict=True,
    ):  # fmt: skip
        assert title in "\n".join(screen.split("\n")[:3])
        assert len(screen.split("\n")) <= 25  # with the line that was typed before it
        assert all(len(line) <= 80 for line in screen.split("\n"))


@pytest.mark.parametrize("term", ["dumb", "vt100", "xterm-256color", "screen"])
def test_no_terminal_is_told_more_than_lines(station: Machine, term: str) -> None:
    _code, shown = at_terminal(station, "many.request.json", "n", "q", TERM=term, LINES="24")
    asked = shown[shown.index("REQUEST ") :]
    assert "\x1b" not in asked
    assert "\r" not in asked


def test_a_short_request_is_shown_whole_and_then_the_first_screen(station: Machine) -> None:
    code, shown = at_terminal(station, "one.request.json", "q")
    assert code == 18
    whole, _, screen = shown.rpartition("REQUEST one.request.json")
    assert "ITEM 1 of 1: model.bin" in whole
    assert "To sign, type the first 4 words" in screen
    assert len(screen.split(WORDS)[0].split("\n")) <= 24


@pytest.mark.parametrize("typed", [["q"], ["n", "q"], ["\x04"], ["nonsense"], ["1", "a b c d"]])
def test_anything_else_signs_nothing(station: Machine, typed: list[str]) -> None:
    (station.folder / "out.response.json").unlink(missing_ok=True)
    code, shown = at_terminal(station, "many.request.json", *typed)
    assert code == 18
    assert "nothing was signed" in shown
    assert not (station.folder / "out.response.json").exists()


def test_the_words_are_not_on_the_first_screen(station: Machine) -> None:
    _code, shown = at_terminal(station, "many.request.json", "q")
    assert words(station, "many.request.json") not in shown


def test_nobody_at_the_terminal(station: Machine) -> None:
    options = ("--key", "prod", "--passphrase-file", "pw", "--out", "none.response.json")
    ran = station.run("sign", "many.request.json", *options, "--json")
    assert (ran.code, ran.error["code"]) == (18, "not-confirmed")
    assert "--yes-to" in ran.error["hint"]


def test_where_nobody_is_asked_everything_is_printed(station: Machine) -> None:
    ran = station.sign("unattended.request.json")
    assert ran.code == 0
    assert all(f"ITEM {number} of 30: " in ran.err for number in range(1, 31))
    assert "SIGN 60 signatures with prod" in ran.err
    assert "To sign, type" not in ran.err


def test_second_ceremony_is_compared_with_the_first(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.new_key()
    first, second = (
        request_file(request_value(item_value(version=version, sequence=sequence)))
        for version, sequence in (("1.0.0", 2), ("0.9.0", 2))
    )
    machine.write("a.request.json", first)
    machine.write("b.request.json", second)
    assert machine.sign("a.request.json").code == 0
    ran = machine.sign("b.request.json", "--html", "b.html")
    said = (
        "CHANGES since last signed: 1 of 1 want a look",
        "LOOK sequence 2 again",
        "LOOK version 1.0.0 -> 0.9.0",
        "same content, other version",
        "it follows no response: the newest of this station is of ceremony 1",
    )
    page = (tmp_path / "b.html").read_text()
    text = " ".join(ran.err.split())
    assert [each for each in said if each not in text] == []
    assert "sequence 2 again" in page
    assert "it follows no response" in page


def test_the_page_of_a_request(station: Machine) -> None:
    shown = station.ok("show", "one.request.json", "--html", "one.html")
    page = (station.folder / "one.html").read_text()
    assert page.startswith("<!doctype html>")
    assert shown["sha256"] in page
    assert shown["review"]["compared"] is False
    assert shown["review"]["content"] == {"hashed": 0, "digest_only": 1, "refused": 0}
    assert station.run("show", "one.request.json", "--html", "one.html").code == 0  # the same again


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("show", "many.request.json", "--html", "other.html"), 8, ""),
        (("show", "many.request.json", "--html", "."), 8, ""),
        (("show", "many.request.json", "--html", "absent/x.html"), 8, ""),
        (("show", "prod.pub.pem", "--html", "x.html"), 3, ""),
        (("show", "some.response.json", "--html", "x.html"), 2, "leave --html out"),
    ],
)
def test_no_page(station: Machine, arguments: tuple[str, ...], code: int, hint: str) -> None:
    station.write("other.html", "mine")
    station.write("prod.pub.pem", "{}")
    if not (station.folder / "some.response.json").exists():
        station.write("some.request.json", request_file(request_value(item_value(artifact="q"))))
        assert station.sign("some.request.json").code == 0
    ran = station.run(*arguments, "--json")
    assert ran.code == code, ran.err
    assert hint in ran.error.get("hint", "")
    assert (station.folder / "other.html").read_text() == "mine"


def test_json_has_what_the_review_has(station: Machine) -> None:
    items = [item_value(artifact=name) for name in ("pump-1", "pump-l")]
    value = request_value(*items, reason="a\u202eb")
    station.write("pumps.request.json", request_file(value))
    review = station.ok("show", "pumps.request.json")["review"]
    assert review["counts"]["name"] == 2
    assert review["requester_words"] == [
        "why holds characters that are not seen, shown as \\u{...}"
    ]
    assert [each["findings"] for each in review["items"]] == [
        [{"class": "name", "finding": "looks like pump-l (artifact)"}],
        [{"class": "name", "finding": "looks like pump-1 (artifact)"}],
    ]
    assert json.dumps(review).isascii()
