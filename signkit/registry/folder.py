"""The data folder: made private on first start, used by one server at a time.

registry.sqlite3   the records (and its -wal and -shm)
content/           the parts, see folder_store
secret             32 random bytes, 0600: the key of presigned URLs and cursors
lock               held by the server that runs; setup.lock while the folder is being made
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import RegistryError

_SECRET_SIZE = 32
_BEGIN_ANEW = "remove the file: presigned URLs and page cursors of before then stop working"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """A data folder that exists.

    Attributes:
        path: The folder.
        secret: 32 bytes, from which every signed URL and cursor is derived.
    """

    path: Path
    secret: bytes

    @property
    def database_path(self) -> Path:
        """Where the records are."""
        return self.path / "registry.sqlite3"

    @property
    def content_path(self) -> Path:
        """Where the parts are."""
        return self.path / "content"


def open_data_folder(path: Path) -> DataFolder:
    """Open a data folder; make it, 0700, when it is not there.

    Raises:
        RegistryError: the folder or its secret cannot be made or read, or the secret is damaged.
    """
    try:
        path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with setup_lock(path):
            secret = _load_secret(path / "secret")
            (path / "content").mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        message = f"data folder {path}: {error.strerror or error}"
        raise RegistryError(message, hint="choose another with --data") from error
    return DataFolder(path=path, secret=secret)


def _load_secret(path: Path) -> bytes:
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        return _save_secret(path)
    if len(secret) != _SECRET_SIZE:
        message = f"{path}: expected {_SECRET_SIZE} bytes, got {len(secret)}"
        raise RegistryError(message, hint=_BEGIN_ANEW)
    if not any(secret):
        # What a disk gives back for a block that was never written; anybody could guess it.
        message = f"{path}: holds nothing but zeros"
        raise RegistryError(message, hint=_BEGIN_ANEW)
    return secret


def _save_secret(path: Path) -> bytes:
    secret = secrets.token_bytes(_SECRET_SIZE)
    temporary = path.with_name("secret.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
    return secret


def sync_folder(path: Path) -> None:
    """Make a folder's own entries durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def setup_lock(path: Path) -> Iterator[None]:
    """Hold the folder's set-up lock: whoever comes second waits, then finds everything made."""
    with _locked(path / "setup.lock", fcntl.LOCK_EX):
        yield


@contextmanager
def server_lock(path: Path) -> Iterator[None]:
    """Hold the folder as its one server.

    Raises:
        RegistryError: another server holds it.
    """
    try:
        with _locked(path / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        message = f"another registry serves the data folder {path}"
        hint = "stop it first, or choose another folder with --data"
        raise RegistryError(message, hint=hint) from None


@contextmanager
def _locked(path: Path, operation: int) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)
