"""Attacker: reaches the file in which a device remembers. It is never taken for empty: exit 20."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys

import pytest

from signkit.device.state import StateFile, encode_state, load_state, parse_state
from signkit.errors import StateRefusedError
from signkit.verify.value import Value
from tests.support.device import NOW, Device
from tests.support.documents import CONTENT
from tests.support.verifier import ROOT


def damaged(data: bytes) -> dict[str, bytes]:
    chance = random.Random(1)
    return {
        "empty": b"",
        "NULs": bytes(len(data)),
        "half": data[: len(data) // 2],
        "random": chance.randbytes(len(data)),
        "one byte short": data[:-1],
        "one byte more": data + b"\n",
        "twice": data + data,
        "an empty object": b"{}",
        "null": b"null",
        "no floors": data.replace(b'"floors":[', b'"floors":[],"old":['),
        "floor lowered": data.replace(b'"sequence":7', b'"sequence":1'),
        "floor of 2^63": data.replace(b'"sequence":7', b'"sequence":9223372036854775808'),
        "revision raised": data.replace(b'"revision":2', b'"revision":9'),
        "newest removed": data.replace(b'"newest":"2026', b'"newest":"1970'),
        "another format": data.replace(b"signkit.state.v1", b"signkit.state.v2"),
        "a trust root instead": b"",
    }


@pytest.fixture
def used(device: Device) -> Device:
    """A device that has accepted sequence 7."""
    assert device.offer(device.release(7)) == 0
    return device


@pytest.mark.parametrize("case", damaged(b""))
def test_a_state_that_was_replaced(used: Device, case: str) -> None:
    """F08, F36, F78: every way in which it can be damaged, and every command that reads it."""
    data = damaged((used.folder / "state").read_bytes())[case]
    used.write("state", data or (used.folder / "1.root.json").read_bytes() * (case[0] == "a"))
    used.root(2)
    for arguments in (["model.bin"], ["model.bin", "--keep-floor"], ["2.root.json", "--update"]):
        assert used.offer(*arguments, "--json") == 20, used.err
        assert (used.error["code"], used.out) == ("state-refused", "")
    assert used.offer("1.root.json", "--init") == 20  # nothing is made anew over it
    assert not (used.folder / ".state.tmp").exists()


def test_a_state_that_cannot_be_believed(used: Device) -> None:
    """F77: missing, a folder, a link, a device, writable by others, unreadable, too large."""
    state, kept = used.folder / "state", used.folder / "kept"
    state.rename(kept)

    def refused(why: str) -> None:
        for arguments in (["model.bin"], ["model.bin", "--keep-floor"]):
            assert used.offer(*arguments) == 20
            assert why in used.err
        assert (used.folder / "model.bin").read_bytes() == CONTENT

    refused("No such file")
    state.mkdir()
    refused("not a regular file")
    state.rmdir()
    state.symlink_to(kept)
    refused("symbolic links")
    state.unlink()
    os.mkfifo(state)
    refused("not a regular file")
    state.unlink()
    with state.open("wb") as file:
        file.truncate(1 << 40)
    refused("too large")
    shutil.copy(kept, state)
    for mode in (0o666, 0o602, 0o664):
        state.chmod(mode)
        refused("can be written by others than its owner")
    state.chmod(0o000)
    if os.geteuid():
        refused("Permission denied")
    state.chmod(0o600)
    assert used.offer("model.bin") == 0
    assert used.offer("model.bin", state="no/such/folder/state") == 20
    assert used.offer("model.bin", state="model.bin/state") == 20
    assert used.offer("model.bin", state="") == 20
    assert used.offer("model.bin", state="nul\0byte") == 20


def test_every_byte_of_a_state(used: Device) -> None:
    """Move: flips a bit anywhere in it."""
    data = (used.folder / "state").read_bytes()
    for place in range(len(data)):
        flipped = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        used.write("state", flipped)
        with pytest.raises(StateRefusedError):
            load_state("state")
    used.write("state", data)
    assert load_state("state").floors == {("ML-Model", "aarch64-unknown-linux"): 7}


def test_an_older_copy(used: Device) -> None:
    """Move: puts back the state of yesterday. A counter in hardware tells; without one nothing can."""
    old = (used.folder / "state").read_bytes()
    assert used.offer(used.release(8)) == 0
    assert used.out.endswith("revision  3\n")
    used.write("state", old)
    used.release(7)
    for arguments in (["model.bin"], ["model.bin", "--keep-floor"]):
        assert used.offer(*arguments, "--least-revision", "3") == 20
        assert "older copy: expected revision 3 or more, got 2" in used.err
    assert used.offer("model.bin", "--least-revision", "2") == 0  # the documented limit


def test_provisioned_once(used: Device) -> None:
    """Move: provisions the device again, with a root of his own."""
    before = (used.folder / "state").read_bytes()
    assert used.offer("1.root.json", "--init") == 20
    assert (used.folder / "state").read_bytes() == before
    (used.folder / "dangling").symlink_to("elsewhere")
    assert used.offer("1.root.json", "--init", state="dangling") == 20
    assert not (used.folder / "elsewhere").exists()


def test_provisioned_with_what_is_no_root(device: Device) -> None:
    past = {"issued": "2026-01-02T00:00:00Z", "expires": "2026-01-03T00:00:00Z"}
    for name, code in (
        (device.write("empty", b""), 14),
        (device.release(), 14),
        (device.root(1, **past), 15),
        ("none", 8),
    ):
        assert device.offer(name, "--init", state="other") == code
        assert not (device.folder / "other").exists()


def test_what_was_left_behind_is_in_nobodys_way(used: Device) -> None:
    """Move: plants a link where the temporary file goes."""
    target = used.folder / "victim"
    target.write_bytes(b"x")
    (used.folder / ".state.tmp").symlink_to(target)
    assert used.offer(used.release(8)) == 0
    assert target.read_bytes() == b"x"
    assert used.state.floors == {("ML-Model", "aarch64-unknown-linux"): 8}


def test_its_permissions_stay(used: Device) -> None:
    assert (used.folder / "state").stat().st_mode & 0o777 == 0o644
    (used.folder / "state").chmod(0o600)
    assert used.offer(used.release(8)) == 0
    assert (used.folder / "state").stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_where_nothing_rises(used: Device) -> None:
    before = (used.folder / "state").stat().st_ino
    assert used.offer("model.bin") == 0
    assert (used.folder / "state").stat().st_ino == before


@pytest.mark.parametrize("change", ["revision", "trust", "newest", "floors", "fewer floors"])
def test_a_state_only_rises(used: Device, change: str) -> None:
    """A defect of an agent that uses the library cannot lower what is remembered."""
    with StateFile("state") as file:
        held = file.held
        lowered: dict[str, dict[str, object]] = {
            "revision": {"revision": held.revision},
            "trust": {"trust": type(held.trust)(**{**vars(held.trust), "version": 0})},
            "newest": {"newest": "2026-01-01T00:00:00Z"},
            "floors": {"floors": {("ML-Model", "aarch64-unknown-linux"): 6}},
            "fewer floors": {"floors": {}},
        }
        fields = {**vars(held), "revision": held.revision + 1, **lowered[change]}
        with pytest.raises(ValueError, match="only ever rises"):
            file.save(type(held)(**fields))
    assert used.state == held


def test_written_and_read_again(used: Device) -> None:
    data = (used.folder / "state").read_bytes()
    held: Value = parse_state(data)
    assert encode_state(parse_state(data)) == data
    assert held == load_state("state")


def test_one_writer_at_a_time(used: Device) -> None:
    """Two agents at once: the second waits, and sees what the first has written."""
    command = [
        *(sys.executable, "-m", "signkit.verify", used.release(8)),
        *("--state", "state", "--now", NOW),
    ]
    with StateFile("state") as file:
        running = subprocess.Popen(
            command,
            cwd=used.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(1)
        raised = {
            **vars(file.held),
            "revision": 3,
            "floors": {("ML-Model", "aarch64-unknown-linux"): 9},
        }
        file.save(type(file.held)(**raised))
    _out, err = running.communicate(timeout=60)
    assert running.returncode == 16
    assert b"expected sequence 9 or more, got 8" in err


def test_a_state_that_cannot_be_written(used: Device) -> None:
    """No verdict without its floor: not even the copy is there."""
    (used.folder / ".state.tmp").mkdir()
    assert used.offer(used.release(8), "--output", "copy") == 8
    assert "state cannot be written" in used.err
    assert not [path for path in used.folder.iterdir() if "copy" in path.name]
    assert used.offer("model.bin", "--output", "copy", "--keep-floor") == 0
