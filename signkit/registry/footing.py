"""What a registry stands on: a folder, or a database and a bucket that many processes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from signkit.registry.clean_up import Cleaner
from signkit.registry.context import Parts
from signkit.registry.folder import open_data_folder, server_lock
from signkit.registry.folder_store import FolderStore
from signkit.registry.footing_file import check_installed
from signkit.registry.hashing import ContentHasher
from signkit.registry.records import open_database
from signkit.registry.settings import Settings
from signkit.registry.upload import Receiver


@contextmanager
def open_parts(settings: Settings) -> Iterator[Parts]:
    """Open what the application is made of; a data folder is held as its one server.

    Raises:
        RegistryError, MalformedError: it cannot be used, or another server holds the folder.
    """
    if settings.data.is_file():
        check_installed()
        from signkit.registry.shared import open_shared

        yield open_shared(settings)
        return
    folder = open_data_folder(settings.data)
    with server_lock(folder.path):
        database = open_database(folder)
        store = FolderStore(folder.content_path)
        cleaner = Cleaner(database, store, abandon_seconds=settings.abandon_seconds)
        yield Parts(
            settings=replace(settings, data=folder.path),
            secret=folder.secret,
            database=database,
            store=store,
            jobs=ContentHasher(database, store, workers=settings.hash_workers, cleaner=cleaner),
            receiver=Receiver(store, idle_seconds=settings.idle_seconds),
        )
