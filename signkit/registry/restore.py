"""`registry restore`: a registry made from a backup, and named only when all of it is right.

Spec: docs/formats/registry-backup.md section 5.
Control: SK-REGISTRY-RESTORE (docs/design/assurance.md).
"""

from __future__ import annotations

from pathlib import Path

from signkit.errors import FileError
from signkit.formats.files import check_new_folder
from signkit.formats.registry_backup import DATABASE_NAME, Sums, object_path
from signkit.registry.backup_folder import open_backup, refuse_faults, refuse_object
from signkit.registry.copying import Advance, copy_file, has_digest, make_folder
from signkit.registry.database import Database, migrate
from signkit.registry.folder import server_lock, sync_folder
from signkit.registry.folder_store import open_part, part_path
from signkit.registry.footing_file import check_installed
from signkit.registry.inspection import Inspection, inspect_registry
from signkit.registry.snapshot import stored_parts
from signkit.verify.digest import Sha256


def restore_registry(backup: Path, data: Path, *, advance: Advance) -> Inspection:
    """Make a registry from a backup, of either footing; nobody can serve it before it is verified.

    Args:
        backup: The backup's folder.
        data: A footing file, whose database and bucket are empty; else the data folder: nothing
            is there, or an empty folder.
        advance: Told the bytes that were read.

    Raises:
        RegistryError: the backup was not finished, or a newer signkit wrote it; or the footing's
            services hold something or do not answer.
        FileError, FormatError: as `open_backup`; or the folder is taken, or cannot be written; or
            the footing file is of no use.
        RegistryDamagedError: something in the backup is lost or damaged; the message names it.
    """
    if data.is_file():
        check_installed()
        from signkit.registry.shared_restore import restore_shared

        return restore_shared(backup, data, advance=advance)
    return _restore_folder(backup, data, advance)


def _restore_folder(backup: Path, data: Path, advance: Advance) -> Inspection:
    check_new_folder(data)
    record, sums = open_backup(backup)
    # Of this backup and no other: a restore that was killed is gone on with.
    building = data.with_name(f".{data.name}.restoring-{record.sums.hex()[:16]}")
    try:
        make_folder(building.absolute())
        with server_lock(building):
            inspection = _build(backup, sums, building, advance)
            refuse_faults(backup, inspection)
            (building / "lock").unlink()
            sync_folder(building)
            building.rename(data)  # fails where something was put into it meanwhile
            sync_folder(data.absolute().parent)
    except OSError as error:
        message = f"{data} cannot be restored: {(error.strerror or str(error)).lower()}"
        hint = "give the same command again once that is mended: it goes on where it was"
        raise FileError(message, hint=hint) from error
    return inspection


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
            database, lambda part: open_part(content, part.key), advance=lambda _count: None
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
        refuse_object(source, digest)
