"""The process that hashes small files for `workers.py`, asked on stdin, answering on stdout.

A question is the length of what follows (4 bytes, little-endian) and paths joined by NUL bytes;
the answer is one ANSWER for each path. The process ends with its stdin, so it never outlives the
command that started it.

Whatever is not plain (a file that is large, missing, no regular file, or changes) is handed back:
the one who asked looks at it himself, and says what is wrong with it.
"""

from __future__ import annotations

import os
import struct
import time
from hashlib import sha256

from signkit.errors import FileError
from signkit.formats.regular_file import OPEN_FLAGS, check_read, look_at, telling_ctime
from signkit.verify.limits import MIB

TYPE_CHECKING = False  # `typing` takes longer to load than all else that a worker needs
if TYPE_CHECKING:
    from typing import BinaryIO

SMALL_SIZE = 16 * MIB
"""The most bytes of a file that is hashed here: one part, so its digest is the part's digest."""

ANSWER = struct.Struct("<B32sQQQqq")
"""Outcome, SHA-256, device, inode, size, mtime_ns, ctime_ns."""

HEADER_SIZE = 4
HANDED_BACK, HASHED, HASHED_SETTLED = range(3)

_NOT_HASHED = ANSWER.pack(HANDED_BACK, bytes(32), 0, 0, 0, 0, 0)
_AT_ONCE = 256 * 1024
_BUFFER = memoryview(bytearray(_AT_ONCE))


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer every question until there are no more."""
    while header := questions.read(HEADER_SIZE):
        paths = questions.read(int.from_bytes(header, "little")).split(b"\0")
        answers.write(b"".join([answer(path) for path in paths]))
        answers.flush()


def answer(path: bytes) -> bytes:
    """Hash one file, or hand it back."""
    opened_ns = time.time_ns()
    try:
        status = look_at(path)
        if status.st_size > SMALL_SIZE:
            return _NOT_HASHED
        descriptor = os.open(path, OPEN_FLAGS)
        try:
            digest, count = _hash(descriptor, status.st_size)
            # Says also that what was opened is what was looked at.
            check_read(path, status, after=os.fstat(descriptor), count=count)
        finally:
            os.close(descriptor)
    except (OSError, FileError):
        return _NOT_HASHED
    ctime_ns = status.st_ctime_ns
    settled = telling_ctime(ctime_ns, opened_ns=opened_ns) is not None
    return ANSWER.pack(
        HASHED_SETTLED if settled else HASHED,
        digest,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        ctime_ns,
    )


def _hash(descriptor: int, size: int) -> tuple[bytes, int]:
    """Hash to the end, or to one byte more than size.

    A short read is taken for the end, which saves every small file a second one; where it was
    not, the count is wrong, and the file is handed back.
    """
    if size < _AT_ONCE:
        data = os.read(descriptor, size + 1)
        return sha256(data).digest(), len(data)
    state, count, rest = sha256(), 0, size + 1
    while rest:
        wanted = _BUFFER[:rest]
        got = os.readv(descriptor, (wanted,))
        state.update(wanted[:got])
        count, rest = count + got, rest - got
        if got < len(wanted):
            break
    return state.digest(), count
