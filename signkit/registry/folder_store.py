"""Parts as files in a folder.

    content/incoming/                                       parts on their way in, random names
    content/ORGANIZATION/BINARY/REVISION/INDEX-SHA256       parts that are whole

A part is written under incoming/, synced, renamed and its folder synced, and only then
acknowledged. Its name holds its digest, so that two senders of one part cannot mix.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from signkit.registry.folder import sync_folder
from signkit.registry.presign import PartGrant, presign_download, presign_part
from signkit.registry.store import ContentKey, PartKey, Piece, UrlTerms

_PRIVATE = 0o700
_REMEMBERED = 10_000
_PIECE_SIZE = 256 * 1024


class FolderStore:
    """The store of one machine, through whose server every part passes.

    Args:
        path: The folder; whatever was on its way in when a server last died is removed.
    """

    smallest_part = 1
    # A part's name has its digest in it: another one is another file.
    fixed_parts = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._incoming = path / "incoming"
        self._folders = threading.Lock()
        self._durable: set[Path] = set()
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)

    def begin(self, key: PartKey) -> FolderWriter:
        """Begin to store a part."""
        folder = self._folder(key.content)
        return FolderWriter(
            self._incoming,
            folder / _file_name(key),
            make_folder=self._make_folder,
            make_durable=self._make_durable,
        )

    def open(self, key: PartKey) -> BinaryIO:
        """Open a part for reading, unbuffered."""
        return open_part(self._path, key)

    def retain(self, keys: Iterable[PartKey]) -> None:
        """Remove every part of the keys' content but those."""
        keep = {self._folder(key.content) / _file_name(key) for key in keys}
        for folder in {path.parent for path in keep}:
            for path in set(folder.iterdir()) - keep:
                path.unlink(missing_ok=True)

    def discard(self, content: ContentKey) -> None:
        """Remove every part of one revision of a binary."""
        folder = self._folder(content)
        shutil.rmtree(folder, ignore_errors=True)
        with self._folders:
            self._durable.discard(folder)
            # Another revision may be in it, or it was never there.
            with suppress(OSError):
                folder.parent.rmdir()

    def check_answers(self) -> None:
        """Pass where the folder is there."""
        self._incoming.stat()

    def begin_upload(self, content: ContentKey) -> str:  # noqa: ARG002
        """Return the name of no upload: parts are put together by their records alone."""
        return ""

    def part_url(self, key: PartKey, *, size: int, upload: str, terms: UrlTerms) -> str:  # noqa: ARG002
        """Return where a client sends a part: here."""
        grant = PartGrant(key=key, size=size)
        return presign_part(grant, base=terms.base, secret=terms.secret, seconds=terms.seconds)

    def arrived(self, content: ContentKey, upload: str) -> Mapping[int, int]:  # noqa: ARG002
        """Return nothing: every part passes through the server."""
        return {}

    def finish(self, content: ContentKey, upload: str, *, size: int) -> None:
        """Do nothing: the parts are the content."""

    def read(
        self,
        content: ContentKey,  # noqa: ARG002
        parts: Sequence[tuple[PartKey, int]],
        *,
        start: int,
        end: int,
    ) -> Iterator[bytes]:
        """Read a range over the parts that it touches."""
        place = 0
        for key, size in parts:
            first, last = max(start - place, 0), min(end - place, size)
            place += size
            if first >= last:
                continue
            with self.open(key) as file:
                file.seek(first)
                left = last - first
                while left and (piece := file.read(min(left, _PIECE_SIZE))):
                    left -= len(piece)
                    yield piece

    def download_url(self, content: ContentKey, *, terms: UrlTerms) -> str:
        """Return where content can be fetched: here."""
        return presign_download(
            content, base=terms.base, secret=terms.secret, seconds=terms.seconds
        )

    def stored(self, shard: int, *, before: float) -> Iterator[Sequence[ContentKey]]:  # noqa: ARG002
        """List the content of a shard, of any age: it is on record before it comes."""
        for folder in self._path.glob(f"*/{shard:02x}*/*"):
            organization, binary, revision = folder.parts[-3:]
            if revision.isdecimal():
                yield [
                    ContentKey(
                        organization=UUID(organization), binary=UUID(binary), revision=int(revision)
                    )
                ]

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and its parents; `_make_durable` says when they outlast a crash."""
        with self._folders:
            if not (folder in self._durable and folder.is_dir()):
                for step in (folder.parent.parent, folder.parent, folder):
                    step.mkdir(mode=_PRIVATE, exist_ok=True)

    def _make_durable(self, folder: Path) -> None:
        """Sync a folder in which something lies now, and whatever leads to it.

        From the inside out, and only then: a file system with a journal writes all of it with the
        first. That a folder is there does not say that its entry was synced: another thread may be
        about to do so, or the last server may have died before it did.
        """
        sync_folder(folder)
        with self._folders:
            if folder in self._durable:
                return
        for parent in (folder.parent, folder.parent.parent, self._path):
            sync_folder(parent)
        with self._folders:
            if len(self._durable) > _REMEMBERED:
                self._durable.clear()
            self._durable.add(folder)

    def _folder(self, content: ContentKey) -> Path:
        return _folder(self._path, content)


def part_path(root: Path, key: PartKey) -> Path:
    """Return where a part is kept.

    Args:
        root: The folder of a store.
        key: The part.
    """
    return _folder(root, key.content) / _file_name(key)


def open_part(root: Path, key: PartKey) -> BinaryIO:
    """Open a part of a store that another process may be serving, unbuffered.

    Raises:
        FileNotFoundError: it is not here.
    """
    return part_path(root, key).open("rb", buffering=0)


def _folder(root: Path, content: ContentKey) -> Path:
    return root / str(content.organization) / str(content.binary) / str(content.revision)


def _file_name(key: PartKey) -> str:
    return f"{key.index:05d}-{key.digest}"


class FolderWriter:
    """A part on its way into the folder.

    Args:
        incoming: Where it is written.
        path: Where it is kept.
        make_folder: Makes the folder where it is kept.
        make_durable: Syncs that folder, and what leads to it.
    """

    def __init__(
        self,
        incoming: Path,
        path: Path,
        *,
        make_folder: Callable[[Path], None],
        make_durable: Callable[[Path], None],
    ) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=incoming)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._temporary = Path(temporary)
        self._path = path
        self._make_folder = make_folder
        self._make_durable = make_durable

    def write(self, pieces: Iterable[Piece]) -> None:
        """Append bytes."""
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]

    def keep(self) -> None:
        """Make the part durable under its name."""
        with self._file:
            os.fsync(self._file.fileno())
        self._make_folder(self._path.parent)
        self._temporary.replace(self._path)
        self._make_durable(self._path.parent)

    def drop(self) -> None:
        """Leave nothing behind, unless the part was kept."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)
