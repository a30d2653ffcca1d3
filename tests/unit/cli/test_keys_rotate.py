"""The successor of a key, and the road to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from signkit.custody.register import read_register
from signkit.formats.sealed_key import parse_sealed_key
from tests.support.commands import Machine
from tests.support.key_commands import Run, ok, refused, row


def test_rotate(run_keys: Run, secret: Path, home: Path) -> None:
    new = ("new", "prod", "--cryptoperiod", "1y", "--passphrase-file", secret)
    old = ok(run_keys, *new)
    made = ok(run_keys, "rotate", "prod", "--passphrase-file", secret)
    assert (made["name"], made["state"], made["predecessor"]) == (
        "prod-2",
        "pre-active",
        old["keyid"],
    )
    life = read_register(home).lives[made["keyid"]]
    assert (life.key.cryptoperiod_days, life.key.predecessor) == (365, old["keyid"])
    assert row(run_keys)["successor"] == made["keyid"]
    assert row(run_keys, "prod-2")["predecessor"] == old["keyid"]
    assert [len(step["commands"]) for step in made["steps"]] == [4, 2, 1, 4]
    said = refused(run_keys, "rotate", "prod", code="key-state")
    assert said == "the key prod has a successor already: prod-2"
    third = ok(run_keys, "rotate", "prod-2", "--cryptoperiod", "never", "--passphrase-file", secret)
    assert third["name"] == "prod-3"
    assert read_register(home).lives[third["keyid"]].key.cryptoperiod_days is None


@pytest.mark.parametrize(
    ("name", "following"),
    [("a-9", "a-10"), ("a-0", "a-0-2"), ("a-x", "a-x-2"), ("2026", "2026-2"), ("a-01", "a-01-2")],
)
def test_the_name_of_a_successor(run_keys: Run, secret: Path, name: str, following: str) -> None:
    ok(run_keys, "new", name, "--passphrase-file", secret)
    assert ok(run_keys, "rotate", name, "--passphrase-file", secret)["name"] == following


def test_the_successor_of_a_sealed_key_keeps_its_purpose(
    run_keys: Run, secret: Path, home: Path
) -> None:
    purpose = ("--sealed", "--artifact", "ML-*", "--role", "release", "--not-after", "2099-01-01")
    old = ok(run_keys, "new", "prod", *purpose, "--passphrase-file", secret)
    rotate = ("rotate", "prod", "--passphrase-file", secret)
    said = refused(run_keys, *rotate, code="usage")
    assert said.startswith("the file of prod ends at 2099-01-01T00:00:00Z: until when")
    ok(run_keys, *rotate, "--not-after", "2100-01-01", "--as", "next")
    header = parse_sealed_key((home / "keys" / "next.key.json").read_bytes()).header
    assert header.predecessor == old["keyid"]
    assert (header.purpose.artifacts, header.purpose.role) == (("ML-*",), "release")
    assert header.purpose.not_after == "2100-01-01T00:00:00Z"
    never = ("rotate", "next", "--passphrase-file", secret, "--not-after", "never")
    ok(run_keys, *never)
    last = parse_sealed_key((home / "keys" / "next-2.key.json").read_bytes()).header
    assert last.purpose.not_after is None


def test_a_plain_key_has_no_window_to_set(run_keys: Run, made: dict[str, Any]) -> None:
    said = refused(run_keys, "rotate", "prod", "--not-after", "2100-01-01", code="usage")
    assert said.startswith("--not-after: prod is not sealed")


@pytest.mark.parametrize("kind", ["plain", "sealed"])
def test_rotate_again_takes_what_a_killed_one_left(
    run_keys: Run, secret: Path, home: Path, kind: str
) -> None:
    sealing = ("--sealed",) if kind == "sealed" else ()
    old = ok(run_keys, "new", "prod", *sealing, "--passphrase-file", secret)
    kept = {
        name: (home / name).read_bytes()
        for name in ("custody-register.jsonl", "custody-register.head.json")
    }
    made = ok(run_keys, "rotate", "prod", "--passphrase-file", secret)
    for name, data in kept.items():
        (home / name).write_bytes(data)
    again = run_keys("rotate", "prod", "--json")  # no passphrase is asked for
    assert again.code == 0, again.err
    assert (again.json["keyid"], again.json["predecessor"]) == (made["keyid"], old["keyid"])


def test_rotate_takes_no_other_key(run_keys: Run, secret: Path) -> None:
    for name in ("prod", "prod-2"):
        ok(run_keys, "new", name, "--passphrase-file", secret)
    ok(run_keys, "new", "sealed", "--sealed", "--passphrase-file", secret)
    for name in ("prod", "prod-2", "sealed"):
        rotate = ("rotate", "prod", "--as", name, "--passphrase-file", secret)
        assert "exists already" in refused(run_keys, *rotate, code="file")


def test_a_public_key_alone_has_no_successor(
    run_keys: Run, made: dict[str, Any], home: Path
) -> None:
    ok(run_keys, "import", home / "keys" / "prod.pub.pem", "--name", "theirs")
    said = refused(run_keys, "rotate", "theirs", code="key-state")
    assert said.startswith("the private key of theirs is not here")


def test_rotate_with_a_trust_root_says_what_devices_say(machine: Machine, trust: Path) -> None:
    made = machine.ok("keys", "rotate", "prod", "--trust", trust, "--passphrase-file", "pw")
    steps = made["rotation"]["release"]["steps"]
    assert steps[2]["signers"] == ["prod-2"]
    assert steps[2]["verdicts"] == {"1": "unknown-key", "2": "verifies"}
    assert "--role release" in made["steps"][0]["commands"][0]
    ran = machine.run("keys", "rotate", "other", "--trust", trust, "--passphrase-file", "pw")
    assert "ROLE release\nSTEP  WHAT YOU DO" in ran.out
    root = machine.ok("keys", "rotate", "root", "--trust", trust, "--passphrase-file", "pw")
    assert root["rotation"] == {}


def test_rotate_of_a_key_that_the_trust_root_does_not_have(machine: Machine, trust: Path) -> None:
    machine.new_key("mine")
    ran = machine.run("keys", "rotate", "mine", "--trust", trust, "--passphrase-file", "pw")
    assert ran.code == 0
    assert "has no role with the key mine" in ran.err


def test_a_trust_root_that_cannot_be_read_makes_no_key(machine: Machine, home: Path) -> None:
    machine.new_key()
    rotate = ("keys", "rotate", "prod", "--trust", "none.json", "--passphrase-file", "pw")
    assert machine.run(*rotate).code == 8
    assert sorted(os.listdir(home / "keys")) == ["prod.pem", "prod.pub.pem"]
