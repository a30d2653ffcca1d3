"""The power fails at any instant of a key's life: the register is whole, and the command ends when
it is run again.

The kernel kills the process at the N-th call that writes, makes something durable or gives it its
name, for every N, in a home that is a copy of the same one each time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.custody.life import Life
from signkit.custody.register import read_register
from signkit.custody.store import KeyStore
from tests.support.commands import Machine

ROOT = Path(__file__).resolve().parents[2]
MAIN = """
import sys
from signkit.cli.start import main
from tests.support.cheap import make_passphrases_cheap
make_passphrases_cheap()
sys.exit(main())
"""
KILLED = {-9, 137}
NAMES = "link,linkat,rename,renameat,renameat2,unlink,unlinkat"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A home with one key that is registered, and one that is not."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.new_key("old")
    for name in ("custody-register.jsonl", "custody-register.head.json"):
        (machine.home / name).unlink()
    machine.new_key("prod")
    return machine


def run(machine: Machine, home: Path, *arguments: str, trace: tuple[str, ...] = ()) -> int:
    done = subprocess.run(
        [*trace, sys.executable, "-c", MAIN, *arguments],
        cwd=machine.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SIGNKIT_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # so that what is printed is no write that matters
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode


def life(home: Path, name: str) -> Life | None:
    """What the register says of a key; reading it finds whatever is not whole."""
    key = KeyStore(home / "keys").get(name).public_key
    assert key is not None
    return read_register(home).lives.get(key.keyid)


def state(home: Path, name: str) -> str | None:
    found = life(home, name)
    return None if found is None else str(found.state)


def adopted(home: Path, again: int) -> None:
    found = life(home, "old")
    assert found is not None
    assert [str(each.state) for each in found.history] == ["active", "suspended"]
    assert again in {0, 5}  # 5: it was written before it was killed


def destroyed(home: Path, again: int) -> None:
    assert (again, state(home, "prod")) in {(0, "destroyed"), (5, "destroyed")}
    assert not (home / "keys" / "prod.pem").exists()


def compromised(home: Path, again: int) -> None:
    assert (again, state(home, "prod")) == (0, "compromised")


def rotated(home: Path, again: int) -> None:
    successor, found = life(home, "prod-2"), life(home, "prod")
    assert again in {0, 5}  # 5: there is a successor already
    assert successor is not None
    assert found is not None
    assert (str(successor.state), successor.key.predecessor) == ("pre-active", found.keyid)


KEYID = "--yes-to-keyid-of-prod"
COMMANDS: dict[str, tuple[tuple[str, ...], Callable[[Path, int], None]]] = {
    "set-state": (("keys", "set-state", "old", "suspended", "--reason", "x"), adopted),
    "destroy": (("keys", "destroy", "prod", "--reason", "x", "--yes-to", KEYID), destroyed),
    "compromise": (("keys", "compromise", "prod", "--reason", "x"), compromised),
    "rotate": (("keys", "rotate", "prod", "--passphrase-file", "pw"), rotated),
}


@pytest.mark.slow
@pytest.mark.parametrize("calls", ["fsync", NAMES, "write,pwrite64,ftruncate"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_every_step(machine: Machine, command: str, calls: str) -> None:
    said, check = COMMANDS[command]
    found = life(machine.home, "prod")
    assert found is not None
    arguments = [found.keyid if word == KEYID else word for word in said]
    for number in range(1, 60):
        home = machine.folder / f"{command}-{len(calls)}-{number}"
        shutil.copytree(machine.home, home)
        inject = f"inject={calls}:signal=KILL:when={number}"
        trace = ("strace", "-f", "-q", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)
        killed = run(machine, home, *arguments, trace=trace)
        if killed == 0:
            break
        if number == 1 and killed not in KILLED:
            pytest.skip("strace cannot inject here")
        assert killed in KILLED
        read_register(home)
        if command == "rotate" and _half_a_pair(home):
            continue  # as with `keys new`: the private file is there, and is never overwritten
        check(home, run(machine, home, *arguments))
        shutil.rmtree(home)
    else:
        pytest.fail("it never came to an end")
    assert number > 2


def _half_a_pair(home: Path) -> bool:
    keys = home / "keys"
    return (keys / "prod-2.pem").exists() and not (keys / "prod-2.pub.pem").exists()
