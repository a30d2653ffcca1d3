"""One moment of the records, and what they speak of.

Works beside a server that runs: nothing here writes to the records, and no server has to know.

Spec: docs/formats/registry-backup.md section 6.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
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
        start: Bytes of its content before it, where the parts before it are there.
        size: Its bytes.
    """

    key: PartKey
    start: int
    size: int


def copy_records(source: Path, target: Path) -> None:
    """Copy one moment of the records, as one file.

    Args:
        source: The SQLite file, whether or not a server writes to it.
        target: A file of that name is replaced.

    Raises:
        RegistryError: it is no database, or cannot be read or copied.
    """
    remove_beside(target)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
    except sqlite3.Error as error:
        message = f"the records {source} cannot be copied: {error}"
        raise RegistryError(message, hint="restore them from a backup") from error
    make_single_file(target)


def remove_beside(target: Path) -> None:
    """Remove a copy that was killed, and its journal, which would be played into the next one."""
    for suffix in _BESIDE:
        target.with_name(target.name + suffix).unlink(missing_ok=True)


def make_single_file(target: Path) -> None:
    """Have records be a file by themselves: WAL would have a second one beside it."""
    with closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA journal_mode=DELETE").close()


@contextmanager
def moment(copy: Callable[[Path], None]) -> Iterator[Database]:
    """Open one moment of the records, brought up to date where the copy lies, not at its source.

    Args:
        copy: Copies the records to where it is told.

    Raises:
        RegistryError: as the copying raises, or a newer signkit wrote them.
    """
    with TemporaryDirectory(prefix="signkit-") as folder:
        path = Path(folder) / "registry.sqlite3"
        copy(path)
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
    before, start = None, 0
    for organization, binary, revision, index, digest, size in session.execute(
        query.execution_options(yield_per=_ROWS_AT_ONCE)
    ):
        content = ContentKey(organization=organization, binary=binary, revision=revision)
        start = start if content == before else 0
        key = PartKey(content=content, index=index, digest=digest)
        yield StoredPart(key=key, start=start, size=size)
        before, start = content, start + size


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
