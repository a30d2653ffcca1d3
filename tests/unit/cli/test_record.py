"""However a ceremony ends, the ledger says so; what was signed once is given out again."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.formats.response import open_response
from signkit.station.ledger import open_ledger, read_ledger
from tests.support.commands import Machine

SIGN = [sys.executable, "-m", "signkit.cli", "sign"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.write("model.bin", b"firmware " * 1000)
    return made


def test_the_same_request_again_is_given_the_same_response(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    path = machine.folder / "model.response.json"
    machine.sign()
    first = path.read_bytes()
    path.unlink()
    ran = machine.sign()
    assert ran.code == 0
    assert "ceremony 1 of" in ran.err
    assert path.read_bytes() == first
    lines, _end = read_ledger(machine.home / "ledger.jsonl")
    assert [line.entry.event for line in lines] == ["signed", "repeated"]
    assert [line.entry.signed_count for line in lines] == [1, 0]


def test_another_key_is_another_ceremony(machine: Machine) -> None:
    machine.new_key()
    machine.new_key("spare")
    machine.prepare()
    assert machine.sign().code == 0
    path = machine.folder / "model.response.json"
    first = open_response(path.read_bytes()).response
    assert machine.sign("model.request.json", "--key", "spare").code == 0
    second = open_response(path.read_bytes()).response
    assert (second.sequence, second.ledger_before) == (2, first.ledger_after)
    assert second.keys != first.keys


def test_a_response_that_is_no_longer_kept_is_not_made_again(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    machine.sign()
    (kept,) = (machine.home / "responses").iterdir()
    kept.rename(machine.folder / "backup")
    ran = machine.sign()
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert "is no longer in" in ran.error["error"]
    assert "put it back from a backup" in ran.error["hint"]
    assert events(machine) == ["signed", "refused"]
    (machine.folder / "backup").rename(kept)
    assert machine.sign().code == 0


def events(machine: Machine) -> list[str]:
    return [line.entry.event for line in read_ledger(machine.home / "ledger.jsonl")[0]]


def test_every_way_to_end_leaves_a_line(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    stranger = Path(machine.new_key("stranger")["public_path"])
    assert machine.sign("model.request.json", "--yes-to", "ab" * 32).code == 18
    assert machine.sign("model.request.json", "--requester", stranger).code == 4
    assert machine.sign("model.request.json", "--key", "nobody").code == 5
    assert machine.sign("model.request.json", "--content", "nowhere").code == 2
    assert machine.sign().code == 0
    lines, _end = read_ledger(machine.home / "ledger.jsonl")
    assert [line.entry.event for line in lines] == ["declined", *["refused"] * 3, "signed"]
    assert "names another request" in str(lines[0].entry.reason)
    assert "no private key 'nobody'" in str(lines[2].entry.reason)
    (confirmed,) = lines[-1].entry.transcript.confirmed
    assert confirmed.how == "digest"


def test_a_request_that_follows_no_newer_response_is_said(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    assert "LOOK" not in machine.sign().err
    machine.write("other.bin", "other")
    machine.prepare("other.bin")
    ran = machine.sign("other.request.json")
    assert ran.code == 0
    said = "LOOK it follows no response: the newest of this station is of ceremony 1"
    assert said in " ".join(ran.err.split())


def interrupted(machine: Machine, how: bytes | None) -> int:
    """Sign at a terminal; type this instead of the words, or press Ctrl-C."""
    controller, terminal = pty.openpty()
    try:
        with subprocess.Popen(
            [*SIGN, "model.request.json", "--key", "prod", "--passphrase-file", "pw"],
            cwd=machine.folder,
            env=machine.environment(),
            stdin=terminal,
            stderr=subprocess.PIPE,
        ) as signing:
            assert signing.stderr is not None
            while b"words: " not in (read := os.read(signing.stderr.fileno(), 4096)) and read:
                pass
            if how is None:
                signing.send_signal(signal.SIGINT)
            else:
                os.write(controller, how + b"\n")
            signing.stderr.read()
        return signing.returncode
    finally:
        os.close(controller)
        os.close(terminal)


def test_other_words_and_ctrl_c_are_declined(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    assert interrupted(machine, b"yes") == 18
    assert interrupted(machine, None) == 130
    lines, _end = read_ledger(machine.home / "ledger.jsonl")
    assert [line.entry.event for line in lines] == ["declined", "declined"]
    assert [line.entry.reason for line in lines] == [
        "the words are not those of this request; nothing was signed",
        "interrupted",
    ]
    assert lines[0].entry.transcript.controls[-1] == ("SK-SIGN-CONFIRM", "refused")


def test_two_ceremonies_at_once(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    machine.sign()
    with open_ledger(machine.home / "ledger.jsonl"):
        ran = machine.sign()
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert "is in use by another signkit" in ran.error["error"]


def test_a_pending_response_goes_with_its_line(machine: Machine) -> None:
    """Killed before the line was appended: nobody was given the response. After it: it is kept."""
    machine.new_key()
    machine.prepare()
    machine.sign()
    (kept,) = (machine.home / "responses").iterdir()
    pending = kept.with_name("pending")
    kept.rename(pending)
    assert machine.sign().code == 0
    assert (kept.exists(), pending.exists()) == (True, False)
    pending.write_bytes(kept.read_bytes())
    ran = machine.sign()
    assert "never given out, is removed" in ran.err
    assert (kept.exists(), pending.exists()) == (True, False)


def test_the_next_request_follows_a_response_that_was_not_submitted_here(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    machine.sign()
    machine.write("other.bin", "other")
    machine.prepare("other.bin", "--after", "model.response.json")
    ran = machine.sign("other.request.json")
    assert (ran.code, "LOOK       it follows" in ran.err) == (0, False)
    machine.prepare("other.bin", "--force", "--reason", "again, after the same response")
    ran = machine.sign("other.request.json", "--out", "again.response.json")
    said = " ".join(ran.err.split())
    assert "LOOK it follows the response of ceremony 1: the newest of this station is of" in said


def test_the_next_request_follows_no_rewritten_ledger(machine: Machine) -> None:
    """Attacker: the station's operator. Move: begins the ledger anew and signs something else."""
    machine.new_key()
    machine.prepare()
    machine.sign()
    machine.prepare("model.bin", "--after", "model.response.json", "--force")
    (machine.home / "ledger.jsonl").rename(machine.folder / "gone")
    assert machine.sign("model.request.json", "--out", "other.json").code == 0
    assert machine.sign("model.request.json", "--out", "other.json").code == 0  # its own is found
    again = ("--artifact", "a", "--version", "1", "--target", "t", "--force")
    ran = machine.run("prepare", "model.bin", *again, "--after", "other.json", "--json")
    assert (ran.code, ran.error["code"]) == (13, "response-refused")
    assert "was rewritten, or begun anew" in ran.error["error"]


def test_a_kept_response_that_was_replaced_is_not_given_out(machine: Machine) -> None:
    """Attacker: may write to the station's disk. Move: another response under the name."""
    machine.new_key()
    machine.new_key("spare")
    machine.prepare()
    machine.sign()
    machine.sign("model.request.json", "--key", "spare")
    first, second = sorted((machine.home / "responses").iterdir())
    for data in (second.read_bytes(), b"{}"):
        first.write_bytes(data)
        ran = machine.sign()
        assert (ran.code, ran.error["code"]) == (13, "response-refused")
        assert events(machine)[-1] == "refused"


def test_a_response_that_cannot_be_written_is_given_out_later(machine: Machine) -> None:
    """The stick is full, or was pulled out: nothing has to be signed again."""
    machine.new_key()
    machine.prepare()
    ran = machine.sign("model.request.json", "--out", "stick/model.response.json")
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert "it is signed and kept: run again" in ran.error["hint"]
    (machine.folder / "stick").mkdir()
    assert machine.sign("model.request.json", "--out", "stick/model.response.json").code == 0
    assert events(machine) == ["signed", "repeated"]
