"""Everything on record computed again, and whatever is wrong named.

    database     SQLite's integrity_check and foreign_key_check
    keys         enrolled by the ground floor, keyid computed
    parts        there, size, SHA-256
    binaries     signable and signed ones: parts 1 to n, their bytes in order come to hash and size
    signatures   of binaries and bundles, by the ground floor
    statements   opened by the ground floor with the keys that are enrolled here
    bundles      hash computed from the members
    audit        every line follows the one before it, in each organization

Spec: docs/formats/registry-backup.md section 5; docs/formats/registry-protocol.md.
Control: SK-REGISTRY-VERIFY (docs/design/assurance.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from signkit.errors import SignkitError, UnknownKeyError
from signkit.registry.audit_check import check_audits
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.content import load_parts, part_key
from signkit.registry.database import Database
from signkit.registry.ground_floor import (
    bundle_hash,
    enrolled_key,
    verify_binary_statement,
    verify_hash_signature,
)
from signkit.registry.snapshot import StoredPart
from signkit.registry.states import BinaryState, PartState
from signkit.registry.store import PartKey
from signkit.registry.tables import Binary, BinarySignature, Organization, SigningKey
from signkit.verify.ed25519 import PublicKey

if TYPE_CHECKING:
    from hashlib import _Hash as _Sha256

OpenPart = Callable[[StoredPart], BinaryIO]

_BUFFER_SIZE = 1024 * 1024
_ROWS_AT_ONCE = 100
_COMPLETE = frozenset({BinaryState.SIGNABLE, BinaryState.SIGNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is wrong.

    Attributes:
        place: Where, for people.
        problem: What, for people.
        part: The part that is lost or damaged, where it is one.
    """

    place: str
    problem: str
    part: PartKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found.

    Attributes:
        counts: How many of each were looked at: keys, binaries, parts, bytes, signatures,
            statements, bundles; and `foreign_statements`, which no key enrolled here signed.
        faults: What is wrong; empty where everything is right.
    """

    counts: dict[str, int]
    faults: tuple[Fault, ...]


def inspect_registry(
    database: Database, open_part: OpenPart, *, advance: Callable[[int], None]
) -> Inspection:
    """Compute everything on record again.

    Args:
        database: The records, which nobody writes to meanwhile.
        open_part: Opens a part for reading, unbuffered.
        advance: Told the bytes of content that were read.

    Raises:
        OSError: content cannot be read; that it is missing is a fault.
    """
    with database.read() as session:
        return _Inspector(session, open_part, advance).inspect()


@dataclass(slots=True)
class _Inspector:
    """One look at everything."""

    session: Session
    open_part: OpenPart
    advance: Callable[[int], None]
    counts: Counter[str] = field(default_factory=Counter)
    keys: dict[int, dict[int, PublicKey]] = field(default_factory=dict)

    def inspect(self) -> Inspection:
        steps = (self._database, self._keys, self._binaries, self._bundles, self._audits)
        faults = tuple(fault for step in steps for fault in step())
        names = ("keys", "binaries", "parts", "bytes", "signatures", "statements", "bundles")
        counts = {name: self.counts[name] for name in (*names, "foreign_statements")}
        return Inspection(counts=counts, faults=faults)

    def _database(self) -> Iterator[Fault]:
        for (problem,) in self.session.execute(text("PRAGMA integrity_check")):
            if problem != "ok":
                yield Fault(place="database", problem=str(problem))
        for table, row, other, _ in self.session.execute(text("PRAGMA foreign_key_check")):
            yield Fault(place="database", problem=f"row {row} of {table} refers to no {other}")

    def _keys(self) -> Iterator[Fault]:
        for row in self.session.scalars(select(SigningKey)):
            self.counts["keys"] += 1
            try:
                key = enrolled_key(row.value)
            except SignkitError as error:
                yield Fault(place=f"signing key {row.id}", problem=str(error))
                continue
            if key.keyid != row.keyid:
                problem = f"expected keyid {key.keyid}, got {row.keyid}"
                yield Fault(place=f"signing key {row.id}", problem=problem)
            self.keys.setdefault(row.organization_row, {})[row.row] = key

    def _binaries(self) -> Iterator[Fault]:
        query = select(Binary).order_by(Binary.row).execution_options(yield_per=_ROWS_AT_ONCE)
        for binary in self.session.scalars(query):
            self.counts["binaries"] += 1
            if binary.state != BinaryState.DESTROYED:
                yield from self._content(binary)
            for signature in binary.signatures:
                yield from self._signature(signature, binary.hash, _name(binary))
            yield from self._statement(binary)

    def _content(self, binary: Binary) -> Iterator[Fault]:
        state = sha256()
        size, whole = 0, True
        parts = [part for part in load_parts(self.session, binary) if part.state == PartState.VALID]
        for part in parts:
            self.counts["parts"] += 1
            stored = StoredPart(key=part_key(binary, part), start=size, size=part.size)
            problem, count = self._part(stored, state)
            size += count
            if problem is not None:
                whole = False
                place = f"part {part.index} of {_name(binary)}"
                yield Fault(place=place, problem=problem, part=stored.key)
        if binary.state not in _COMPLETE or not whole:
            return
        if [part.index for part in parts] != list(range(1, len(parts) + 1)):
            yield Fault(place=_name(binary), problem="its parts are not those from 1 without a gap")
        elif (size, state.hexdigest()) != (binary.size, binary.hash):
            problem = (
                f"expected {binary.size} bytes with SHA-256 {binary.hash},"
                f" got {size} with {state.hexdigest()}"
            )
            yield Fault(place=_name(binary), problem=problem)

    def _part(self, part: StoredPart, content: _Sha256) -> tuple[str | None, int]:
        """Hash one part, also as a piece of its content; return what is wrong, and its size."""
        view, own, size = memoryview(bytearray(_BUFFER_SIZE)), sha256(), 0
        try:
            with self.open_part(part) as file:
                while count := file.readinto(view):  # type: ignore[attr-defined]
                    own.update(view[:count])
                    content.update(view[:count])
                    size += count
                    self.advance(count)
        except FileNotFoundError:
            return "it is not there", 0
        self.counts["bytes"] += size
        if (size, own.hexdigest()) == (part.size, part.key.digest):
            return None, size
        problem = f"expected {part.size} bytes with SHA-256 {part.key.digest}, got {size} with"
        return f"{problem} {own.hexdigest()}", size

    def _signature(
        self, row: BinarySignature | BundleSignature, hash_text: str, place: str
    ) -> Iterator[Fault]:
        self.counts["signatures"] += 1
        key = self.keys.get(row.organization_row, {}).get(row.signing_key_row)
        if key is None:
            yield Fault(place=f"signature {row.id} of {place}", problem="its key is not usable")
            return
        try:
            verify_hash_signature(key, hash_text, row.signature)
        except (SignkitError, ValueError) as error:
            yield Fault(place=f"signature {row.id} of {place}", problem=str(error))

    def _statement(self, binary: Binary) -> Iterator[Fault]:
        """Verify the statement; one that none of the keys here signed is counted, not a fault."""
        keys = self.keys.get(binary.organization_row, {}).values()
        try:
            if verify_binary_statement(binary, keys) is not None:
                self.counts["statements"] += 1
        except (SignkitError, ValueError) as error:
            if getattr(error, "reason", None) == UnknownKeyError.code:
                self.counts["foreign_statements"] += 1
            else:
                yield Fault(place=f"statement of {_name(binary)}", problem=str(error))

    def _bundles(self) -> Iterator[Fault]:
        query = select(Bundle).order_by(Bundle.row).execution_options(yield_per=_ROWS_AT_ONCE)
        for bundle in self.session.scalars(query):
            self.counts["bundles"] += 1
            place = f"bundle {bundle.name or bundle.id!s}"
            organization = self.session.get_one(Organization, bundle.organization_row)
            members = [
                (self.session.get_one(Binary, member.binary_row), member.custom_metadata)
                for member in bundle.members
            ]
            try:
                computed = bundle_hash(members, organization.id)
            except (SignkitError, ValueError) as error:
                computed = str(error)
            if computed != bundle.hash:
                yield Fault(place=place, problem=f"expected hash {bundle.hash}, got {computed}")
            for signature in bundle.signatures:
                yield from self._signature(signature, bundle.hash, place)

    def _audits(self) -> Iterator[Fault]:
        for problem in check_audits(self.session):
            yield Fault(place="audit", problem=problem)


def _name(binary: Binary) -> str:
    version = binary.artifact_version
    return f"binary {version.artifact.name} {version.version} {binary.target} ({binary.id})"
