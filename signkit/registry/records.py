"""The records of a registry: its database, made and brought up to date."""

from __future__ import annotations

from pathlib import Path

from signkit.errors import RegistryError
from signkit.registry.audit import record_changes
from signkit.registry.database import Database, migrate
from signkit.registry.folder import DataFolder, open_data_folder, setup_lock
from signkit.registry.footing_file import check_installed
from signkit.registry.organizations import ensure_organization


def open_records(data: Path) -> Database:
    """Open the records of a data folder or a footing file, made or brought up to date.

    Raises:
        RegistryError, MalformedError: they cannot be used.
    """
    if data.is_file():
        check_installed()
        from signkit.registry.shared import open_shared_records

        return open_shared_records(data)
    return open_database(open_data_folder(data))


def open_database(folder: DataFolder) -> Database:
    """Open the records of a data folder, made or brought up to date.

    Raises:
        RegistryError: they cannot be used, or are gone while the content is there.
    """
    _check_there(folder)
    database = Database(folder.database_path)
    with setup_lock(folder.path):
        migrate(database)
    database.watch(record_changes)
    with database.write() as session:
        ensure_organization(session)
    return database


def _check_there(folder: DataFolder) -> None:
    """Refuse to begin anew over content: all of it would be removed, as no record speaks of it."""
    path = folder.database_path
    empty = not path.exists() or path.stat().st_size == 0
    if empty and any(each.name != "incoming" for each in folder.content_path.iterdir()):
        message = f"{path}: the records are gone, but their content is there"
        hint = f"restore them from a backup, or move {folder.content_path} away to begin anew"
        raise RegistryError(message, hint=hint)
