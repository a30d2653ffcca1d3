"""The database: one door to it, with reading and writing kept apart.

SQLite in WAL mode with synchronous=FULL: what `write` returned from survives a crash of the
machine. Writers take turns here instead of in SQLite's busy loop. Nothing outside this module
knows which database it is.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from signkit.errors import RegistryError

_BUSY_MILLISECONDS = 15_000
_POOL_SIZE = 16
_POOL_OVERFLOW = 48
_WRITES = "signkit_writes"


class Database:
    """Sessions on the registry's records.

    Args:
        path: The SQLite file; made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(
            URL.create("sqlite", database=str(path)),
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
        )
        self._writing = self._engine.execution_options(**{_WRITES: True})
        self._turn = threading.Lock()
        event.listen(self._engine, "connect", _set_up)
        event.listen(self._engine, "begin", _begin)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and their tests."""
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open one consistent view of the records."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction: committed when the block ends, undone when it raises."""
        with (
            self._turn,
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions by itself: `_begin` says which kind it is.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    # SQLite's own lower() knows ASCII only.
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: str | None) -> str | None:
    return None if value is None else str(value).lower()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail where another wrote in between.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def migrate(database: Database) -> None:
    """Bring the tables to what this signkit expects; forward only.

    Raises:
        RegistryError: the database was written by a newer signkit, or is not a database.
    """
    config = Config()
    config.set_main_option("script_location", "signkit.registry:migrations")
    scripts = ScriptDirectory.from_config(config)
    try:
        with database.engine.execution_options(**{_WRITES: True}).begin() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            if current == scripts.get_current_head():
                return
            known = {step.revision for step in scripts.walk_revisions()}
            if current is not None and current not in known:
                message = f"the database is at step {current}, which this signkit does not know"
                raise RegistryError(message, hint="use the signkit that wrote it, or a newer one")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        message = f"the database cannot be used: {error.orig}"
        raise RegistryError(message, hint="restore it from a backup") from error
