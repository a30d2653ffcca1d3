"""`registry restore`: a data folder made from a backup, and named only when all of it is right.

Spec: docs/formats/registry-backup.md section 5.
Control: SK-REGISTRY-RESTORE (docs/design/assurance.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from signkit.errors import FileError, RegistryDamagedError, RegistryError
from signkit.formats.files import check_new_folder, read_file
from signkit.formats.registry_backup import (
    DATABASE_NAME,
    RECORD_SIZE,
    SUMS_SIZE,
    BackupRecord,
    Sums,
    object_path,
    parse_backup,
    parse_sums,
)
from signkit.registry.backup import RECORD_NAME, SUMS_NAME
from signkit.registry.copying import Advance, copy_file, has_digest, make_folder
from signkit.registry.database import Database, migrate
from signkit.registry.folder import server_lock, sync_folder
from signkit.registry.folder_store import open_part, part_path
from signkit.registry.inspection import Inspection, inspect_registry
from signkit.registry.snapshot import stored_parts
from signkit.verify.digest import Sha256, compute_digest

_DAMAGED = "registry verify names everything that is wrong in it; take another backup"


def open_backup(folder: Path) -> tuple[BackupRecord, Sums]:
    """Read what a backup is, and the digest of everything in it; nothing else is read yet.

    Raises:
        RegistryError: it was not finished.
        FileError, FormatError: it cannot be read, or is no backup.
        RegistryDamagedError: its parts do not belong together.
    """
    if not (folder / RECORD_NAME).exists():
        message = f"{folder} is no backup, or one that was not finished: it has no {RECORD_NAME}"
        hint = "registry backup with the same name goes on with one that was not finished"
        raise RegistryError(message, hint=hint)
    data = read_file(folder / RECORD_NAME, limit=RECORD_SIZE, what="backup record")
    record = parse_backup(data)
    listed = read_file(folder / SUMS_NAME, limit=SUMS_SIZE, what="list of digests")
    if compute_digest(listed) != record.sums:
        message = f"{folder / SUMS_NAME} is not the list that belongs to {RECORD_NAME}"
        raise RegistryDamagedError(message, hint=_DAMAGED)
    sums = parse_sums(listed)
    if len(sums.objects) != record.object_count:
        message = f"expected {record.object_count} objects, and {len(sums.objects)} are listed"
        raise RegistryDamagedError(message, hint=_DAMAGED)
    return record, sums


def restore_registry(backup: Path, data: Path, *, advance: Advance) -> Inspection:
    """Make a data folder from a backup; it has its name only when all of it was verified.

    Args:
        backup: The backup's folder.
        data: The data folder: nothing is there, or an empty folder.
        advance: Told the bytes that were read.

    Raises:
        RegistryError: the backup was not finished, or a newer signkit wrote it.
        FileError, FormatError: as `open_backup`; or the folder is taken, or cannot be written.
        RegistryDamagedError: something in the backup is lost or damaged; the message names it.
    """
    check_new_folder(data)
    record, sums = open_backup(backup)
    # Of this backup and no other: a restore that was killed is gone on with.
    building = data.with_name(f".{data.name}.restoring-{record.sums.hex()[:16]}")
    try:
        make_folder(building.absolute())
        with server_lock(building):
            inspection = _build(backup, sums, building, advance)
            if inspection.faults:
                _refuse(backup, inspection)
            (building / "lock").unlink()
            sync_folder(building)
            building.rename(data)  # fails where something was put into it meanwhile
            sync_folder(data.absolute().parent)
    except OSError as error:
        message = f"{data} cannot be restored: {(error.strerror or str(error)).lower()}"
        hint = "give the same command again once that is mended: it goes on where it was"
        raise FileError(message, hint=hint) from error
    return inspection


def _refuse(backup: Path, inspection: Inspection) -> NoReturn:
    found = "; ".join(f"{fault.place}: {fault.problem}" for fault in inspection.faults)
    message = f"{backup} is whole, and what it holds is not right: {found}"
    raise RegistryDamagedError(message, hint=_DAMAGED)


def _build(backup: Path, sums: Sums, building: Path, advance: Advance) -> Inspection:
    """Put everything in its place, then compute all of it again from there."""
    records, content = building / DATABASE_NAME, building / "content"
    for name in (f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"):  # of a run that was killed
        (building / name).unlink(missing_ok=True)
    _copy_object(backup / DATABASE_NAME, records, sums.database, advance)
    make_folder(content)
    database = Database(records)
    try:
        migrate(database)
        with database.read() as session:
            for part in stored_parts(session):
                digest = Sha256(bytes.fromhex(part.key.digest))
                path = part_path(content, part.key)
                _copy_object(backup / object_path(digest), path, digest, advance)
        return inspect_registry(
            database, lambda key: open_part(content, key), advance=lambda _count: None
        )
    finally:
        database.close()


def _copy_object(source: Path, target: Path, digest: Sha256, advance: Advance) -> None:
    if target.name != DATABASE_NAME and has_digest(target, digest, advance=advance):
        return
    try:
        with source.open("rb", buffering=0) as file:
            right = copy_file(file, target, digest, advance=advance)
    except FileNotFoundError:
        right = False
    if not right:
        message = f"{source} is lost or damaged: expected SHA-256 {digest.hex()}"
        raise RegistryDamagedError(message, hint=_DAMAGED)
