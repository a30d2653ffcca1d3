"""A worker: does the jobs of a registry that many processes share, as many at once as it is told.

Every ten seconds one of the workers asks again for what was lost: jobs of workers that died, and
verdicts that a server put on record and died before it asked for them. Every minute one removes,
from one of 256 shares of the bucket, what no record speaks of, and takes back uploads that nobody
went on with. All of it may be done twice, or end at any place, without harm.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from signkit.registry.clean_up import SHARDS, YOUNG_SECONDS, give_up, sweep
from signkit.registry.database import Database
from signkit.registry.footing_file import load_footing_file
from signkit.registry.job_queue import HASH, QUEUE, conninfo, lock_name
from signkit.registry.log import Log, LogHandler
from signkit.registry.s3_store import S3Store
from signkit.registry.settings import Settings
from signkit.registry.shared import open_shared_database
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentStore
from signkit.registry.tables import Binary
from signkit.registry.verdict import give_verdict

_RETRY = RetryStrategy(
    max_attempts=6, exponential_wait=2, retry_exceptions={OSError, SQLAlchemyError}
)
_POLL_SECONDS = 2.0
_HEARTBEAT_SECONDS = 5.0
_DEAD_SECONDS = 20.0
_GRACE_SECONDS = 20.0
_KEPT_HOURS = 24
_ASKED_AGAIN = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """What a worker that waits for jobs says.

    Attributes:
        data: Its footing file.
        pid: Its process.
    """

    data: str
    pid: int


def work(settings: Settings, *, concurrency: int, announce: Callable[[Working], None]) -> None:
    """Do jobs until SIGTERM or SIGINT.

    Args:
        settings: Where the registry's footing file is.
        concurrency: How many jobs at once.
        announce: Called once the worker waits for jobs.

    Raises:
        RegistryError, MalformedError: the footing cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, handlers=[LogHandler(Log(None))])
    footing = load_footing_file(settings.data)
    store = S3Store(footing.bucket)
    database, _ = open_shared_database(footing)
    app = App(connector=PsycopgConnector(conninfo=conninfo(footing.database), min_size=1))
    _add_hashing(app, database, store)
    _add_upkeep(app, database)
    _add_clean_up(app, database, store, abandon_seconds=settings.abandon_seconds)
    ready = Working(data=str(settings.data), pid=os.getpid())
    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(_run(app, concurrency, lambda: announce(ready)))
    finally:
        database.close()


async def _run(app: App, concurrency: int, announce: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    # The upkeep of the queue must not wait behind hashing.
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 4))
    task = asyncio.current_task(loop)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Here and not by the library, which listens only once it works.
        loop.add_signal_handler(number, _stop, task)
    async with app.open_async():
        announce()
        await app.run_worker_async(
            install_signal_handlers=False,
            queues=[QUEUE],
            concurrency=concurrency,
            delete_jobs="successful",
            fetch_job_polling_interval=_POLL_SECONDS,
            update_heartbeat_interval=_HEARTBEAT_SECONDS,
            stalled_worker_timeout=_DEAD_SECONDS,
            shutdown_graceful_timeout=_GRACE_SECONDS,
        )


def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()


def _add_hashing(app: App, database: Database, store: ContentStore) -> None:
    @app.task(name=HASH, queue=QUEUE, retry=_RETRY, pass_context=True)
    def hash_content(context: JobContext, row: int) -> None:
        give_verdict(database, store, row, is_stopped=context.should_abort)


def _add_upkeep(app: App, database: Database) -> None:
    @app.periodic(cron="* * * * * */10")
    @app.task(name="signkit.ask_again", queue=QUEUE, queueing_lock="signkit.ask_again")
    async def ask_again(timestamp: int) -> None:  # noqa: ARG001  (every periodic task gets one)
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_SECONDS):
            _log.warning("job %s of a worker that died is done again", job.id)
            await app.job_manager.retry_job(job)
        known = set()
        for status in ("todo", "doing"):
            jobs = await app.job_manager.list_jobs_async(task=HASH, status=status)
            known |= {job.task_kwargs["row"] for job in jobs}
        for row in await asyncio.to_thread(_find_hashing, database):
            if row not in known:
                await _ask(app, row)


def _find_hashing(database: Database) -> list[int]:
    query = select(Binary.row).where(Binary.state == BinaryState.HASHING).limit(_ASKED_AGAIN)
    with database.read() as session:
        return list(session.scalars(query))


async def _ask(app: App, row: int) -> None:
    try:
        await app.configure_task(HASH, queue=QUEUE, queueing_lock=lock_name(row)).defer_async(
            row=row
        )
    except AlreadyEnqueued:
        return


def _add_clean_up(
    app: App, database: Database, store: ContentStore, *, abandon_seconds: int
) -> None:
    @app.periodic(cron="* * * * *")
    @app.task(name="signkit.clean_up", queue=QUEUE, queueing_lock="signkit.clean_up")
    def clean_up(timestamp: int) -> None:
        shard = timestamp // 60 % SHARDS
        now = time.time()
        swept = sweep(database, store, shard, before=now - YOUNG_SECONDS)
        taken = give_up(database, store, before=now - abandon_seconds)
        if swept or taken:
            _log.warning("removed %d contents, took back %d uploads", swept, taken)

    @app.periodic(cron="0 * * * *")
    @app.task(name="signkit.forget_jobs", queue=QUEUE, queueing_lock="signkit.forget_jobs")
    async def forget_jobs(timestamp: int) -> None:  # noqa: ARG001
        await app.job_manager.delete_old_jobs(nb_hours=_KEPT_HOURS, include_failed=True)
