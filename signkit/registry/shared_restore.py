"""`registry restore` onto PostgreSQL and a bucket: content first, then all records at one stroke.

    backup verified and copied -> content sent, read back and computed -> records, in one transaction

Until that transaction ends there is no registry in the database, so nobody can serve half of one.
Killed, the same command goes on: an object that is right stays, anything else is sent anew.

Spec: docs/formats/registry-backup.md section 5.
Control: SK-REGISTRY-RESTORE (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from signkit.errors import RegistryError
from signkit.formats.registry_backup import DATABASE_NAME, object_path
from signkit.registry.backup_folder import open_backup, refuse_faults, refuse_object
from signkit.registry.bodies import PART_COUNT
from signkit.registry.content import LEAN, content_key, find_dead
from signkit.registry.copying import Advance, has_digest, hash_file
from signkit.registry.database import Database, bring_up, find_steps
from signkit.registry.inspection import Inspection, inspect_registry
from signkit.registry.moving import check_tables, copy_tables, moved_tables, put_back_uploads
from signkit.registry.shared_source import SharedSource, open_source
from signkit.registry.snapshot import StoredPart, copy_records, moment, stored_parts
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, PartKey
from signkit.registry.tables import Binary
from signkit.verify.digest import Sha256

_PIECE_SIZE = 16 * 1024 * 1024
_BUFFER_SIZE = 1024 * 1024
_RESTORE_LOCK = 0x73_69_67_72  # "sigr", as any number that others will not choose
_AGAIN = "give the same command again once that is mended: it goes on where it was"
_EMPTY = "make a new database and a new bucket, and name them in the footing file"
_WHOLE = (BinaryState.HASHING, BinaryState.SIGNABLE, BinaryState.SIGNED)


def restore_shared(backup: Path, data: Path, *, advance: Advance) -> Inspection:
    """Fill an empty database and an empty bucket from a backup.

    Args:
        backup: The backup's folder.
        data: A footing file.
        advance: Told the bytes that were read.

    Raises:
        RegistryError, FileError, FormatError, RegistryDamagedError: as `restore_registry`.
    """
    _record, sums = open_backup(backup)
    place = open_source(data)
    if not has_digest(backup / DATABASE_NAME, sums.database, advance=advance):
        refuse_object(backup / DATABASE_NAME, sums.database)
    target = Database(place.footing.database)
    try:
        with (
            _alone(target, data),
            moment(partial(copy_records, backup / DATABASE_NAME)) as records,
        ):
            put_back_uploads(records)
            _check_empty(target, records, place)
            inspection = _restore_content(backup, records, place, advance)
            _restore_records(records, target, place.place)
    except DatabaseError as error:
        reason = str(error.orig).partition("\n")[0]
        message = f"the records cannot be restored: {reason}"
        raise RegistryError(message, hint=_AGAIN) from error
    except OSError as error:
        message = f"the content cannot be restored: {error}"
        raise RegistryError(message, hint=_AGAIN) from error
    finally:
        target.close()
    return inspection


@contextmanager
def _alone(target: Database, data: Path) -> Iterator[None]:
    """Hold the database as the one process that restores into it."""
    with target.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        query = text("SELECT pg_try_advisory_lock(:n)")
        if not connection.scalar(query, {"n": _RESTORE_LOCK}):
            message = f"another process restores into what {data} names"
            raise RegistryError(message, hint="wait for it")
        yield


def _check_empty(target: Database, records: Database, place: SharedSource) -> None:
    """Refuse to mix: what no record speaks of, the registry's own clean-up would remove."""
    with target.read() as session:
        if find_steps(session.connection())[0] is not None:
            _refuse_registry(place.place)
    place.store.check_bucket()
    for page in place.store.list_contents():
        with records.read() as session:
            foreign = find_dead(session, page)
        if foreign:
            message = f"the bucket {place.footing.bucket.name} holds content of another registry"
            raise RegistryError(message, hint=_EMPTY)


def _refuse_registry(place: str) -> None:
    message = f"there is a registry already in the database that {place} names"
    raise RegistryError(message, hint=_EMPTY)


