"""Content files: opened once, regular files only, and known again later.

One place decides what a content file may be, in which words anything else is refused, and when a
digest taken earlier is still believed. prepare, the station and submit all read content through
it. It must not decide which digest is the right one.

A file is looked at before it is opened, because opening a device can already do something (a tape
rewinds, a watchdog starts), and again after, because the name may mean another file by then.

Spec: docs/formats/plan-and-journal.md section 4.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from signkit.errors import DigestMismatchError, FileError
from signkit.model.plan import FileIdentity, PlannedItem
from signkit.verify.digest import Sha256, compute_stream_digest

if TYPE_CHECKING:
    from signkit.verify.digest import ReadInto

Advance = Callable[[int], None]
Result = TypeVar("Result")

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


def hash_content(path: str, *, advance: Advance) -> tuple[Sha256, FileIdentity]:
    """Compute the SHA-256 of a content file, reading each byte once.

    Args:
        path: The file; symbolic links are followed.
        advance: Called with the bytes just hashed.

    Returns:
        The digest, and the file it was taken from.

    Raises:
        FileError: as `read_content`.
    """

    def compute(read_into: ReadInto, size: int) -> tuple[Sha256, int]:
        return compute_stream_digest(read_into, size=size, sink=lambda piece: advance(len(piece)))

    return read_content(path, compute)


def check_unchanged(planned: PlannedItem, *, advance: Advance) -> FileIdentity:
    """Check that a content file still is what was prepared.

    A file whose identity is the planned one is believed; any other is hashed again.

    Args:
        planned: What prepare wrote down.
        advance: Called with the bytes just hashed; not at all where nothing needs to be.

    Returns:
        The file as it is now.

    Raises:
        FileError: it is gone, cannot be read, is no regular file, or changes while it is read.
        DigestMismatchError: its content is another one; both digests are named.

    Spec: docs/formats/plan-and-journal.md section 4.
    """
    descriptor, status = open_content(planned.path)
    os.close(descriptor)
    if _is_same(planned.identity, status):
        return planned.identity
    digest, identity = hash_content(planned.path, advance=advance)
    if digest != planned.digest:
        message = (
            f"{planned.path} changed since it was prepared: expected SHA-256"
            f" {planned.digest.hex()}, got {digest.hex()}"
        )
        hint = "bring the prepared file back, or prepare and sign it again"
        raise DigestMismatchError(message, hint=hint)
    return identity


def read_content(
    path: str, consume: Callable[[ReadInto, int], tuple[Result, int]]
) -> tuple[Result, FileIdentity]:
    """Open a content file, read it, and check that it stayed the same meanwhile.

    Args:
        path: The file; symbolic links are followed.
        consume: Given a function that reads into a buffer, and the size in bytes; reads to the
            end or to one byte more than the size, and returns a result and the bytes read.

    Returns:
        The result, and the file it was taken from.

    Raises:
        FileError: missing, unreadable, no regular file, or changed while it was read.
    """
    opened_ns = time.time_ns()
    descriptor, before = open_content(path)

    def read_into(view: memoryview) -> int:
        try:
            return os.readv(descriptor, (view,))
        except OSError as error:
            raise _unreadable(path, error) from error

    try:
        result, count = consume(read_into, before.st_size)
        check_read(path, before, after=look_at(path), count=count)
    finally:
        os.close(descriptor)
    return result, identify(before, opened_ns=opened_ns)


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
        raise _unreadable(path, error) from error
    status = os.fstat(descriptor)
    try:
        _check_regular(path, status)
    except FileError:
        os.close(descriptor)
        raise
    return descriptor, status


def look_at(path: str | bytes) -> os.stat_result:
    """Return what the system says of a file, without opening it.

    Raises:
        FileError: missing, out of reach or no regular file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    _check_regular(path, status)
    return status


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


def identify(status: os.stat_result, *, opened_ns: int) -> FileIdentity:
    """Return a file's identity, as far as it can show a later write.

    Args:
        status: What the system said once the file was open.
        opened_ns: The time just before that, in nanoseconds since 1970.
    """
    return FileIdentity(
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=telling_ctime(status.st_ctime_ns, opened_ns=opened_ns),
    )


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


def _is_same(identity: FileIdentity, status: os.stat_result) -> bool:
    return (
        identity.device == status.st_dev
        and identity.inode == status.st_ino
        and identity.size == status.st_size
        and identity.mtime_ns == status.st_mtime_ns
        and identity.ctime_ns == status.st_ctime_ns  # never so where it is None
    )


def _check_regular(path: str | bytes, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
    message = f"{os.fsdecode(path)} is {kind}: expected a regular file"
    hint = "name the files in it" if stat.S_ISDIR(status.st_mode) else None
    raise FileError(message, hint=hint)


def _unreadable(path: str | bytes, error: OSError | ValueError) -> FileError:
    """Say why in lower case; a ValueError is what a path with a NUL byte gives."""
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    message = f"{os.fsdecode(path)} cannot be read: {reason}"
    return FileError(message, hint="check the path and its permissions")
