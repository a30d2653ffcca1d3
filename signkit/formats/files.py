"""Files, read with a bound and written whole or not at all.

A file is written to a temporary name in the same folder, synced, and then given its own name in
one step, so that a reader sees all of it or none of it, and a process killed at any instant
leaves nothing half written. Reading takes regular files only and never waits on a FIFO.

Only FileError and TooLargeError leave this module.

Control: SK-MEDIA-WRITE (docs/design/assurance.md).
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

from signkit.errors import FileError, TooLargeError

Write = Callable[[bytes], None]
PUBLIC_MODE = 0o644
PRIVATE_MODE = 0o600
_OTHERS = 0o077
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EOPNOTSUPP)


def read_file(path: str | Path, *, limit: int, what: str, follow: bool = True) -> bytes:
    """Read a whole file.

    Args:
        path: Where it is.
        limit: The most bytes accepted; a file that says it has more is not read at all.
        what: What the file is, for messages ("request", "public key").
        follow: Whether the last part of the path may be a symbolic link.

    Raises:
        FileError: it is missing, not a regular file, or cannot be read.
        TooLargeError: it is longer than limit.
    """
    return read_file_and_status(path, limit=limit, what=what, follow=follow)[0]


def read_file_and_status(
    path: str | Path, *, limit: int, what: str, follow: bool = True
) -> tuple[bytes, os.stat_result]:
    """Read a whole file, and return the status of the very file that was read.

    Args, Raises: as `read_file`.
    """
    flags = _READ if follow else _READ | os.O_NOFOLLOW
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                _refuse(f"{what} {path} is {_kind(status)}, not a regular file")
            data = b"" if status.st_size > limit else _read(file, min(status.st_size, limit) + 1)
    except (OSError, ValueError) as error:
        message = f"{what} {path} cannot be read: {_reason(error)}"
        raise FileError(message, hint="check the path and its permissions") from error
    if status.st_size > limit or len(data) > limit:
        size = max(status.st_size, len(data))
        message = f"{what} {path} is too large: expected at most {limit} bytes, got {size}"
        raise TooLargeError(message)
    return data, status


def _read(file: BufferedReader, size: int) -> bytes:
    """Read at most so many bytes; where the medium fails, the error says after how many."""
    try:
        return file.read(size)
    except OSError as error:
        place = os.lseek(file.fileno(), 0, os.SEEK_CUR)
        raise OSError(error.errno, f"{_reason(error)} at byte {place}") from error


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
    write_stream(path, _all_of(data), mode=mode, replace=replace)


def write_stream(
    path: str | Path,
    fill: Callable[[Write], object],
    *,
    mode: int = PUBLIC_MODE,
    replace: bool = False,
) -> None:
    """Write a file that comes in pieces, whole and durably, or not at all.

    Args:
        path, mode, replace: As `write_new`.
        fill: Gets a function that takes the next bytes. Whatever it raises leaves nothing behind.

    Raises:
        FileError: as `write_new`.
    """
    target = Path(path)
    check_target(target, replace=replace)
    temporary = target.parent / f".signkit-{os.urandom(8).hex()}.tmp"
    try:
        try:
            _write_synced(temporary, fill, mode)
            _give_name(temporary, target, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(target.parent, private=_is_private(mode))
    except FileExistsError:
        _refuse_existing(target)
    except OSError as error:
        message = f"{target} cannot be written: {_reason(error)}"
        raise FileError(message, hint="check the folder, its permissions and free space") from error


def write_and_read_back(
    path: str | Path, data: bytes, *, mode: int = PUBLIC_MODE, replace: bool = False
) -> None:
    """Write a file as `write_new` does, then read it from its medium again and compare.

    What the kernel keeps of the file in memory is dropped first. What the medium keeps in a
    memory of its own is out of reach.

    Args: as `write_new`.

    Raises:
        FileError: as `write_new`; or what is read is not what was written, and the message says
            from which byte on.
    """
    write_new(path, data, mode=mode, replace=replace)
    hint = "the medium cannot be trusted: write to another one"
    try:
        kept = _read_from_medium(path, len(data) + 1)
    except OSError as error:
        message = f"{path} was written, and cannot be read back: {_reason(error)}"
        raise FileError(message, hint=hint) from error
    if kept != data:
        message = f"{path} was written, and is not what is read back: {_difference(data, kept)}"
        raise FileError(message, hint=hint)


def _read_from_medium(path: str | Path, size: int) -> bytes:
    with open(path, "rb", opener=lambda name, _: os.open(name, _READ | os.O_NOFOLLOW)) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return _read(file, size)


def _difference(expected: bytes, got: bytes) -> str:
    if got == expected[: len(got)]:
        return f"it ends after {len(got)} of {len(expected)} bytes"
    if expected == got[: len(expected)]:
        return f"it goes on after its {len(expected)} bytes"
    place = next(place for place, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b)
    return f"the first byte that differs is byte {place} of {len(expected)}"


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


def check_new_folder(path: Path) -> None:
    """Check that a folder may be written under a name: nothing is there, or an empty folder.

    Raises:
        FileError: something else stands there.
    """
    try:
        status = path.lstat()
        taken = not stat.S_ISDIR(status.st_mode) or bool(os.listdir(path))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        message = f"{path} cannot be written: {_reason(error)}"
        raise FileError(message, hint="check the folder and its permissions") from error
    if taken:
        message = f"{path} is there already: expected the name of a new folder, or an empty one"
        raise FileError(message, hint="choose another name; nothing is ever mixed or overwritten")


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with all of its files, whole and durably, or not at all.

    Args:
        path: Its name: nothing is there, or an empty folder, which is replaced.
        files: Name and bytes of each file.

    Raises:
        FileError: as `check_new_folder`, or it cannot be written.
    """
    check_new_folder(path)
    temporary = path.parent / f".signkit-{os.urandom(8).hex()}.tmp"
    try:
        temporary.mkdir()
        try:
            for name, data in files.items():
                _write_synced(temporary / name, _all_of(data), PUBLIC_MODE)
            sync_folder(temporary, private=False)
            temporary.rename(path)  # fails where something was put into it meanwhile
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # nothing is there once it has its name
        sync_folder(path.parent, private=False)
    except (OSError, ValueError) as error:
        message = f"{path} cannot be written: {_reason(error)}"
        hint = "name a new folder, also on a stick: not the stick itself"
        raise FileError(message, hint=hint) from error


def _all_of(data: bytes) -> Callable[[Write], object]:
    return lambda write: write(data)


def _write_synced(path: Path, fill: Callable[[Write], object], mode: int) -> None:
    with open(path, "wb", buffering=0, opener=lambda name, _: os.open(name, _WRITE, mode)) as file:
        if _is_private(mode):
            _check_private(file.fileno(), path.parent)

        def write(data: bytes) -> None:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]

        fill(write)
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
