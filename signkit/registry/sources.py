"""Where a registry keeps what it has, as a backup reads it: one door for both footings.

Works beside servers that run: nothing here writes to the records, and no server has to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from signkit.errors import RegistryError
from signkit.formats.registry_backup import DATABASE_NAME
from signkit.registry.folder_store import open_part
from signkit.registry.footing_file import check_installed
from signkit.registry.snapshot import StoredPart, content_size, copy_records


class Source(Protocol):
    """A registry, to be read."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def copy_records(self, target: Path) -> None:
        """Copy one moment of the records, as one SQLite file that replaces what has the name.

        Raises:
            RegistryError: they cannot be read or copied.
        """

    def open_part(self, part: StoredPart) -> BinaryIO:
        """Open a part for reading, unbuffered.

        Raises:
            FileNotFoundError: it is not here; also when it is read.
            RegistryError: the store does not answer; also when it is read.
        """

    def content_size(self) -> int:
        """Return about how many bytes of content the records speak of.

        Raises:
            RegistryError: they cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource:
    """The registry of a data folder.

    Attributes:
        place: The folder, for people.
        records: The SQLite file.
        content: The folder of its store.
    """

    place: str
    records: Path
    content: Path

    def copy_records(self, target: Path) -> None:
        """Copy one moment of the records."""
        copy_records(self.records, target)

    def open_part(self, part: StoredPart) -> BinaryIO:
        """Open a part for reading, unbuffered."""
        return open_part(self.content, part.key)

    def content_size(self) -> int:
        """Return about how many bytes of content the records speak of."""
        return content_size(self.records)


def source_of(data: Path) -> Source:
    """Return where the registry of a data folder or a footing file keeps what it has.

    Raises:
        RegistryError, MalformedError: there is none, or what it needs is not installed.
    """
    if data.is_file():
        check_installed()
        from signkit.registry.shared_source import open_source

        return open_source(data)
    source = FolderSource(place=str(data), records=data / DATABASE_NAME, content=data / "content")
    if not source.records.is_file():
        message = f"there is no registry in {data}"
        raise RegistryError(message, hint="name its folder with --data")
    return source
