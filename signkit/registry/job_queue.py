"""The queue of jobs that servers ask for and workers do, in PostgreSQL (Procrastinate).

A job is asked for after the record that calls for it was committed. One that is lost in between,
or with the worker that had it, is asked for again by the workers (`worker`): the records say what
is to be done, the queue only who does it when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from fastapi.concurrency import run_in_threadpool
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, select, text
from sqlalchemy.engine import URL

from signkit.registry.database import Database
from signkit.registry.states import BinaryState
from signkit.registry.tables import Binary, BinaryPart

HASH = "signkit.hash"
QUEUE = "signkit"
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.25
_CONNECTIONS = 4
_CONNECT_SECONDS = 10.0
_log = logging.getLogger(__name__)


def conninfo(url: URL) -> str:
    """Return the address of a database as libpq reads it; holds the password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def is_made(connection: Connection) -> bool:
    """Say whether the database has the queue's tables."""
    query = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
    return bool(connection.scalar(query))


def make_tables(connection: Connection) -> None:
    """Make the queue's tables where they are not there."""
    if not is_made(connection):
        # Many statements at once, which only the driver itself takes.
        driver = connection.connection.driver_connection
        if driver is not None:
            driver.execute(SchemaManager.get_schema())


def lock_name(row: int) -> str:
    """Return the name under which at most one job for a binary waits."""
    return f"{HASH}:{row}"


class QueuedJobs:
    """Hashing jobs, asked for here and done by workers.

    Args:
        url: The database.
        database: The same, as sessions.
    """

    def __init__(self, url: URL, database: Database) -> None:
        connector = SyncPsycopgConnector(
            conninfo=conninfo(url),
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
        )
        self._app = App(connector=connector)
        self._database = database

    def start(self) -> None:
        """Open the queue."""
        self._app.open()

    def follow(self, binary: int) -> None:
        """Do nothing: content is hashed once it is whole."""

    async def keep_pace(self, binary: int) -> None:
        """Do nothing: parts do not pass through here."""

    def forget(self, binary: int) -> None:
        """Do nothing: a job looks at what is on record."""

    def hash_small(self, binary: Binary, parts: Sequence[BinaryPart]) -> None:
        """Return nothing: workers hash, whatever the size."""

    async def settle(self, binary: int, *, seconds: float) -> None:
        """Ask for the verdict, and look for it for a while."""
        until = time.monotonic() + seconds
        await run_in_threadpool(self._ask, binary)
        pause = _FIRST_PAUSE_SECONDS
        while await run_in_threadpool(self._is_hashing, binary) and time.monotonic() < until:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def close(self) -> None:
        """Close the queue; the jobs stay in it."""
        self._app.close()

    def _ask(self, row: int) -> None:
        job = self._app.configure_task(HASH, queue=QUEUE, queueing_lock=lock_name(row))
        try:
            job.defer(row=row)
        except AlreadyEnqueued:
            return
        except ConnectorException as error:
            # The record says that the content is to be hashed, so the workers will find it.
            _log.warning("a job could not be asked for: %s", error)

    def _is_hashing(self, row: int) -> bool:
        with self._database.read() as session:
            state = session.scalar(select(Binary.state).where(Binary.row == row))
        return state == BinaryState.HASHING
