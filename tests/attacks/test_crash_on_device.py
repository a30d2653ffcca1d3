"""The power fails at any instant of a verdict: the state is the old or the new one, a copy is whole.

The kernel kills the process at the N-th call that makes something durable or gives it its name, for
every N.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.device.state import load_state
from tests.support.device import NOW, Device
from tests.support.verifier import ROOT

OLD = {("ML-Model", "aarch64-unknown-linux"): 1}
NEW = {("ML-Model", "aarch64-unknown-linux"): 2, ("ML-Model", "aarch64-b"): 5}
CALLS = ("write", "fsync", "mkdir,link,linkat,rename,renameat,renameat2,unlink,rmdir")


@pytest.fixture
def used(device: Device) -> Device:
    """A device that has accepted sequence 1 and is offered two releases."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    assert device.offer(device.release(1)) == 0
    device.release(2)
    device.release(5, "b.bin", b"b", target="aarch64-b")
    return device


def verify(folder: Path, *trace: str) -> subprocess.CompletedProcess[str]:
    options = ["--state", "state", "--now", NOW, "--output", "out"]
    return subprocess.run(
        [*trace, sys.executable, "-m", "signkit.verify", "model.bin", "b.bin", *options],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("calls", CALLS)
def test_killed_at_every_durable_step(used: Device, calls: str) -> None:
    folder, before = used.folder, (used.folder / "state").read_bytes()
    out, killed_count = folder / "out", 0
    options = ["-f", "-q", "-o", "/dev/null", "-e", f"trace={calls}"]
    for number in range(1, 60):
        inject = ["-e", f"inject={calls}:signal=KILL:when={number}"]
        done = verify(folder, "strace", *options, *inject)
        if done.returncode == 0:
            break
        if number == 1 and done.returncode not in {-9, 137}:
            pytest.skip(f"strace cannot inject here: {done.stderr.strip()[-200:]}")
        assert done.returncode in {-9, 137}, done.stderr
        killed_count += 1
        assert load_state(str(folder / "state")).floors in (OLD, NEW)
        if out.exists():  # all of it, and only after the floor was raised
            assert load_state(str(folder / "state")).floors == NEW
            assert sorted(path.name for path in out.iterdir()) == ["b.bin", "model.bin"]
            shutil.rmtree(out)
        again = verify(folder)
        assert again.returncode == 0, again.stderr
        assert load_state(str(folder / "state")).floors == NEW
        shutil.rmtree(out)
        for left in folder.glob(".out.*"):
            shutil.rmtree(left)
        (folder / "state").write_bytes(before)
    else:
        pytest.fail("it never came to an end")
    assert killed_count > 1
