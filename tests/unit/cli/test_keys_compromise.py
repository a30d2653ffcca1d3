"""A compromised key: marked first, then all that follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.commands import Machine
from tests.support.key_commands import Run, ok, refused, states


def test_compromise(machine: Machine, trust: Path) -> None:
    machine.write("model.bin", b"content")
    machine.prepare()
    assert machine.sign().code == 0
    arguments = ("keys", "compromise", "prod", "--reason", "stolen", "--trust", trust)
    said = machine.ok(*arguments)
    assert (said["state"], said["reason"]) == ("compromised", "stolen")
    (signed,) = said["signed"]
    item = signed["item"]
    assert (item["artifact"], item["version"]) == ("ML-Model", "1.0.0")
    assert item["schemes"] == ["peridio", "statement"]
    draft = json.loads((machine.folder / "trust.draft.json").read_text())
    assert draft["signatures"] == []
    changes = {each["what"]: each["after"] for each in said["trust"]["changes"]}
    assert changes["role release: keys"] == "other"
    assert any("root keys (root)" in each for each in said["tell"])
    assert machine.sign().code == 5
    again = machine.ok(*arguments)  # it may be run again, and marks nothing twice
    assert (again["since"], again["signed"]) == (said["since"], said["signed"])
    assert again["trust"]["changes"] == []


def test_compromise_goes_on_from_a_draft(machine: Machine, trust: Path) -> None:
    machine.ok("trust", "set-expiry", trust, "2099-01-01")
    said = machine.ok("keys", "compromise", "prod", "--reason", "stolen", "--trust", trust)
    assert said["trust"]["version"] == 2
    shown = machine.ok("trust", "show", "trust.draft.json")["trust"]
    assert shown["expires"] == "2099-01-01T00:00:00Z"
    assert sorted(key["name"] for key in shown["keys"].values()) == ["other", "root"]


def test_compromise_of_the_only_key_takes_a_successor(machine: Machine, trust: Path) -> None:
    ran = machine.ok("trust", "remove-key", trust, "other", "--out", "one.draft.json")
    assert ran["version"] == 2
    arguments = ("keys", "compromise", "prod", "--reason", "stolen", "--trust", "one.draft.json")
    refusal = machine.run(*arguments, "--json")
    assert (refusal.code, refusal.error["code"]) == (2, "usage")
    assert refusal.error["hint"] == "run it again with --successor NAME"
    assert (refusal.json["state"], refusal.json["trust"]) == ("compromised", None)
    said = machine.ok(*arguments, "--successor", "other")
    changes = {each["what"]: each["after"] for each in said["trust"]["changes"]}
    assert changes["role release: keys"] == "other"


def test_compromise_marks_whatever_else_fails(machine: Machine) -> None:
    machine.new_key()
    machine.write("home/ledger.jsonl", b"{}\n")
    arguments = ("keys", "compromise", "prod", "--reason", "x", "--trust", "none.json")
    ran = machine.run(*arguments, "--json")
    assert (ran.code, ran.error["code"]) == (3, "malformed")  # the first of the two
    assert (ran.json["state"], ran.json["signed"], ran.json["trust"]) == ("compromised", None, None)
    assert machine.run(*arguments).err.count("warning: not done: ") == 2


def test_compromise_without_a_trust_root(machine: Machine) -> None:
    machine.new_key()
    said = machine.ok("keys", "compromise", "prod", "--reason", "x")
    assert (said["trust"], said["signed"]) == (None, [])
    text = machine.run("keys", "compromise", "prod", "--reason", "x").out
    assert "NEXT TRUST ROOT: name the current one with --trust" in text


def test_a_successor_needs_a_trust_root(run_keys: Run, made: dict[str, Any]) -> None:
    arguments = ("compromise", "prod", "--reason", "x", "--successor", "prod")
    refused(run_keys, *arguments, code="usage")
    assert states(run_keys) == ["active"]


def test_a_compromise_that_is_found_after_the_end(run_keys: Run, made: dict[str, Any]) -> None:
    ok(run_keys, "destroy", "prod", "--reason", "x", "--yes-to", made["keyid"])
    ok(run_keys, "compromise", "prod", "--reason", "a backup was copied")
    assert states(run_keys) == ["active", "destroyed", "compromised"]
