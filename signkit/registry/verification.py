"""`registry verify`: a registry or a backup, everything in it computed again.

A registry may serve meanwhile: one moment of it is looked at, and a part that is not there counts
only where the records still speak of it afterwards.

Spec: docs/formats/registry-backup.md section 5.
Control: SK-REGISTRY-VERIFY (docs/design/assurance.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from signkit.formats.registry_backup import DATABASE_NAME, Sums, object_path
from signkit.registry.backup_folder import RECORD_NAME, SUMS_NAME, open_backup
from signkit.registry.copying import Advance, has_digest
from signkit.registry.inspection import Fault, Inspection, inspect_registry
from signkit.registry.snapshot import copy_records, moment, stored_parts
from signkit.registry.sources import Source
from signkit.verify.digest import Sha256


def verify_source(source: Source, *, advance: Advance) -> Inspection:
    """Verify a registry.

    Args:
        source: Where it keeps what it has.
        advance: Told the bytes of content that were read.

    Raises:
        RegistryError: the records cannot be read, or a newer signkit wrote them.
        OSError: content cannot be read; that it is missing is a fault.
    """
    with moment(source.copy_records) as database:
        found = inspect_registry(database, source.open_part, advance=advance)
    if all(fault.part is None for fault in found.faults):
        return found
    with moment(source.copy_records) as database, database.read() as session:
        now = {part.key for part in stored_parts(session)}
    left = tuple(fault for fault in found.faults if fault.part is None or fault.part in now)
    return replace(found, faults=left)


def verify_backup(folder: Path, *, advance: Advance) -> Inspection:
    """Verify a backup.

    Args:
        folder: The backup.
        advance: Told the bytes of content that were read.

    Raises:
        RegistryError: it was not finished, its parts do not belong together, its records cannot be
            read, or a newer signkit wrote them.
        FileError, FormatError: it cannot be read, or is no backup.
        OSError: content cannot be read; that it is missing is a fault.
    """
    _record, sums = open_backup(folder)
    records = folder / DATABASE_NAME
    if not has_digest(records, sums.database, advance=lambda _count: None):
        problem = f"expected SHA-256 {sums.database.hex()}; nothing else was looked at"
        fault = Fault(place=DATABASE_NAME, problem=problem)
        return Inspection(counts={}, faults=(fault,))
    with moment(partial(copy_records, records)) as database:
        with database.read() as session:
            spoken_of = {part.key.digest for part in stored_parts(session)}
        found = inspect_registry(
            database,
            lambda part: (folder / object_path(Sha256(bytes.fromhex(part.key.digest)))).open(
                "rb", buffering=0
            ),
            advance=advance,
        )
    return replace(found, faults=(*found.faults, *_foreign(folder, sums, spoken_of)))


def _foreign(folder: Path, sums: Sums, spoken_of: set[str]) -> Iterator[Fault]:
    """Yield what lies in the folder and is not part of the backup, and what is listed in vain."""
    listed = {object_path(digest) for digest in sums.objects}
    kept = {f"objects/{digest[:2]}/{digest}" for digest in spoken_of}
    for name in sorted(listed ^ kept):
        problem = "no record speaks of it" if name in listed else "it is not listed"
        yield Fault(place=f"{SUMS_NAME}: {name}", problem=problem)
    expected = listed | {DATABASE_NAME, SUMS_NAME, RECORD_NAME}
    for path, _, names in os.walk(folder):
        for name in sorted(names):
            place = os.path.relpath(os.path.join(path, name), folder)
            if place not in expected:
                yield Fault(place=place, problem="it does not belong to the backup")
