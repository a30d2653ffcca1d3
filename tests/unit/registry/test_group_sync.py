from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from signkit.registry.database import Database, migrate
from signkit.registry.group_sync import GroupSync
from signkit.registry.tables import Organization

WRITER = """
import sys
from pathlib import Path
from signkit.registry.database import Database
from signkit.registry.tables import Organization

database = Database(Path(sys.argv[1]))
for number in range(3):
    with database.write() as session:
        session.add(Organization(name=f"n{number}"))
    Path(sys.argv[1] + f".acknowledged{number}").touch()
"""


@pytest.fixture
def syncs(monkeypatch):
    """Every sync, which takes a moment; the real one is made too."""
    happened: list[int] = []
    real = os.fdatasync

    def slow(descriptor):
        time.sleep(0.02)
        real(descriptor)
        happened.append(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    return happened


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "registry.sqlite3")
    migrate(made)
    yield made
    made.close()


def add(database, name):
    with database.write() as session:
        session.add(Organization(name=name))


def test_who_wrote_waits_for_a_sync(database, syncs):
    add(database, "one")
    assert len(syncs) == 1
    add(database, "two")
    assert len(syncs) == 2


def test_one_sync_is_for_all_who_wrote_before_it(database, syncs):
    threads = [threading.Thread(target=add, args=(database, f"n{n}")) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM organizations")) == 40
    assert len(syncs) < 40


def test_a_sync_that_began_before_is_not_enough(tmp_path, monkeypatch):
    """What is written while a sync runs may be behind it, and waits for the next one."""
    path = tmp_path / "log"
    path.write_bytes(b"")
    group, running, go_on = GroupSync(path), threading.Event(), threading.Event()
    count = []

    def sync(_descriptor):
        count.append(1)
        running.set()
        assert go_on.wait(10)

    monkeypatch.setattr(os, "fdatasync", sync)
    first = threading.Thread(target=group.wait, args=(group.note(),))
    first.start()
    assert running.wait(10)
    later = [threading.Thread(target=group.wait, args=(group.note(),)) for _ in range(3)]
    for thread in later:
        thread.start()
    go_on.set()
    for thread in (first, *later):
        thread.join()
    assert len(count) == 2


def test_what_is_undone_needs_no_sync(database, syncs):
    with pytest.raises(LookupError), database.write():
        raise LookupError
    assert syncs == []


def test_a_disk_that_fails_is_told_to_who_wrote(database, monkeypatch):
    def fail(_descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(OperationalError, match="Input/output"):
        add(database, "one")


def test_a_log_that_is_gone_was_put_away(tmp_path):
    group = GroupSync(tmp_path / "log")
    group.wait(group.note())
    assert not (tmp_path / "log").exists()


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_the_log_is_synced_before_anybody_hears_of_it(database, tmp_path):
    """Seen from outside: between the last write to the log and the word of it there is a sync."""
    trace = tmp_path / "trace"
    options = ["-f", "-y", "-q", "-o", trace, "-e", "trace=pwrite64,fdatasync,fsync,openat"]
    command = [sys.executable, "-c", WRITER, str(tmp_path / "registry.sqlite3")]
    subprocess.run(["strace", *options, *command], check=True, timeout=120)
    seen = []
    for line in trace.read_text().splitlines():
        if "pwrite64" in line and "sqlite3-wal>" in line:
            seen.append("write")
        if "sync(" in line and "sqlite3-wal>" in line:
            seen.append("sync")
        if ".acknowledged" in line:
            seen.append("word")
    places = [place for place, what in enumerate(seen) if what == "word"]
    assert len(places) == 3
    for place in places:
        assert seen[place - 1] == "sync", seen
