"""A ceremony that is held as its script says: what it expects is what the station shows and takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Machine
from tests.support.controls import make_station, policy_text
from tests.support.documents import request_file
from tests.support.keys import PROD, SPARE
from tests.support.terminal import Terminal

PLAN = """\
format = "signkit.ceremony.v1"
title = "Release"
request = "model.request.json"
key = "prod.pem"
policy = "home/station.toml"
content = "."

[[person]]
name = "Ada Lovelace"
role = "operator"

[[person]]
name = "Grace Hopper"
role = "operator"
"""
TWO = policy_text({"confirm": ("operators = 2", 'names = ["Ada Lovelace", "Grace Hopper"]')})


@pytest.fixture
def station(tmp_path: Path) -> Machine:
    machine = make_station(tmp_path, TWO, request_file())
    machine.write("ceremony.toml", PLAN)
    return machine


def test_what_the_script_expects_signs(station: Machine) -> None:
    steps: list[dict[str, Any]] = station.ok("script", "ceremony.toml")["steps"]
    (show,) = [each for each in steps if each["command"] == "signkit policy show"]
    assert show["expected"][0] in station.run("policy", "show").out
    (sign,) = [each["command"] for each in steps if "signkit sign" in (each["command"] or "")]
    start = f"import os, sys; os.chdir({str(station.folder)!r}); os.execv(sys.executable,"
    start += f" [sys.executable, '-m', 'signkit.cli', *{sign.split()[1:]!r}])"
    terminal = Terminal(["-c", start], station.environment(TERM="dumb"))
    for step in (each for each in steps if each["text"].startswith("Type")):
        terminal.answer("words: ", step["expected"][0])
        terminal.answer("your name: ", step["who"].removesuffix(" (operator)"))
    assert terminal.wait() == 0, terminal.shown
    assert (station.folder / "model.response.json").is_file()


def test_a_page_is_written_once_and_again_where_it_is_the_same(station: Machine) -> None:
    station.ok("script", "ceremony.toml", "--html", "script.html")
    station.ok("script", "ceremony.toml", "--html", "script.html")
    page = (station.folder / "script.html").read_bytes()
    station.write("ceremony.toml", PLAN.replace("Release", "Another"))
    ran = station.run("script", "ceremony.toml", "--html", "script.html", "--json")
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert (station.folder / "script.html").read_bytes() == page


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        (("Ada Lovelace", "Eve"), 19, "'Eve' is no operator whom the policy names"),
        (('"operator"\n\n', '"leader"\n\n'), 19, "expected 2 operators, got 1"),
        (("[[person]]", "[[persons]]"), 3, "the nearest known is 'person'"),
        (("model.request.json", "gone.request.json"), 8, "gone.request.json cannot be read"),
        (('key = "prod.pem"', 'key = "prod.pem"\npublic_key = "gone.pem"'), 8, "gone.pem"),
        (("signkit.ceremony.v1", "signkit.ceremony.v9"), 3, "signkit.ceremony.v1"),
    ],
)
def test_what_would_fail_in_the_vault_fails_before_it_is_printed(
    station: Machine, change: tuple[str, str], code: int, why: str
) -> None:
    station.write("ceremony.toml", PLAN.replace(*change, 1))
    ran = station.run("script", "ceremony.toml", "--html", "script.html")
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err
    assert not (station.folder / "script.html").exists()


def test_a_key_that_the_policy_does_not_name(station: Machine) -> None:
    named = TWO.replace("[[rule]]", f'[[rule]]\nkeys = ["{PROD.public_key.keyid}"]', 1)
    station.write("home/station.toml", named)
    station.write("other.hex", SPARE.public_key.raw.hex())
    station.ok("keys", "convert", "other.hex", "--to", "pem", "--out", "other.pem")
    station.write("ceremony.toml", PLAN.replace("policy =", 'public_key = "other.pem"\npolicy ='))
    ran = station.run("script", "ceremony.toml")
    assert ran.code == 19
    assert "SK-POLICY-KEY" in ran.err
