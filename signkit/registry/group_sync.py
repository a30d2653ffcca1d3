"""One sync of a file for all who wrote to it meanwhile.

A commit to SQLite in WAL mode is durable once the log is synced, and that takes longer than all the
rest of it. With synchronous=FULL SQLite syncs within each transaction, so writers wait in line for
the disk. Here the commit is made without (synchronous=NORMAL), and whoever wrote waits, after the
transaction, for a sync that began later: while one is under way others commit, and the next sync is
for all of them. SQLite itself syncs log and database round its checkpoints, as it does anyway.

What a transaction reads may be committed and not yet synced. What it writes on top of that is in
the same log behind it, so it is never durable without it; who only reads may be told of something
that a power cut in that very moment takes back, and nobody was told that it was kept.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path


class GroupSync:
    """Syncs one file, once for several writers.

    Args:
        path: The file; it need not be there before the first write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = threading.Lock()
        self._turn = threading.Lock()
        self._written = 0
        self._synced = 0

    def note(self) -> int:
        """Say that something was written; returns what `wait` takes."""
        with self._count:
            self._written += 1
            return self._written

    def wait(self, ticket: int) -> None:
        """Wait until what was written before the ticket was given is durable.

        Raises:
            OSError: the disk failed; nothing is known of what was written.
        """
        with self._turn:
            if self._synced >= ticket:
                return
            with self._count:
                written = self._written
            self._sync()
            self._synced = written

    def _sync(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # the last connection is closed: it put the log into the database, synced
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
