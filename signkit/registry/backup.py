"""`registry backup`: everything that a registry knows and holds at one moment, as plain files.

    records -> every part that they speak of -> SHA256SUMS -> backup.json

A part can be gone when it is copied, since its binary was reset, deleted or destroyed after the
records were copied. Then the records are copied anew, until nothing was gone.

Spec: docs/formats/registry-backup.md sections 2 and 6.
Control: SK-REGISTRY-BACKUP (docs/design/assurance.md).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import FileError, RegistryDamagedError, RegistryError
from signkit.formats.files import PRIVATE_MODE, write_new
from signkit.formats.registry_backup import (
    DATABASE_NAME,
    BackupRecord,
    encode_backup,
    encode_sums,
    object_path,
)
from signkit.registry.backup_folder import RECORD_NAME, SUMS_NAME
from signkit.registry.copying import Advance, copy_file, has_digest, hash_file, make_folder
from signkit.registry.snapshot import StoredPart, reading, schema_step, stored_parts
from signkit.registry.sources import Source
from signkit.registry.store import PartKey
from signkit.verify.digest import Sha256, compute_digest

_OWN = {"objects", DATABASE_NAME, SUMS_NAME}
_COPY_NAME = f"{DATABASE_NAME}.tmp"
_TEMPORARY = (".signkit-", _COPY_NAME)
_PASSES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What a backup is told from outside, and says.

    Attributes:
        now: Returns the time, RFC 3339 UTC text.
        version: Of the signkit that writes.
        say: Told what a person should know while it goes on.
        advance: Told the bytes that were copied.
    """

    now: Callable[[], str]
    version: str
    say: Callable[[str], None]
    advance: Advance


def back_up(source: Source, target: Path, *, hooks: Hooks) -> tuple[BackupRecord, Sha256]:
    """Back up a registry; a server may run meanwhile.

    Args:
        source: The registry.
        target: A folder that is made, or one whose backup was not finished: it is gone on with.
        hooks: From outside.

    Returns:
        What was written, and the digest of backup.json, which covers all of it.

    Raises:
        FileError: something else is there, it cannot be written, or a backup into it runs.
        RegistryDamagedError: a part is lost or damaged; the message names all of them.
        RegistryError: the records cannot be read.
    """
    try:
        with _held(target):
            return _write_backup(source, target, hooks)
    except OSError as error:
        message = f"the backup {target} cannot be written: {(error.strerror or str(error)).lower()}"
        hint = "nothing is lost: give the same command again once there is room"
        raise FileError(message, hint=hint) from error


@contextmanager
def _held(target: Path) -> Iterator[None]:
    """Make the folder, or take the one of a backup that was not finished; one process at a time."""
    make_folder(target.absolute())
    descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = {name for name in os.listdir(target) if not name.startswith(_TEMPORARY)}
        if RECORD_NAME in found:
            message = f"{target} is a backup that is complete, and is never overwritten"
            raise FileError(message, hint="name a new folder")
        if found - _OWN:
            message = f"{target} holds something else: expected a new folder, or an empty one"
            raise FileError(message, hint="name a new folder; nothing is ever mixed or overwritten")
        yield
    except BlockingIOError:
        message = f"another process writes the backup {target}"
        raise FileError(message, hint="wait for it, or name another folder") from None
    finally:
        os.close(descriptor)


def _write_backup(source: Source, target: Path, hooks: Hooks) -> tuple[BackupRecord, Sha256]:
    copier = _Copier(source, target, hooks)
    created, step = copier.copy_one_moment()
    copier.remove_the_rest()
    with (target / DATABASE_NAME).open("rb", buffering=0) as file:
        database, _ = hash_file(file, advance=lambda _count: None)
    sums = encode_sums(database, copier.sizes)
    write_new(target / SUMS_NAME, sums, mode=PRIVATE_MODE, replace=True)
    record = BackupRecord(
        created=created,
        signkit=hooks.version,
        step=step,
        object_count=len(copier.sizes),
        object_size=sum(copier.sizes.values()),
        sums=compute_digest(sums),
    )
    data = encode_backup(record)
    # Renamed, not linked: a kill in between would leave a second name.
    write_new(target / RECORD_NAME, data, mode=PRIVATE_MODE, replace=True)
    return record, compute_digest(data)


class _Copier:
    """Copies records and parts until they fit one another.

    Attributes:
        sizes: Bytes of each object that the records speak of, by digest.
    """

    def __init__(self, source: Source, target: Path, hooks: Hooks) -> None:
        self.sizes: dict[Sha256, int] = {}
        self._source = source
        self._target = target
        self._hooks = hooks
        self._copied: dict[Sha256, int] = {}

    def copy_one_moment(self) -> tuple[str, str]:
        """Return when the moment was, and the step of its records."""
        gone: set[PartKey] = set()
        for _ in range(_PASSES):
            created = self._hooks.now()
            self._copy_records()
            missing = self._copy_parts(gone)
            if not missing:
                return created, schema_step(self._target / DATABASE_NAME)
            gone = missing
            self._hooks.say(f"parts removed meanwhile: {len(gone)}; the records are copied anew")
        message = f"content was removed while it was copied, {_PASSES} times in a row"
        raise RegistryError(message, hint="run it again at a quieter time; what is there is kept")

    def _copy_records(self) -> None:
        temporary = self._target / _COPY_NAME
        self._source.copy_records(temporary)
        temporary.chmod(PRIVATE_MODE)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(self._target / DATABASE_NAME)

    def _copy_parts(self, gone: set[PartKey]) -> set[PartKey]:
        """Copy what is not there yet; return which parts were gone.

        Args:
            gone: Those of the pass before: what is gone again is lost.
        """
        self.sizes = {}
        missing: set[PartKey] = set()
        damaged: list[str] = []
        with reading(self._target / DATABASE_NAME) as session:
            for part in stored_parts(session):
                try:
                    right = self._copy_part(part)
                except FileNotFoundError:
                    missing.add(part.key)
                    right = part.key not in gone
                if not right:
                    damaged.append(_name(part.key))
        if damaged and missing <= gone:  # else another pass follows, and then all are named
            message = f"lost or damaged in {self._source.place}: {', '.join(damaged)}"
            hint = "registry verify says more; destroy these binaries, or restore their parts"
            raise RegistryDamagedError(message, hint=hint)
        return missing

    def _copy_part(self, part: StoredPart) -> bool:
        digest = Sha256(bytes.fromhex(part.key.digest))
        if digest not in self._copied:
            path = self._target / object_path(digest)
            with self._source.open_part(part) as file:
                if not has_digest(path, digest, advance=self._hooks.advance) and not copy_file(
                    file, path, digest, advance=self._hooks.advance
                ):
                    return False
            self._copied[digest] = path.stat().st_size
        self.sizes[digest] = self._copied[digest]
        return self.sizes[digest] == part.size

    def remove_the_rest(self) -> None:
        """Remove what an earlier pass or an earlier run left, and the records do not speak of."""
        keep = {self._target / object_path(digest) for digest in self.sizes}
        for path in self._target.glob("objects/*/*"):
            if path not in keep:
                path.unlink()
        for path in self._target.iterdir():
            if path.name.startswith(_TEMPORARY):
                path.unlink()


def _name(key: PartKey) -> str:
    return f"part {key.index} of binary {key.content.binary}"
