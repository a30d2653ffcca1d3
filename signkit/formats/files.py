"""Files, read with a bound and written whole or not at all.

A file is written to a temporary name in the same folder, synced, and then given its own name in
one step, so that a reader sees all of it or none of it, and a process killed at any instant
leaves nothing half written. Reading takes regular files only and never waits on a FIFO.

Only FileError and TooLargeError leave this module.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from signkit.errors import FileError, TooLargeError

PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600
_OTHERS = 0o077
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP)


def read_file(path: str | Path, *, limit: int, what: str) -> bytes:
    """Read a whole file.

    Args:
        path: Where it is; symbolic links are followed.
        limit: The most bytes accepted.
        what: What the file is, for messages ("request", "public key").

    Raises:
        FileError: it is missing, not a regular file, or cannot be read.
        TooLargeError: it is longer than limit.
    """
    return read_file_and_status(path, limit=limit, what=what)[0]


def read_file_and_status(
    path: str | Path, *, limit: int, what: str
) -> tuple[bytes, os.stat_result]:
    """Read a whole file, and return the status of the very file that was read.

    Args, Raises: as `read_file`.
    """
    try:
        with open(path, "rb", opener=_open_to_read) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                _refuse(f"{what} {path} is {_kind(status)}, not a regular file")
            data = file.read(min(status.st_size, limit) + 1)
    except (OSError, ValueError) as error:
        message = f"{what} {path} cannot be read: {_reason(error)}"
        raise FileError(message, hint="check the path and its permissions") from error
    if status.st_size > limit or len(data) > limit:
        size = max(status.st_size, len(data))
        message = f"{what} {path} is too large: expected at most {limit} bytes, got {size}"
        raise TooLargeError(message)
    return data, status


def _open_to_read(path: str, _flags: int) -> int:
    return os.open(path, _READ)


def write_new(
    path: str | Path, data: bytes, *, mode: int = PUBLIC_MODE, replace: bool = False
) -> None:
    """Write a file, whole and durably, or not at all.

    Args:
        path: Its name; the folder must exist.
        data: All of its bytes.
        mode: Its permissions from the first instant, narrowed by the umask. Where nobody else is
            given any, the file system must be able to say so.
        replace: Whether a regular file of that name may be replaced. Without it, no file is
            ever overwritten, also not one that appears meanwhile.

    Raises:
        FileError: something stands there already, or the folder cannot be written.
    """
    target = Path(path)
    check_target(target, replace=replace)
    temporary = target.parent / f".signkit-{os.urandom(8).hex()}.tmp"
    try:
        try:
            _write_synced(temporary, data, mode)
            _give_name(temporary, target, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(target.parent, private=_is_private(mode))
    except FileExistsError:
        _refuse_existing(target)
    except OSError as error:
        message = f"{target} cannot be written: {_reason(error)}"
        raise FileError(message, hint="check the folder, its permissions and free space") from error


def check_target(path: Path, *, replace: bool = False) -> None:
    """Check that a file may be written under a name, before any work is spent on it.

    Raises:
        FileError: something stands there: anything at all without replace, anything but a
            regular file with it.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        message = f"{path} cannot be written: {_reason(error)}"
        raise FileError(message, hint="check the folder and its permissions") from error
    if not stat.S_ISREG(status.st_mode):
        _refuse(f"{path} is {_kind(status)}: expected a regular file or nothing")
    if not replace:
        _refuse_existing(path)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    with open(path, "wb", buffering=0, opener=lambda name, _: os.open(name, _WRITE, mode)) as file:
        if _is_private(mode):
            _check_private(file.fileno(), path.parent)
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())


def _check_private(descriptor: int, folder: Path) -> None:
    """Refuse a file system without permissions: it calls every file readable."""
    if not _is_private(os.fstat(descriptor).st_mode):
        message = f"{folder} cannot hold a private file: others could read it"
        hint = "keep private keys on a file system with permissions, not on FAT"
        raise FileError(message, hint=hint)


def _give_name(temporary: Path, target: Path, *, replace: bool) -> None:
    """Rename; without replace, by a hard link, which fails where the name is taken."""
    if replace:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename_locked(temporary, target)


def _rename_locked(temporary: Path, target: Path) -> None:
    """Rename where there are no hard links (FAT): one signkit at a time in the folder."""
    with locked_folder(target.parent):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        temporary.rename(target)


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold a folder while the body runs: one signkit at a time, and whoever comes second waits.

    `write_new` with replace may be called in the body; without it, it may wait for the same lock.

    Raises:
        OSError: it is no folder, or cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path, *, private: bool) -> None:
    """Make the names in a folder durable.

    Args:
        folder: The folder.
        private: Whether a file system that cannot is an error: one for private files must.

    Raises:
        OSError: it cannot be done.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if private or error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _is_private(mode: int) -> bool:
    return not mode & _OTHERS


def _refuse(message: str) -> NoReturn:
    raise FileError(message)


def _refuse_existing(path: Path) -> NoReturn:
    message = f"{path} exists already and is never overwritten"
    raise FileError(message, hint="move it away, or choose another name") from None


def _reason(error: OSError | ValueError) -> str:
    """Say why in lower case; a ValueError is what a path with a NUL byte gives."""
    return (getattr(error, "strerror", None) or str(error)).lower()


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _kind(status: os.stat_result) -> str:
    return _KINDS.get(stat.S_IFMT(status.st_mode), "a regular file")
