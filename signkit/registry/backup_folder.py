"""A backup's folder, as its readers open it.

Spec: docs/formats/registry-backup.md section 5.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from signkit.errors import RegistryDamagedError, RegistryError
from signkit.formats.files import read_file
from signkit.formats.registry_backup import (
    RECORD_SIZE,
    SUMS_SIZE,
    BackupRecord,
    Sums,
    parse_backup,
    parse_sums,
)
from signkit.registry.inspection import Inspection
from signkit.verify.digest import Sha256, compute_digest

RECORD_NAME = "backup.json"
SUMS_NAME = "SHA256SUMS"
_DAMAGED = "registry verify names everything that is wrong in it; take another backup"


def open_backup(folder: Path) -> tuple[BackupRecord, Sums]:
    """Read what a backup is, and the digest of everything in it; nothing else is read yet.

    Raises:
        RegistryError: it was not finished.
        FileError, FormatError: it cannot be read, or is no backup.
        RegistryDamagedError: its parts do not belong together.
    """
    if not (folder / RECORD_NAME).exists():
        message = f"{folder} is no backup, or one that was not finished: it has no {RECORD_NAME}"
        hint = "registry backup with the same name goes on with one that was not finished"
        raise RegistryError(message, hint=hint)
    data = read_file(folder / RECORD_NAME, limit=RECORD_SIZE, what="backup record")
    record = parse_backup(data)
    listed = read_file(folder / SUMS_NAME, limit=SUMS_SIZE, what="list of digests")
    if compute_digest(listed) != record.sums:
        message = f"{folder / SUMS_NAME} is not the list that belongs to {RECORD_NAME}"
        raise RegistryDamagedError(message, hint=_DAMAGED)
    sums = parse_sums(listed)
    if len(sums.objects) != record.object_count:
        message = f"expected {record.object_count} objects, and {len(sums.objects)} are listed"
        raise RegistryDamagedError(message, hint=_DAMAGED)
    return record, sums


def refuse_object(path: Path, digest: Sha256) -> NoReturn:
    """Refuse a file of a backup that is not there or has another digest.

    Raises:
        RegistryDamagedError: always.
    """
    message = f"{path} is lost or damaged: expected SHA-256 {digest.hex()}"
    raise RegistryDamagedError(message, hint=_DAMAGED)


def refuse_faults(backup: Path, inspection: Inspection) -> None:
    """Pass where what a backup holds is right.

    Raises:
        RegistryDamagedError: it is not; the message names everything.
    """
    if inspection.faults:
        found = "; ".join(f"{fault.place}: {fault.problem}" for fault in inspection.faults)
        message = f"{backup} is whole, and what it holds is not right: {found}"
        raise RegistryDamagedError(message, hint=_DAMAGED)
