"""Backups of a registry, by the real command; and data folders of releases that came before."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.support.commands import Machine, Ran

RECORDS = Path(__file__).parents[1] / "vectors" / "registry-records"
# TEST ONLY: of the registry whose records lie there, and of no other.
FIRST_TOKEN = "skr_ef2e201fa6cbb9f1e697c585d8be418723136d6fc168a140c09cd47e6c319581"


def registry_command(folder: Path, *arguments: object) -> Ran:
    """Run `signkit registry ARGUMENTS`."""
    return Machine(folder).run("registry", *arguments)


def killed_at(call: str, number: int, *arguments: object) -> bool:
    """Run `signkit registry ARGUMENTS`, and have the kernel kill it at its so manieth call.

    Args:
        call: A system call, as strace names it.
        number: From 1.
        arguments: Of the command.

    Returns:
        Whether it was killed; if not, it came to its end before.
    """
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    command = (sys.executable, "-m", "signkit.cli", "registry", *map(str, arguments))
    done = subprocess.run(
        ["strace", "-f", "-q", "-o", "/dev/null", *inject, *command],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in {0, -9, 137}, done.stderr
    return done.returncode != 0


def lay_first_release(data: Path) -> None:
    """Make the data folder that the first release left."""
    data.mkdir(mode=0o700)
    shutil.copytree(RECORDS / "0001-content", data / "content")
    with closing(sqlite3.connect(data / "registry.sqlite3")) as records:
        records.executescript((RECORDS / "0001.sql").read_text())
        records.execute("PRAGMA journal_mode=WAL").close()


def change_records(path: Path, statement: str, *values: object) -> None:
    """Change records behind the registry's back."""
    with closing(sqlite3.connect(path)) as records, records:
        assert records.execute(statement, values).rowcount, statement