def _restore_content(
    backup: Path, records: Database, place: SharedSource, advance: Advance
) -> Inspection:
    """Put content in its place, then compute all of it again from there."""
    sender = _Sender(backup, place, advance)
    for binary, parts in _contents(records):
        sender.restore(content_key(binary), parts, binary.size)
    inspection = inspect_registry(records, place.open_part, advance=lambda _count: None)
    refuse_faults(backup, inspection)
    return inspection


def _contents(records: Database) -> Iterator[tuple[Binary, list[StoredPart]]]:
    """Yield each binary whose content is whole, and its parts in order; some have none."""
    query = select(Binary).where(Binary.state.in_(_WHOLE)).options(*LEAN).order_by(Binary.row)
    with records.read() as session:
        groups = groupby(stored_parts(session), key=lambda part: part.key.content)
        content, parts = next(groups, (None, iter(())))
        for binary in session.scalars(query.execution_options(yield_per=1000)):
            if content != content_key(binary):
                yield binary, []
                continue
            yield binary, list(parts)
            content, parts = next(groups, (None, iter(())))


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends the content of a backup to a store."""

    backup: Path
    place: SharedSource
    advance: Advance

    def restore(self, content: ContentKey, parts: list[StoredPart], size: int) -> None:
        """Have the store hold content, and nothing else under its name."""
        if self._is_there(parts, content, size):
            return
        store = self.place.store
        store.discard(content)
        upload = ""
        if size:
            upload = store.begin_upload(content)
            self._send(content, upload, parts, max(_PIECE_SIZE, -(-size // PART_COUNT)))
        store.finish(content, upload, size=size)

    def _is_there(self, parts: list[StoredPart], content: ContentKey, size: int) -> bool:
        return self.place.store.size(content) == size and all(
            hash_file(self.place.open_part(part), advance=self.advance)[0].hex() == part.key.digest
            for part in parts
        )

    def _send(self, content: ContentKey, upload: str, parts: list[StoredPart], size: int) -> None:
        """Cut content into pieces of a size: a registry in a folder takes smaller ones than S3."""
        index = 1
        # One file, over and over: memory stays flat however large the pieces are.
        with TemporaryFile(buffering=0) as piece:
            for data in self._read(parts):
                view = memoryview(data)
                while view:
                    count = piece.write(view[: size - piece.tell()])
                    view = view[count:]
                    if piece.tell() == size:
                        self._send_piece(content, upload, index, piece)
                        index += 1
            if piece.tell():
                self._send_piece(content, upload, index, piece)

    def _send_piece(self, content: ContentKey, upload: str, index: int, piece: BinaryIO) -> None:
        piece.seek(0)
        digest, _ = hash_file(piece, advance=lambda _count: None)
        piece.seek(0)
        key = PartKey(content=content, index=index, digest=digest.hex())
        self.place.store.send_part(key, piece, upload=upload)
        piece.seek(0)
        piece.truncate()

    def _read(self, parts: list[StoredPart]) -> Iterator[bytes]:
        """Yield the bytes of parts; each has its digest, or content is not put together."""
        for part in parts:
            digest, state = Sha256(bytes.fromhex(part.key.digest)), sha256()
            path = self.backup / object_path(digest)
            try:
                with path.open("rb", buffering=0) as file:
                    while data := file.read(_BUFFER_SIZE):
                        state.update(data)
                        self.advance(len(data))
                        yield data
            except FileNotFoundError:
                refuse_object(path, digest)
            if state.digest() != digest:
                refuse_object(path, digest)


def _restore_records(records: Database, target: Database, place: str) -> None:
    with target.set_up() as connection, records.read() as session:
        if find_steps(connection)[0] is not None:
            _refuse_registry(place)
        bring_up(connection)
        source = session.connection()
        copy_tables(source, connection)
        check_tables(source, connection)
        for table in moved_tables():
            # Rows were given their numbers: the next one has to come after them.
            sequence = func.pg_get_serial_sequence(table.name, "row")
            latest = select(func.max(table.c.row)).scalar_subquery()
            connection.execute(
                select(func.setval(sequence, func.coalesce(latest, 1), latest.is_not(None)))
            )
