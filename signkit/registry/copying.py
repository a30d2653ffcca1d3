"""Content copied by its digest: hashed while it is read, synced, and named only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from signkit.registry.folder import sync_folder
from signkit.verify.digest import Sha256

Advance = Callable[[int], None]
OpenFile = Callable[[], BinaryIO]

_BUFFER_SIZE = 1024 * 1024
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600
_SUFFIX = ".tmp"


def hash_file(file: BinaryIO, *, advance: Advance) -> tuple[Sha256, int]:
    """Return the SHA-256 and the size of what is left of a file.

    Args:
        file: Opened in binary mode, best without a buffer.
        advance: Told the bytes that were read.

    Raises:
        OSError: it cannot be read.
    """
    return _pass(file, advance, lambda _piece: None)


def has_digest(path: Path, digest: Sha256, *, advance: Advance) -> bool:
    """Say whether a file is there and has a digest.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return hash_file(file, advance=advance)[0] == digest
    except FileNotFoundError:
        return False


def copy_file(source: BinaryIO, path: Path, digest: Sha256, *, advance: Advance) -> bool:
    """Copy a file, whole and durably, under a name where nothing or a damaged copy is.

    Args:
        source: Opened in binary mode, best without a buffer.
        path: Its name; folders above it are made, 0700.
        digest: What its bytes have to come to.
        advance: Told the bytes that were copied.

    Returns:
        Whether they did; if not, nothing is there.

    Raises:
        OSError: it cannot be read or written.
    """
    make_folder(path.parent)
    temporary = path.with_name(path.name + _SUFFIX)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, _PRIVATE_FILE)
        with os.fdopen(descriptor, "wb", buffering=0) as target:
            right = _pass(source, advance, lambda piece: _write(target, piece))[0] == digest
            os.fsync(descriptor)
        if right:
            temporary.replace(path)
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return right


def make_folder(path: Path) -> None:
    """Make a folder, 0700, and those above it, and their entries durable.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=_PRIVATE_FOLDER)
    sync_folder(path.parent)


def _write(target: BinaryIO, piece: memoryview) -> None:
    while piece:
        piece = piece[target.write(piece) :]


def _pass(
    file: BinaryIO, advance: Advance, take: Callable[[memoryview], None]
) -> tuple[Sha256, int]:
    view = memoryview(bytearray(_BUFFER_SIZE))
    state = sha256()
    size = 0
    while count := file.readinto(view):  # type: ignore[attr-defined]
        state.update(view[:count])
        take(view[:count])
        size += count
        advance(count)
    return Sha256(state.digest()), size
