"""Two operators confirm at one terminal, each with their own words and name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from signkit.formats.words import encode_words
from signkit.verify.digest import compute_digest
from tests.support.commands import Machine
from tests.support.controls import confirm_at_terminal, make_station, policy_text
from tests.support.documents import request_file
from tests.support.terminal import Terminal

SIGN = ["-m", "signkit.cli", "sign", "model.request.json", "--key", "prod.pem", "--content", "."]
TWO = policy_text({"confirm": ("operators = 2", 'names = ["Ada Lovelace", "Grace Hopper"]')})


@pytest.fixture
def station(tmp_path: Path) -> Machine:
    return make_station(tmp_path, TWO, request_file())


def last_line(machine: Machine) -> dict[str, Any]:
    value = json.loads((machine.home / "ledger.jsonl").read_text().splitlines()[-1])
    assert isinstance(value, dict)
    return value


def test_two_operators_confirm_and_both_are_recorded(station: Machine) -> None:
    code, shown = confirm_at_terminal(station, SIGN, ["Ada Lovelace", "grace  hopper"])
    assert code == 0, shown
    assert "Operator 1 of 2, type words 1-4 of the SHA-256" in shown
    assert "Operator 2 of 2, type words 5-8 of the SHA-256" in shown
    confirmed = last_line(station)["transcript"]["confirmed"]
    assert [(each["operator"], each["how"]) for each in confirmed] == [
        ("Ada Lovelace", "words"),
        ("grace hopper", "words"),
    ]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["Ada Lovelace", "ADA LOVELACE"], "one operator confirmed twice"),
        (["Ada Lovelace", "Eve"], "'Eve' is no operator whom the policy names"),
    ],
)
def test_one_operator_is_not_two(station: Machine, names: list[str], why: str) -> None:
    """Attacker: one operator alone at the station."""
    code, shown = confirm_at_terminal(station, SIGN, names)
    assert code == 19
    assert why in shown
    assert not (station.folder / "model.response.json").exists()
    line = last_line(station)
    assert line["event"] == "refused"
    assert [each["operator"] for each in line["transcript"]["confirmed"]] == names
    assert line["transcript"]["controls"][-1] == {
        "control": "SK-POLICY-OPERATORS",
        "result": "refused",
    }


def test_the_second_operator_does_not_type_what_stands_on_the_screen(station: Machine) -> None:
    """Attacker: copies the words that the first operator typed."""
    words = encode_words(compute_digest(request_file()))[:4]
    start = f"import os, sys; os.chdir({str(station.folder)!r});"
    start += f" os.execv(sys.executable, [sys.executable, *{SIGN!r}])"
    terminal = Terminal(["-c", start], station.environment(TERM="dumb"))
    terminal.answer("words: ", " ".join(words))
    terminal.answer("your name: ", "Ada Lovelace")
    terminal.answer("words: ", " ".join(words))
    assert terminal.wait() == 18
    assert "the words are not those of this request; nothing was signed" in terminal.shown
    assert last_line(station)["event"] == "declined"


def test_an_operator_without_a_name(station: Machine) -> None:
    code, shown = confirm_at_terminal(station, SIGN, [" "])
    assert code == 18
    assert "an operator gave no name" in shown


def test_a_name_with_control_characters_does_not_reach_the_screen(station: Machine) -> None:
    code, shown = confirm_at_terminal(station, SIGN, ["Ada Lovelace", "Eve \x9b2J\u202e"])
    assert code == 19
    assert "'Eve \\\\u{9b}2J\\\\u{202e}' is no operator" in shown or "\\u{202e}" in shown
