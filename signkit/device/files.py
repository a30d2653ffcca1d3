"""Files as a device reads and writes them: bounded, regular, and whole or not at all.

Only FileError leaves this module.
"""

from __future__ import annotations

import os
import stat

from signkit.errors import FileError
from signkit.verify import limits

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def file_error(path: str, done: str, error: OSError | ValueError) -> FileError:
    """Return the error of a file that cannot be `done` ("opened", "read", "written")."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    message = f"{path} cannot be {done}: {reason}"
    return FileError(message, hint="check the name, its permissions and free space")


def open_regular(path: str, *, flags: int = 0) -> int:
    """Open a regular file for reading; a FIFO cannot hang it, a device is refused.

    Args:
        path: Its name.
        flags: Further flags of open(2), such as `os.O_NOFOLLOW`.

    Returns:
        The descriptor, which the caller closes.

    Raises:
        FileError: it cannot be opened, or is none.
    """
    try:
        descriptor = os.open(path, _READ | flags)
    except (OSError, ValueError) as error:
        raise file_error(path, "opened", error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        message = f"{path} is not a regular file"
        raise FileError(message, hint="name the file itself")
    return descriptor


def read_into(descriptor: int, view: memoryview, *, path: str) -> int:
    """Fill a buffer and return the bytes read, 0 at the end.

    Raises:
        FileError: it cannot be read.
    """
    try:
        return os.readv(descriptor, [view])
    except OSError as error:
        raise file_error(path, "read", error) from None


def read_descriptor(descriptor: int, *, limit: int, path: str) -> bytes:
    """Read to the end, but no more than limit + 1 bytes: whoever parses them refuses that.

    Raises:
        FileError: it cannot be read.
    """
    pieces, left = [], limit + 1
    try:
        while left and (piece := os.read(descriptor, min(left, limits.MIB))):
            pieces.append(piece)
            left -= len(piece)
    except OSError as error:
        raise file_error(path, "read", error) from None
    return b"".join(pieces)


def read_file(path: str, *, limit: int) -> bytes:
    """Read a regular file; as `open_regular` and `read_descriptor`.

    Raises:
        FileError: it cannot be opened or read, or is none.
    """
    descriptor = open_regular(path)
    try:
        return read_descriptor(descriptor, limit=limit, path=path)
    finally:
        os.close(descriptor)


def create_file(path: str, *, mode: int) -> int:
    """Create a file for writing; no link is followed, nothing is overwritten.

    Returns:
        The descriptor, which the caller closes.

    Raises:
        OSError: something stands there, or the folder cannot be written.
    """
    return os.open(path, _WRITE, mode)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of it; a write may be short.

    Raises:
        OSError: the file system is full, or fails.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_folder(path: str) -> None:
    """Make the names in a folder durable, where its file system can.

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError:
        return  # FAT and some network file systems know no such thing
    finally:
        os.close(descriptor)
