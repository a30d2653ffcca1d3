"""One moment of the records, and what they speak of.

Works beside a server that runs: nothing here writes to the records, and no server has to know.

Spec: docs/formats/registry-backup.md section 6.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from signkit.errors import RegistryError
from signkit.registry.database import Database, migrate
from signkit.registry.states import BinaryState, PartState
from signkit.registry.store import ContentKey, PartKey
from signkit.registry.tables import Binary, BinaryPart, Organization

_ROWS_AT_ONCE = 1000
_BESIDE = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A part that was acknowledged.

    Attributes:
        key: Where it is kept.
        size: Its bytes.
    """

    key: PartKey
    size: int


def copy_records(source: Path, target: Path) -> None:
    """Copy one moment of the records, as one file.

    Args:
        source: The SQLite file, whether or not a server writes to it.
        target: A file of that name is replaced.

    Raises:
        RegistryError: it is no database, or cannot be read or copied.
    """
    for suffix in _BESIDE:  # a journal of a copy that was killed would be played into this one
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            # A file by itself: WAL would have a second one beside it.
            copy.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.Error as error:
        message = f"the records {source} cannot be copied: {error}"
        raise RegistryError(message, hint="restore them from a backup") from error


@contextmanager
def moment(source: Path) -> Iterator[Database]:
    """Open one moment of the records, brought up to date where the copy lies, not at its source.

    Raises:
        RegistryError: as `copy_records`, or a newer signkit wrote them.
    """
    with TemporaryDirectory(prefix="signkit-") as folder:
        path = Path(folder) / "registry.sqlite3"
        copy_records(source, path)
        database = Database(path)
        try:
            migrate(database)
            yield database
        finally:
            database.close()


@contextmanager
def reading(path: Path) -> Iterator[Session]:
    """Read records that nobody writes to, and leave their file as it is.

    Raises:
        RegistryError: they cannot be read.
    """
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
    )
    try:
        with Session(engine) as session:
            yield session
    except DatabaseError as error:
        message = f"the records {path} cannot be read: {error.orig}"
        raise RegistryError(message, hint="restore them from a backup") from error


def schema_step(path: Path) -> str:
    """Return the step of the schema that records are at.

    Raises:
        RegistryError: they are not those of a registry.
    """
    try:
        with closing(sqlite3.connect(path)) as records:
            ((step,),) = records.execute("SELECT version_num FROM alembic_version").fetchall()
    except (sqlite3.Error, ValueError) as error:
        message = f"{path} does not hold the records of a registry: {error}"
        raise RegistryError(message) from error
    return str(step)


def stored_parts(session: Session) -> Iterator[StoredPart]:
    """Yield every part that has to be there.

    Only columns that every step of the schema has are read, so that records need not be brought
    up to date before they are backed up.
    """
    query = (
        select(
            Organization.id,
            Binary.id,
            Binary.revision,
            BinaryPart.index,
            BinaryPart.hash,
            BinaryPart.size,
        )
        .join(Binary, Binary.organization_row == Organization.row)
        .join(BinaryPart, BinaryPart.binary_row == Binary.row)
        .where(BinaryPart.state == PartState.VALID, Binary.state != BinaryState.DESTROYED)
        .order_by(BinaryPart.binary_row, BinaryPart.index)
    )
    for organization, binary, revision, index, digest, size in session.execute(
        query.execution_options(yield_per=_ROWS_AT_ONCE)
    ):
        content = ContentKey(organization=organization, binary=binary, revision=revision)
        yield StoredPart(key=PartKey(content=content, index=index, digest=digest), size=size)


def content_size(source: Path) -> int:
    """Return about how many bytes of content the records speak of: parts of the same bytes count twice.

    Raises:
        RegistryError: they cannot be read.
    """
    query = "SELECT coalesce(sum(size), 0) FROM binary_parts WHERE state = 'valid'"
    try:
        with closing(sqlite3.connect(source)) as records:
            ((size,),) = records.execute(query).fetchall()
    except sqlite3.Error as error:
        message = f"the records {source} cannot be read: {error}"
        raise RegistryError(message, hint="restore them from a backup") from error
    return int(size)


def part_keys(source: Path) -> set[PartKey]:
    """Return every part that the records speak of at this moment.

    Raises:
        RegistryError: as `moment`.
    """
    with moment(source) as database, database.read() as session:
        return {part.key for part in stored_parts(session)}
