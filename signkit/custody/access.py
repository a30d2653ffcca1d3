"""Who may read a private key file: its owner, and nobody else.

A file that others can read is no secret any more, and one in a folder that others can write may be
another file than yesterday's. Both are refused before the file is looked at.

Spec: docs/formats/keys.md section 7.
Controls: SK-KEY-PRIVATE (docs/design/assurance.md).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from signkit.errors import CustodyError, FileError

_FOLDER_MODE = 0o700
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


def check_private_file(path: Path, status: os.stat_result) -> None:
    """Check who may read an open private key file, and who may put another in its place.

    Args:
        path: Where it is, for messages and for its folder.
        status: The status of the open file.

    Raises:
        CustodyError: others may read or write it, somebody else owns it, or others may write
            its folder.
    """
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        message = f"private key {path} is open to others: expected mode 600, got {mode:o}"
        raise CustodyError(message, hint=f"chmod 600 {path}")
    _check_owner(status, f"private key {path}")
    check_private_folder(path.resolve().parent)


def check_private_folder(folder: Path) -> None:
    """Check that nobody else can put files into a folder, or take them away.

    Raises:
        CustodyError: others may write it, or somebody else owns it.
        FileError: it cannot be looked at, or is no folder.
    """
    try:
        status = folder.stat()
    except OSError as error:
        message = f"the folder {folder} cannot be read: {(error.strerror or '').lower()}"
        raise FileError(message) from error
    if not stat.S_ISDIR(status.st_mode):
        message = f"{folder} is not a folder"
        raise FileError(message)
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
        message = f"the folder {folder} of a private key can be written by others: mode {mode:o}"
        raise CustodyError(message, hint=f"chmod go-w {folder}")
    _check_owner(status, f"the folder {folder} of a private key")


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone.

    Raises:
        CustodyError: it is there already and others may write it.
        FileError: it cannot be made.
    """
    try:
        for path in reversed((folder, *folder.parents)):
            if not os.path.exists(path):
                path.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} cannot be made: {(error.strerror or '').lower()}"
        raise FileError(message, hint="check the path and its permissions") from error
    check_private_folder(folder)


def _check_owner(status: os.stat_result, what: str) -> None:
    if status.st_uid not in {os.geteuid(), 0}:
        message = f"{what} belongs to user {status.st_uid}: expected {os.geteuid()}"
        raise CustodyError(message, hint="copy the key as the user who signs, or chown it")
