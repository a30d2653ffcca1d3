"""A registry on PostgreSQL and a bucket, as a backup reads it.

The records are read in one transaction that sees one moment, and written as one SQLite file. A
part is a range of its binary's object, which the store puts together when hashing is asked for.

Spec: docs/formats/registry-backup.md section 6.
Control: SK-REGISTRY-BACKUP (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from signkit.errors import RegistryError
from signkit.registry.content import LEAN, content_key
from signkit.registry.database import Database, find_steps, migrate
from signkit.registry.footing_file import FootingFile, load_footing_file
from signkit.registry.moving import copy_tables, put_back_uploads
from signkit.registry.s3_store import S3Store
from signkit.registry.snapshot import StoredPart, make_single_file, remove_beside
from signkit.registry.states import BinaryState, PartState
from signkit.registry.store import StoreUnavailableError, UploadGoneError
from signkit.registry.tables import Binary, BinaryPart

_AGAIN = "give the same command again once it answers: it goes on where it was"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSource:
    """The registry of a footing file.

    Attributes:
        place: The file, for people.
        footing: What it says.
        store: The store over its bucket.
    """

    place: str
    footing: FootingFile
    store: S3Store

    def copy_records(self, target: Path) -> None:
        """Copy one moment of the records."""
        remove_beside(target)
        copy = Database(target)
        try:
            migrate(copy)
            with self._reading() as live, copy.write() as session:
                _check_step(live, self.place)
                copy_tables(live.connection(), session.connection())
            self._finish_uploads(copy)
            put_back_uploads(copy)
        finally:
            copy.close()
        make_single_file(target)

    def open_part(self, part: StoredPart) -> BinaryIO:
        """Open a part for reading; that it is not here shows when it is read."""
        return cast("BinaryIO", _Stream(self._pieces(part)))

    def content_size(self) -> int:
        """Return about how many bytes of content the records speak of."""
        query = select(func.coalesce(func.sum(BinaryPart.size), 0))
        with self._reading() as session:
            return int(session.scalar(query.where(BinaryPart.state == PartState.VALID)) or 0)

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        database = Database(self.footing.database)
        try:
            with database.read() as session:
                yield session
        except DatabaseError as error:
            reason = str(error.orig).partition("\n")[0]
            message = f"the records of {self.place} cannot be read: {reason}"
            raise RegistryError(message, hint="signkit registry doctor says more") from error
        finally:
            database.close()

    def _finish_uploads(self, copy: Database) -> None:
        """Have the store put together what waits for its verdict, as a worker is about to."""
        query = select(Binary).where(Binary.state == BinaryState.HASHING).options(*LEAN)
        with copy.read() as session:
            waiting = list(session.scalars(query))
        for binary in waiting:
            with suppress(UploadGoneError), _answering():  # a part that is gone is noticed later
                self.store.finish(content_key(binary), binary.upload or "", size=binary.size)

    def _pieces(self, part: StoredPart) -> Iterator[bytes]:
        content, end = part.key.content, part.start + part.size
        with _answering():
            try:
                yield from self.store.read(content, (), start=part.start, end=end)
            except StoreUnavailableError:
                # A range beyond the end of an object is refused like anything else.
                if (self.store.size(content) or 0) < end:
                    raise FileNotFoundError(part.key.digest) from None
                raise


def open_source(path: Path) -> SharedSource:
    """Return where the registry of a footing file keeps what it has.

    Raises:
        RegistryError, MalformedError: the file cannot be read.
    """
    footing = load_footing_file(path)
    return SharedSource(place=str(path), footing=footing, store=S3Store(footing.bucket))


def _check_step(live: Session, place: str) -> None:
    current, head = find_steps(live.connection())
    if current is None:
        message = f"there is no registry in the database that {place} names"
        raise RegistryError(message, hint="name another with --data")
    if current != head:
        message = f"the records are at step {current}, and this signkit reads step {head}"
        raise RegistryError(message, hint="back up with the signkit that serves them")


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        message = f"the store does not answer: {error}"
        raise RegistryError(message, hint=_AGAIN) from error


class _Stream(RawIOBase):
    """Pieces as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what there is; 0 at the end."""
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
