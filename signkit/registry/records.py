"""The records of a data folder: its database, made and brought up to date."""

from __future__ import annotations

from signkit.registry.database import Database, migrate
from signkit.registry.folder import DataFolder, setup_lock
from signkit.registry.tokens import ensure_organization


def open_database(folder: DataFolder) -> Database:
    """Open the records of a data folder, made or brought up to date.

    Raises:
        RegistryError: they cannot be used.
    """
    database = Database(folder.database_path)
    with setup_lock(folder.path):
        migrate(database)
    with database.write() as session:
        ensure_organization(session)
    return database
