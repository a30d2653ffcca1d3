"""A permit goes the road of every signature: prepare, sign, extract, and a device that takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Machine

TARGET = ("--artifact", "ML-Model", "--target", "aarch64-unknown-linux")
PERMIT = ("--scheme", "statement", "--scheme", "permit")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    public = made.new_key()["public_path"]
    root = ("--root", "prod", "--passphrase-file", "pw")
    made.ok("trust", "init", *root, "--release", public)
    made.ok("verify", "trust.json", "--state", "state", "--init")
    return made


def release(machine: Machine, name: str, sequence: int, *more: object) -> int:
    machine.write(name, name)
    named = (*TARGET, "--version", str(sequence), "--sequence", sequence)
    machine.ok("prepare", name, *named, *more)
    stem = name.removesuffix(".bin")
    signed = machine.sign(f"{stem}.request.json").code
    if not signed:
        machine.ok("extract", f"{stem}.response.json")
    return signed


def test_an_older_release_is_let_in(machine: Machine) -> None:
    assert release(machine, "new.bin", 2) == 0
    assert release(machine, "old.bin", 1, *PERMIT, "--expires", "2036-01-31") == 0
    assert machine.ok("verify", "new.bin", "--state", "state")["revision"] == 2
    refused = machine.run("verify", "old.bin", "--state", "state")
    assert refused.code == 16
    assert "ask for a newer release, or for a signed permit" in refused.err
    said = machine.ok(
        *("verify", "old.bin", "--state", "state", "--allow-downgrade", "old.bin.permit.json")
    )
    assert said["sequence"] == 1
    assert machine.run("verify", "old.bin", "--state", "state").code == 16  # the floor stays


def test_a_station_signs_no_permit_without_an_end(machine: Machine) -> None:
    assert release(machine, "old.bin", 1, *PERMIT) != 0
    assert not (machine.folder / "old.bin.permit.json").exists()


def test_a_permit_alone(machine: Machine) -> None:
    assert release(machine, "old.bin", 1, "--scheme", "permit", "--expires", "2036-01-31") == 0
    assert (machine.folder / "item-1.permit.json").exists()
