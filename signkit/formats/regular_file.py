"""What may be content: a regular file that stays the same while it is read.

A file is looked at before it is opened, because opening a device can already do something (a tape
rewinds, a watchdog starts), and again after, because the name may mean another file by then. The
words in which anything else is refused stand here and nowhere else.

Nothing but the standard library and the errors is imported: a process that hashes small files
starts with this module.

Spec: docs/formats/plan-and-journal.md section 4.
"""

from __future__ import annotations

import os
import stat

from signkit.errors import FileError

OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_SETTLED_NS = 2_000_000_000
_COARSE_NS = 10_000_000
_COMPARED = ("size", "number of bytes", "time of modification", "time of change", "inode")
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def look_at(path: str | bytes) -> os.stat_result:
    """Return what the system says of a file, without opening it.

    Raises:
        FileError: missing, out of reach or no regular file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    _check_regular(path, status)
    return status


def open_content(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading.

    Returns:
        The descriptor, which the caller closes, and what the system says of the file.

    Raises:
        FileError: missing, unreadable or no regular file. Nothing but a regular file is opened.
    """
    look_at(path)
    try:
        descriptor = os.open(path, OPEN_FLAGS)
    except OSError as error:
        raise unreadable(path, error) from error
    status = os.fstat(descriptor)
    try:
        _check_regular(path, status)
    except FileError:
        os.close(descriptor)
        raise
    return descriptor, status


def check_read(
    path: str | bytes, before: os.stat_result, *, after: os.stat_result, count: int
) -> None:
    """Check, after reading, that a file is the same and was not changed meanwhile.

    Args:
        path: The file, for messages.
        before: What the system said before.
        after: What it says now.
        count: Bytes read to the end; at least one more than the size where there was no end.

    Raises:
        FileError: names what is different, and both values.
    """
    was = (before.st_size, before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino)
    now = (after.st_size, count, after.st_mtime_ns, after.st_ctime_ns, after.st_ino)
    if was == now and before.st_dev == after.st_dev:
        return
    what, old, new = next(
        (
            difference
            for difference in zip(_COMPARED, was, now, strict=True)
            if difference[1] != difference[2]
        ),
        ("device", before.st_dev, after.st_dev),
    )
    message = f"{os.fsdecode(path)} changed while it was read: its {what} was {old}, then {new}"
    raise FileError(message, hint="wait until nothing writes to it, and try again")


def telling_ctime(ctime_ns: int, *, opened_ns: int) -> int | None:
    """Return a ctime, or None where a write after opening could leave the same one behind.

    That is so where the last write is less than two seconds old, as clocks have ticks, and where
    the file system keeps times in steps of 10 ms or more, as FAT, exFAT and ext3 do (the first
    two even let a program set the ctime).

    Args:
        ctime_ns: What the system said, in nanoseconds since 1970.
        opened_ns: The time just before the file was opened.

    Spec: docs/formats/plan-and-journal.md section 4.
    """
    telling = ctime_ns <= opened_ns - _SETTLED_NS and ctime_ns % _COARSE_NS
    return ctime_ns if telling else None


def _check_regular(path: str | bytes, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
    message = f"{os.fsdecode(path)} is {kind}: expected a regular file"
    hint = "name the files in it" if stat.S_ISDIR(status.st_mode) else None
    raise FileError(message, hint=hint)


def unreadable(path: str | bytes, error: OSError | ValueError) -> FileError:
    """Return the error that says why a file cannot be read.

    Args:
        path: The file.
        error: What the system said; a ValueError is what a path with a NUL byte gives.
    """
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    message = f"{os.fsdecode(path)} cannot be read: {reason}"
    return FileError(message, hint="check the path and its permissions")
