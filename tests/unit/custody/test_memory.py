"""What a process does so that a key in its memory stays there."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.custody import memory
from signkit.custody.memory import protect_process, wipe

ROOT = Path(__file__).resolve().parents[3]
REFUSE_CORE = memory._refuse_core  # the suite's own conftest keeps this process from it


def test_wipes_what_it_is_given() -> None:
    mutable, fixed = bytearray(b"secret"), os.urandom(32)
    same = fixed
    shared = bytes([0x61])  # the interpreter keeps one of each byte
    wipe(mutable, fixed, b"", shared)
    assert mutable == bytes(6)
    assert same == bytes(32)
    assert shared.decode() == "a"


# In a process of its own: what is given up is given up for its whole life.
PROTECT = """
from signkit.custody.memory import protect_process
first = protect_process()
assert first.no_core
assert protect_process() == first
print(first.private, first.locked)
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=allow_core,
    )


def allow_core() -> None:
    """Let a process write a core of any size, as a machine of developers does."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def test_a_protected_process_leaves_no_core(tmp_path: Path) -> None:
    done = run(PROTECT + "import os; os.abort()", tmp_path)
    assert done.returncode == -6, done.stderr
    assert list(tmp_path.iterdir()) == []
    if sys.platform.startswith("linux"):
        assert done.stdout.startswith("True ")


def test_what_the_system_does_not_offer_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise ValueError

    monkeypatch.setattr(memory, "_refuse_core", REFUSE_CORE)
    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "plan9")
    found = protect_process()
    assert (found.no_core, found.private, found.locked) == (False, False, False)


def test_an_unknown_function_is_no_error() -> None:
    assert not memory._call("no_such_function_of_any_library")
