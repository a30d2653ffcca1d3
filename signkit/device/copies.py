"""Copies of content that appear only after the verdict: all of them, or none.

One file is copied to a temporary name in the folder of its target. Several go into a temporary
folder beside the target, and that is renamed: so also a power failure leaves all or none.
"""

from __future__ import annotations

import os
import stat

from signkit.device import files
from signkit.errors import FileError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Copies:
    """Verified copies on their way to one path; what was not kept is removed at the end.

    Whatever the system says while they are written, OSError, leaves the `with` block as FileError.
    """

    def __init__(self, path: str, *, several: bool, force: bool) -> None:
        """Choose the temporary name.

        Args:
            path: A file, or a folder where several are copied.
            several: Whether it is a folder.
            force: Whether a regular file of that name may be replaced; a folder never is.
        """
        self._path = path.rstrip("/") or path
        self._folder, name = os.path.split(self._path)
        self._temporary = os.path.join(self._folder, f".{name}.{os.urandom(8).hex()}.tmp")
        self._several, self._force = several, force
        self._names: set[str] = set()

    def __enter__(self) -> Copies:
        """Begin.

        Raises:
            FileError: something stands there already, or the folder cannot be written.
        """
        self._check_free()
        if self._several:
            try:
                os.mkdir(self._temporary)
            except (OSError, ValueError) as error:
                raise files.file_error(self._path, "written", error) from None
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Remove what is still temporary.

        Raises:
            FileError: it could not be written.
        """
        for name in self._names:
            os.unlink(name)
        if self._several and os.path.isdir(self._temporary):
            os.rmdir(self._temporary)
        if isinstance(error, OSError | ValueError):
            raise files.file_error(self._path, "written", error) from None

    def _check_free(self) -> None:
        if not os.path.lexists(self._path):
            return
        replaceable = self._force and not self._several
        if not replaceable or not stat.S_ISREG(os.lstat(self._path).st_mode):
            message = f"{self._path} exists already"
            raise FileError(message, hint="choose another; --force replaces a file, never a folder")

    def create(self, path: str) -> int:
        """Create the copy of one file; returns its descriptor, which the caller syncs and closes.

        Raises:
            UsageError: two files of one name.
        """
        name = self._temporary
        if self._several:
            name = os.path.join(name, os.path.basename(path))
        if name in self._names:
            message = f"two files are named {os.path.basename(path)!r}: they cannot share a folder"
            raise UsageError(message)
        descriptor = files.create_file(name, mode=0o644)
        self._names.add(name)
        return descriptor

    def keep(self) -> None:
        """Give them their names, after every verdict.

        Raises:
            FileError: something has appeared there.
        """
        self._check_free()
        if self._several:
            files.sync_folder(self._temporary)
        os.rename(self._temporary, self._path)
        self._names = set()
        files.sync_folder(self._folder)
