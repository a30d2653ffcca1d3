"""The database: one door to it, with reading and writing kept apart.

SQLite in WAL mode with synchronous=FULL, or PostgreSQL: what `write` returned from survives a
crash of the machine. SQLite's writers take turns here instead of in its busy loop; PostgreSQL's
hold the rows that they are about to change (`hold`). Nothing outside this module knows which
database it is.

Controls: SK-REGISTRY-ONCE (docs/design/assurance.md).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    GenerativeSelect,
    Integer,
    bindparam,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from signkit.errors import RegistryError
from signkit.registry.tables import Base, Organization

_Query = TypeVar("_Query", bound=GenerativeSelect)

_BUSY_MILLISECONDS = 15_000
_CONNECT_SECONDS = 10
_BRIEF_SECONDS = 0.005
_STEPS_BETWEEN_QUESTIONS = 10_000  # of SQLite's machine: about a tenth of a millisecond
_IDLE_MILLISECONDS = 60_000
_POOL_SIZE = 16
_POOL_OVERFLOW = 48
_WRITES = "signkit_writes"
_SETUP_LOCK = 0x73_69_67_6E  # "sign", as any number that others will not choose
_UNIQUE = "UNIQUE constraint failed: "


class TookLongError(Exception):
    """What was to be read takes longer than a moment."""


class Database:
    """Sessions on the registry's records.

    Args:
        where: The SQLite file, made when it is not there; or the URL of a PostgreSQL database.

    Attributes:
        is_local: Whether a small read takes less than handing it to another thread would, and
            never waits: SQLite's readers in WAL mode wait for nobody.
    """

    def __init__(self, where: Path | URL) -> None:
        self.is_local = isinstance(where, Path)
        self._reading: Engine
        self._writing: Engine
        if isinstance(where, Path):
            self._engine = _sqlite(where)
            self._reading = self._engine
            self._writing = self._engine.execution_options(**{_WRITES: True})
            self._turn: threading.Lock | nullcontext[None] = threading.Lock()
        else:
            self._engine = self._writing = _postgresql(where)
            self._reading = self._engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._turn = nullcontext()
        self._read = sessionmaker(self._reading, expire_on_commit=False)
        self._write = sessionmaker(self._writing, expire_on_commit=False, info={_WRITES: True})

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and their tests."""
        return self._engine

    @contextmanager
    def read(self, *, brief: bool = False) -> Iterator[Session]:
        """Open one consistent view of the records.

        Args:
            brief: Whether to give up after some milliseconds; where `is_local` alone.

        Raises:
            TookLongError: it was to be brief, and was not.
        """
        with self._read() as session:
            if not brief:
                yield session
                return
            with _brief(session):
                yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction: committed and durable when the block ends, undone when it raises.

        Raises:
            OperationalError: the database or its disk failed.
        """
        with self._turn, self._write.begin() as session:
            yield session

    def watch(self, watcher: Callable[[Session, object], None]) -> None:
        """Have every change seen: the watcher is called after each flush, in its transaction."""
        event.listen(self._write, "after_flush", watcher)

    @contextmanager
    def set_up(self) -> Iterator[Connection]:
        """Open a transaction that only one process at a time is in, to make what is not there."""
        with self._turn, self._writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _SETUP_LOCK})
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        hide_parameters=True,  # an error that is logged shows no values
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin transactions by itself: `_begin` says which kind it is.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    # SQLite's own knows ASCII only.
    connection.create_function("lower", 1, _lower, deterministic=True)


@contextmanager
def _brief(session: Session) -> Iterator[None]:
    """Have SQLite ask now and then, while it runs a statement, whether to go on."""
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, sqlite3.Connection):
        raise TypeError(type(connection))
    until = time.perf_counter() + _BRIEF_SECONDS
    connection.set_progress_handler(lambda: time.perf_counter() > until, _STEPS_BETWEEN_QUESTIONS)
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise TookLongError from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _lower(value: str | None) -> str | None:
    return None if value is None else str(value).lower()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail where another wrote in between.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: URL) -> Engine:
    options = (
        f"-c lock_timeout={_BUSY_MILLISECONDS}"
        f" -c idle_in_transaction_session_timeout={_IDLE_MILLISECONDS}"
        " -c synchronous_commit=on"
    )
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        hide_parameters=True,
        # A connection that the server closed meanwhile is replaced instead of failing a request.
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_SECONDS, "options": options},
    )


class Position(FunctionElement[int]):
    """Where a text first holds another, from 1; 0 where it does not."""

    type = Integer()
    inherit_cache = True


@compiles(Position)
def _compile_position(position: Position, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    name = "instr" if compiler.dialect.name == "sqlite" else "strpos"
    return f"{name}({compiler.process(position.clauses, **options)})"


def hold(session: Session, query: _Query, *tables: type[Base]) -> _Query:
    """Have a query hold the rows of those tables until the end of a writing transaction.

    In a reading session the query stays as it is. SQLite has one writer at a time anyway.
    """
    holds = session.info.get(_WRITES) and not _takes_turns(session)
    return query.with_for_update(of=tables) if holds else query


def wait_for_turn(session: Session, organization: int) -> None:
    """Have the writers of one organization take turns, until the end of a transaction.

    SQLite has one writer at a time anyway. The lock leaves room for those of foreign keys: each
    insert holds one already, and two that waited for one another's would never end.
    """
    if not _takes_turns(session):
        session.connection().execute(_TURN, {"organization": organization})


def _takes_turns(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


_TURN = (
    select(Organization.row)
    .where(Organization.row == bindparam("organization", type_=BigInteger))
    .with_for_update(key_share=True)
)


def taken_columns(error: IntegrityError) -> frozenset[str]:
    """Return the columns, as table.name, whose uniqueness was violated; empty where it was not."""
    if isinstance(error.orig, sqlite3.IntegrityError):
        _, found, names = str(error.orig).partition(_UNIQUE)
        return frozenset(names.split(", ")) if found else frozenset()
    # Loaded already where such an error comes from.
    from psycopg.errors import UniqueViolation

    if not isinstance(error.orig, UniqueViolation):
        return frozenset()
    # "Key (artifact_row, version)=(1, 1.0.0) already exists."
    detail = error.orig.diag.message_detail or ""
    columns = detail.partition("(")[2].partition(")=(")[0].split(", ")
    return frozenset(f"{error.orig.diag.table_name}.{name}" for name in columns)


def is_full(error: SQLAlchemyError) -> bool:
    """Say whether the database refused for want of room."""
    words = str(error)
    return "disk is full" in words or "No space left on device" in words


def find_steps(connection: Connection) -> tuple[str | None, str | None]:
    """Return the step that the schema is at, and the one that this signkit expects.

    Raises:
        RegistryError: the database is at a step that this signkit does not know.
    """
    scripts = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(connection).get_current_revision()
    known = {step.revision for step in scripts.walk_revisions()}
    if current is not None and current not in known:
        message = f"the database is at step {current}, which this signkit does not know"
        raise RegistryError(message, hint="use the signkit that wrote it, or a newer one")
    return current, scripts.get_current_head()


def migrate(database: Database) -> None:
    """Bring the tables to what this signkit expects; forward only.

    Raises:
        RegistryError: the database was written by a newer signkit, is not a database, or cannot be
            reached.
    """
    try:
        with database.set_up() as connection:
            bring_up(connection)
    except DatabaseError as error:
        reason = str(error.orig).partition("\n")[0]
        message = f"the database cannot be used: {reason}"
        hint = "signkit registry doctor says more; what is damaged, a backup restores"
        raise RegistryError(message, hint=hint) from error


def bring_up(connection: Connection) -> None:
    """Make the tables, or bring them up to date, in a transaction that `set_up` opened.

    Raises:
        RegistryError: a newer signkit wrote them.
    """
    current, head = find_steps(connection)
    if current != head:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "signkit.registry:migrations")
    return config
