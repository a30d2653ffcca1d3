"""The footing that many processes share: PostgreSQL, and a bucket of any store that speaks S3."""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import Connection, event, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from signkit.errors import RegistryError
from signkit.registry.audit import record_changes
from signkit.registry.context import Parts
from signkit.registry.database import Database, migrate
from signkit.registry.footing_file import FootingFile, load_footing_file
from signkit.registry.job_queue import QueuedJobs, make_tables
from signkit.registry.organizations import ensure_organization
from signkit.registry.s3_store import S3Store
from signkit.registry.settings import Settings
from signkit.registry.shared_tables import Secret

_SECRET_NAME = "cursors"  # noqa: S105  (its name)
_SECRET_SIZE = 32


def open_shared(settings: Settings) -> Parts:
    """Open what the application is made of.

    Raises:
        RegistryError, MalformedError: it cannot be used.
    """
    footing = load_footing_file(settings.data)
    store = S3Store(footing.bucket)
    database, secret = open_shared_database(footing)
    return Parts(
        settings=settings,
        secret=secret,
        database=database,
        store=store,
        jobs=QueuedJobs(footing.database, database),
        receiver=None,
    )


def open_shared_records(path: Path) -> Database:
    """Open the records that a footing file names, made or brought up to date.

    Raises:
        RegistryError, MalformedError: they cannot be used.
    """
    return open_shared_database(load_footing_file(path))[0]


def open_shared_database(footing: FootingFile) -> tuple[Database, bytes]:
    """Open the records, made or brought up to date, and the secret that their servers share.

    Raises:
        RegistryError: they cannot be used.
    """
    database = Database(footing.database)
    database.watch(record_changes)
    try:
        migrate(database)
        with database.set_up() as connection:
            make_tables(connection)
            secret = _fill(connection)
    except DatabaseError as error:
        database.close()
        reason = str(error.orig).partition("\n")[0]
        message = f"the database cannot be used: {reason}"
        raise RegistryError(message, hint="signkit registry doctor says more") from error
    return database, secret


def _fill(connection: Connection) -> bytes:
    with Session(connection, join_transaction_mode="rollback_only") as session:
        event.listen(session, "after_flush", record_changes)
        ensure_organization(session)
        query = select(Secret.value).where(Secret.name == _SECRET_NAME)
        value = session.scalar(query)
        if value is None:
            value = secrets.token_hex(_SECRET_SIZE)
            session.add(Secret(name=_SECRET_NAME, value=value))
        session.commit()
    return bytes.fromhex(value)
