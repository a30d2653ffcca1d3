"""A key's life at the command line: new, import, set-state, history, destroy, list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from signkit.custody.register import open_register, read_register
from signkit.errors import UsageError
from signkit.formats.custody_register import parse_cryptoperiod
from tests.support.commands import Machine
from tests.support.key_commands import Run, ok, refused, row, states
from tests.support.terminal import Terminal


def test_a_new_key_is_active_and_ends_never(run_keys: Run, made: dict[str, Any]) -> None:
    assert (made["state"], made["ends"]) == ("active", None)
    listed = row(run_keys)
    assert listed == {
        "name": "prod",
        "keyid": made["keyid"],
        "private": "encrypted",
        "state": "active",
        "since": listed["since"],
        "ends": None,
        "predecessor": None,
        "successor": None,
    }


def test_a_life_from_the_first_day_to_the_last(run_keys: Run, home: Path, secret: Path) -> None:
    new = ("new", "prod", "--pre-active", "--cryptoperiod", "2y", "--passphrase-file", secret)
    keyid = ok(run_keys, *new)["keyid"]
    assert (row(run_keys)["state"], row(run_keys)["ends"]) == ("pre-active", None)
    for state in ("active", "suspended", "active", "deactivated"):
        said = ok(run_keys, "set-state", "prod", state, "--reason", f"to {state}")
        assert (said["state"], said["keyid"]) == (state, keyid)
    assert row(run_keys)["ends"] is not None
    gone = ok(run_keys, "destroy", "prod", "--reason", "over", "--yes-to", keyid)
    assert gone["wiped"] == str(home / "keys" / "prod.pem")
    assert os.listdir(home / "keys") == ["prod.pub.pem"]
    history = ok(run_keys, "history", "prod")["history"]
    assert [(each["state"], each["reason"]) for each in history] == [
        ("pre-active", "made here"),
        ("active", "to active"),
        ("suspended", "to suspended"),
        ("active", "to active"),
        ("deactivated", "to deactivated"),
        ("destroyed", "over"),
    ]
    assert all("@" in each["who"] for each in history)


def test_history_for_people(run_keys: Run, made: dict[str, Any]) -> None:
    ok(run_keys, "set-state", "prod", "suspended", "--reason", "a\nb\u202e")
    lines = run_keys("history", "prod").out.splitlines()
    assert lines[1].split() == ["keyid", made["keyid"]]
    assert lines[5].split() == ["TIME", "STATE", "WHO", "WHY"]
    assert lines[-1].endswith(r"a\u{a}b\u{202e}")


@pytest.mark.parametrize("state", ["compromised", "destroyed"])
def test_states_with_commands_of_their_own(run_keys: Run, made: dict[str, Any], state: str) -> None:
    ran = run_keys("set-state", "prod", state, "--reason", "x")
    assert ran.code == 2
    assert f"signkit keys {state.removesuffix('ed').removesuffix('is')}" in ran.err
    assert states(run_keys) == ["active"]


@pytest.mark.parametrize("state", ["pre-active", "ACTIVE", "", "lost"])
def test_states_that_cannot_be_set(run_keys: Run, made: dict[str, Any], state: str) -> None:
    said = refused(run_keys, "set-state", "prod", state, "--reason", "x", code="usage")
    assert "expected the state active, suspended or deactivated" in said


def test_an_illegal_transition_names_the_legal_ones(run_keys: Run, made: dict[str, Any]) -> None:
    ok(run_keys, "set-state", "prod", "deactivated", "--reason", "x")
    said = refused(run_keys, "set-state", "prod", "active", "--reason", "x", code="key-state")
    assert said.endswith("cannot become active: expected compromised or destroyed")


@pytest.mark.parametrize("reason", ["", "\x1b[2J", "x" * 2001])
def test_a_reason_that_is_none(run_keys: Run, made: dict[str, Any], reason: str) -> None:
    for command in (
        ("set-state", "prod", "suspended"),
        ("destroy", "prod"),
        ("compromise", "prod"),
    ):
        assert run_keys(*command, "--reason", reason).code == 3
    assert states(run_keys) == ["active"]


@pytest.mark.parametrize("command", ["set-state", "history", "destroy", "rotate", "compromise"])
def test_a_key_that_there_is_not(run_keys: Run, home: Path, command: str) -> None:
    more = {"set-state": ("active", "--reason", "x"), "history": (), "rotate": ()}
    arguments = more.get(command, ("--reason", "x"))
    assert "no key 'none'" in refused(run_keys, command, "none", *arguments, code="key-not-found")


def test_a_key_of_before_the_register(run_keys: Run, made: dict[str, Any], home: Path) -> None:
    for name in ("custody-register.jsonl", "custody-register.head.json"):
        (home / name).unlink()
    assert row(run_keys)["state"] is None
    assert "UNREGISTERED" in run_keys("list").out
    ran = run_keys("history", "prod")
    assert (ran.code, ran.out.split()) == (0, ["keyid", made["keyid"]])
    assert "has no line of prod" in ran.err
    ok(run_keys, "set-state", "prod", "suspended", "--reason", "x")
    history = ok(run_keys, "history", "prod")["history"]
    assert [each["state"] for each in history] == ["active", "suspended"]
    assert history[0]["reason"].startswith("adopted")


def test_a_private_file_without_its_public_one(
    run_keys: Run, made: dict[str, Any], home: Path
) -> None:
    (home / "keys" / "prod.pub.pem").unlink()
    said = refused(run_keys, "set-state", "prod", "active", "--reason", "x", code="key-not-found")
    assert "which key is it?" in said


def test_a_key_whose_files_are_gone(run_keys: Run, made: dict[str, Any], home: Path) -> None:
    for path in (home / "keys").iterdir():
        path.unlink()
    assert (row(run_keys)["private"], row(run_keys)["state"]) == ("not here", "active")
    ok(run_keys, "set-state", "prod", "suspended", "--reason", "by name")
    ok(run_keys, "set-state", made["keyid"], "active", "--reason", "by keyid")
    refused(run_keys, "rotate", "prod", code="key-state")
    gone = ok(run_keys, "destroy", "prod", "--reason", "x", "--yes-to", made["keyid"])
    assert (gone["wiped"], gone["state"]) == (None, "destroyed")


@pytest.mark.parametrize("command", ["list", "new", "set-state", "history", "import"])
def test_a_register_that_was_changed(
    run_keys: Run, made: dict[str, Any], home: Path, secret: Path, command: str
) -> None:
    """Attacker: may write to the disk. Move: edits a line. Refused by number, whatever is asked."""
    path = home / "custody-register.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"payload":"eyJz', b'"payload":"eyJT'))
    more = {
        "list": (),
        "new": ("other", "--passphrase-file", secret),
        "set-state": ("prod", "suspended", "--reason", "x"),
        "history": ("prod",),
        "import": (home / "keys" / "prod.pub.pem", "--name", "other"),
    }
    said = refused(run_keys, command, *more[command], code="signature-invalid")
    assert said.startswith("custody register line 1 is not signed by the station's key")
    assert sorted(os.listdir(home / "keys")) == ["prod.pem", "prod.pub.pem"]


def test_destroy_asks_for_the_keyid(run_keys: Run, made: dict[str, Any], home: Path) -> None:
    destroy = ("destroy", "prod", "--reason", "x")
    assert "standard input is not a terminal" in refused(run_keys, *destroy, code="not-confirmed")
    for wrong in ("", "prod", "ab" * 32):
        said = refused(run_keys, *destroy, "--yes-to", wrong, code="not-confirmed")
        assert f"expected {made['keyid']}" in said
    assert states(run_keys) == ["active"]
    assert (home / "keys" / "prod.pem").exists()


def test_destroy_again_finishes_what_was_killed(
    run_keys: Run, made: dict[str, Any], home: Path
) -> None:
    private = home / "keys" / "prod.pem"
    data = private.read_bytes()
    destroy = ("destroy", "prod", "--reason", "x", "--yes-to", made["keyid"])
    ok(run_keys, *destroy)
    private.touch(mode=0o600)
    private.write_bytes(data)  # as if it had been killed between line and wiping
    ran = run_keys("list")
    assert "the key prod is destroyed, but its private file is here" in ran.err
    assert ok(run_keys, *destroy)["wiped"] == str(private)
    assert not private.exists()
    assert states(run_keys) == ["active", "destroyed"]
    refused(run_keys, *destroy, code="key-state")


def test_what_comes_back_is_what_it_was(
    run_keys: Run, made: dict[str, Any], home: Path, secret: Path, tmp_path: Path
) -> None:
    """Attacker: has a copy of the file. Move: imports it under another name. Still destroyed."""
    copy = tmp_path / "copy.pem"
    copy.touch(mode=0o600)
    copy.write_bytes((home / "keys" / "prod.pem").read_bytes())
    ok(run_keys, "destroy", "prod", "--reason", "x", "--yes-to", made["keyid"])
    passphrases = ("--passphrase-file", secret, "--new-passphrase-file", secret)
    again = ok(run_keys, "import", copy, "--name", "again", *passphrases)
    assert (again["keyid"], again["state"]) == (made["keyid"], "destroyed")


def test_import_registers_a_private_key_and_not_a_public_one(
    run_keys: Run, secret: Path, tmp_path: Path, home: Path
) -> None:
    out = tmp_path / "elsewhere"
    ok(run_keys, "new", "a", "--passphrase-file", secret, "--out", out)
    assert read_register(home).lives == {}
    passphrases = ("--passphrase-file", secret, "--new-passphrase-file", secret)
    options = ("--cryptoperiod", "30d", "--pre-active")
    private = ok(run_keys, "import", out / "a.pem", "--name", "a", *passphrases, *options)
    assert private["state"] == "pre-active"
    public = ok(run_keys, "import", out / "a.pub.pem", "--name", "b")
    assert "state" not in public
    said = refused(run_keys, "import", out / "a.pub.pem", "--name", "c", *options, code="usage")
    assert "--cryptoperiod and --pre-active are kept in the custody register" in said


def test_no_register_for_a_key_that_lies_elsewhere(
    run_keys: Run, secret: Path, tmp_path: Path
) -> None:
    for options in (("--pre-active",), ("--cryptoperiod", "1y")):
        new = ("new", "a", "--passphrase-file", secret, "--out", tmp_path / "x", *options)
        refused(run_keys, *new, code="usage")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("text", "days"),
    [("1d", 1), ("90d", 90), ("2y", 730), ("100y", 36_500), ("36500d", 36_500), ("never", None)],
)
def test_a_cryptoperiod(text: str, days: int | None) -> None:
    assert parse_cryptoperiod(text) == days


@pytest.mark.parametrize(
    "text",
    ["", "0d", "d", "2", "2 y", "-1d", "+1d", "1.5y", "101y", "36501d", "²y", "9" * 5000, "2Y"],
)
def test_a_cryptoperiod_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--cryptoperiod: expected days or years such as"):
        parse_cryptoperiod(text)


def end(home: Path, days: int) -> None:
    """Write a register in which the key prod has been active for so many days of its 365."""
    from signkit.cli.clock import now
    from signkit.custody.keeping import Act, Enrolment, enrol
    from signkit.custody.life import add_days
    from signkit.formats.public_key import read_public_key

    keyid = read_public_key((home / "keys" / "prod.pub.pem").read_bytes()).keyid
    for name in ("custody-register.jsonl", "custody-register.head.json"):
        (home / name).unlink()
    begin = Act(time=add_days(now(), -days), who="a@b", reason="x")
    with open_register(home) as register:
        enrolment = Enrolment(act=begin, cryptoperiod_days=365)
        enrol(register, keyid, name="prod", enrolment=enrolment)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (300, ""),
        (340, "warning: the key prod may sign until "),
        (366, "warning: the key prod signs no more: its cryptoperiod ended at "),
    ],
)
def test_list_warns_of_the_end(
    run_keys: Run, made: dict[str, Any], home: Path, days: int, said: str
) -> None:
    end(home, days)
    err = run_keys("list").err
    assert err.startswith(said)
    assert bool(err) == bool(said)


@pytest.mark.parametrize("state", ["suspended", "deactivated"])
@pytest.mark.parametrize(
    "key", ["prod", "home/keys/prod.pem", "file:home/keys/prod.pem", "copy.pem"]
)
def test_a_key_that_is_not_active_signs_nothing(machine: Machine, state: str, key: str) -> None:
    """Attacker: at the keyboard. Move: names the key in any other way. The keyid is what counts."""
    made = machine.new_key()
    machine.write("copy.pem", (machine.home / "keys/prod.pem").read_bytes(), mode=0o600)
    machine.write("model.bin", b"content")
    machine.prepare()
    machine.ok("keys", "set-state", "prod", state, "--reason", "x")
    ran = machine.sign("model.request.json", "--key", key)
    assert (ran.code, ran.error["code"]) == (5, "key-state")
    assert f"does not sign: it is {state} since" in ran.error["error"]
    init = ("trust", "init", "--root", key, "--release", "home/keys/prod.pub.pem")
    assert machine.run(*init, "--passphrase-file", "pw").code == 5
    assert not (machine.folder / "model.response.json").exists()
    assert len(read_register(machine.home).lives[made["keyid"]].history) == 2


def test_a_key_past_its_end_signs_nothing(machine: Machine) -> None:
    machine.new_key()
    machine.write("model.bin", b"content")
    machine.prepare()
    end(machine.home, 340)
    ran = machine.sign()
    assert ran.code == 0
    assert "warning: the key prod may sign until" in ran.err
    end(machine.home, 365)
    (machine.folder / "model.response.json").unlink()
    ran = machine.sign()
    assert (ran.code, ran.error["code"]) == (5, "key-state")
    assert "its cryptoperiod ended at" in ran.error["error"]


def test_an_unregistered_key_signs_with_a_warning(machine: Machine) -> None:
    machine.new_key()
    for name in ("custody-register.jsonl", "custody-register.head.json"):
        (machine.home / name).unlink()
    machine.write("model.bin", b"content")
    machine.prepare()
    assert "no line" not in machine.sign().err
    machine.new_key("other")
    ran = machine.sign("model.request.json", "--force")
    assert ran.code == 0
    assert "warning: the key prod has no line in the custody register" in ran.err


def test_destroy_at_a_terminal(machine: Machine) -> None:
    made = machine.new_key()
    arguments = ["-m", "signkit.cli", "keys", "destroy", "prod", "--reason", "over"]
    for typed, code in (("prod2", 18), ("prod", 0)):
        terminal = Terminal(arguments, machine.environment())
        terminal.answer("type its name: ", typed)
        assert terminal.wait() == code
    assert read_register(machine.home).lives[made["keyid"]].state == "destroyed"
