"""Content hashing: SHA-256 of what is stored, computed while the parts arrive.

A follower hashes part 1, 2, 3... of a binary as soon as each is valid, from the page cache, so
that little is left to do when the client asks for the verdict. Where it falls behind, senders are answered
later, so that little stays little, and what is hashed is still in memory. What it hashed is remembered as a
digest over the parts' indexes and hashes: a verdict counts only where that equals the parts on
record, else everything is hashed again. Whatever is remembered may be lost at any time.

    hashing --(same hash)--> signable
    hashing --(another hash, or a part is gone)--> uploadable, next revision, parts removed

Spec: docs/formats/registry-protocol.md section 6.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from signkit.registry.audit import REGISTRY, acting
from signkit.registry.clean_up import Cleaner
from signkit.registry.content import LEAN, conclude, find_binary, load_parts, part_key
from signkit.registry.copying import hash_file
from signkit.registry.database import Database
from signkit.registry.states import BinaryState, PartState
from signkit.registry.store import ContentKey, PartKey, PartStore
from signkit.registry.tables import Binary, BinaryPart

if TYPE_CHECKING:
    from hashlib import _Hash as _Sha256

_BUFFER_SIZE = 1024 * 1024
_FOLLOWED = 4096
_SMALL = 4 * 1024 * 1024
_PARTS_A_STEP = 8
_PARTS_BEHIND = 8
_PACE_SECONDS = 1.0
_RETRIES = 3
_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """What is stored of a binary whose parts are settled, hashed.

    Attributes:
        revision: The binary's, to which alone this applies.
        digest: SHA-256 of what is stored, 64 lower-case hex digits.
        size: Bytes that are stored.
    """

    revision: int
    digest: str
    size: int


class ContentJobs(Protocol):
    """Hashing jobs; each may be asked for again at any time."""

    def start(self) -> None:
        """Begin, with what was asked for and not done before."""

    def follow(self, binary: int) -> None:
        """Say that a part of the binary with this row became valid."""

    async def keep_pace(self, binary: int) -> None:
        """Wait a moment where hashing is far behind the parts that became valid."""

    def hash_small(self, binary: Binary, parts: Sequence[BinaryPart]) -> Hashed | None:
        """Hash content that takes a moment only; None where a job has to, whose verdict to ask for.

        Args:
            binary, parts: As they were read just now.
        """

    async def settle(self, binary: int, *, seconds: float) -> None:
        """Ask for the verdict on a binary, and wait for it, but no longer than so many seconds."""

    def forget(self, binary: int) -> None:
        """Say that the parts of the binary changed."""

    def close(self) -> None:
        """Stop; jobs that are not done are asked for again at the next start."""


@dataclass(slots=True)
class _Follower:
    """How far one binary is hashed; owned by the worker that runs it."""

    row: int
    revision: int = 0
    count: int = 0
    size: int = 0
    content: _Sha256 = field(default_factory=sha256)
    parts: _Sha256 = field(default_factory=sha256)
    failures: int = 0
    # The rest is shared and changes under the hasher's lock.
    busy: bool = False
    again: bool = False
    stale: bool = False
    arrived: int = 0
    pace: Future[None] | None = None
    verdict: Future[None] | None = None

    def is_behind(self) -> bool:
        """Say whether many more parts arrived than were hashed."""
        return self.arrived - self.count > _PARTS_BEHIND

    def restart(self, revision: int) -> None:
        """Begin from the first part."""
        self.revision, self.count, self.size = revision, 0, 0
        self.content, self.parts = sha256(), sha256()


class ContentHasher:
    """Hashing jobs in threads of this process.

    Args:
        database: The records.
        store: The parts.
        workers: How many binaries are hashed at once.
        cleaner: Begins and ends along, or None.
    """

    def __init__(
        self, database: Database, store: PartStore, *, workers: int, cleaner: Cleaner | None = None
    ) -> None:
        self._cleaner = cleaner
        self._database = database
        self._store = store
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="signkit-hash")
        self._lock = threading.Lock()
        self._followers: OrderedDict[int, _Follower] = OrderedDict()
        self._closing = threading.Event()

    def start(self) -> None:
        """Ask for the verdicts that the last server did not come to."""
        if self._cleaner is not None:
            self._cleaner.start()
        with self._database.read() as session:
            query = select(Binary.row).where(Binary.state == BinaryState.HASHING)
            rows = list(session.scalars(query))
        for row in rows:
            self.conclude(row)

    def follow(self, binary: int) -> None:
        """Say that a part of the binary with this row became valid."""
        with self._lock:
            follower = self._find(binary)
            follower.arrived += 1
            self._wake(follower)

    async def keep_pace(self, binary: int) -> None:
        """Wait for the end of a step where many parts were not hashed yet, but not for long."""
        with self._lock:
            follower = self._followers.get(binary)
            # Parts that arrived before the first one is there do not keep the follower busy.
            if not (follower and follower.busy and follower.is_behind()):
                return
            pace = follower.pace = follower.pace or Future()
        await asyncio.wait([asyncio.wrap_future(pace)], timeout=_PACE_SECONDS)

    def hash_small(self, binary: Binary, parts: Sequence[BinaryPart]) -> Hashed | None:
        """Hash content of one part in the caller's thread; None for anything else."""
        settled = binary.state == BinaryState.HASHABLE
        if not settled or binary.size > _SMALL or len(parts) != 1:
            return None
        key = part_key(binary, parts[0])
        try:
            with self._store.open(key) as file:  # whatever its size is by now
                digest, size = hash_file(file, advance=lambda _count: None)
            self._store.retain([key])
        except OSError as error:
            _log.error("content of binary %s cannot be read: %s", binary.id, error)
            return None
        return Hashed(revision=binary.revision, digest=digest.hex(), size=size)

    def conclude(self, binary: int) -> Future[None]:
        """Hash what is left and give the verdict; the future is done when it is on record."""
        with self._lock:
            follower = self._find(binary)
            verdict = follower.verdict = follower.verdict or Future()
            self._wake(follower)
            return verdict

    async def settle(self, binary: int, *, seconds: float) -> None:
        """Ask for the verdict, and wait for it, but no longer than so many seconds."""
        await asyncio.wait([asyncio.wrap_future(self.conclude(binary))], timeout=seconds)

    def forget(self, binary: int) -> None:
        """Say that the parts of the binary changed."""
        with self._lock:
            follower = self._followers.pop(binary, None)
            if follower is not None:
                follower.stale = True
                if not follower.busy:
                    _resolve(follower.verdict)

    def close(self) -> None:
        """Stop; jobs that are not done are asked for again at the next start."""
        with self._lock:
            self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._cleaner is not None:
            self._cleaner.close()

    def _find(self, row: int) -> _Follower:
        follower = self._followers.setdefault(row, _Follower(row))
        self._followers.move_to_end(row)
        if len(self._followers) > _FOLLOWED:
            oldest = next(iter(self._followers.values()))
            if not oldest.busy:
                del self._followers[oldest.row]
        return follower

    def _wake(self, follower: _Follower) -> None:
        if follower.busy:
            follower.again = True
        elif not self._closing.is_set():
            follower.busy = True
            self._pool.submit(self._run, follower)

    def _run(self, follower: _Follower) -> None:
        """Do one step, then stand in line again: a large binary does not hold up the others."""
        more = False
        try:
            more = self._step(follower)
        except (OSError, SQLAlchemyError) as error:
            _log.error("hashing failed: %s", error)
            more = self._may_retry(follower)
        finally:
            self._pass_on(follower, more=more)

    def _may_retry(self, follower: _Follower) -> bool:
        follower.failures += 1
        if follower.verdict is None or follower.failures > _RETRIES:
            follower.stale = True
            return False
        return not self._closing.wait(_RETRY_SECONDS)

    def _pass_on(self, follower: _Follower, *, more: bool) -> None:
        with self._lock:
            pace, follower.pace = follower.pace, None
            _resolve(pace)
            if follower.stale:
                if self._followers.get(follower.row) is follower:
                    del self._followers[follower.row]
                _resolve(follower.verdict)
            elif (more or follower.again) and not self._closing.is_set():
                follower.again = False
                self._pool.submit(self._run, follower)
                return
            follower.busy = False

    def _step(self, follower: _Follower) -> bool:
        """Hash the parts that are next; return whether there is more to do right now."""
        # Before the parts are read: when a verdict is asked for they are all on record, and whoever
        # asks for it later wakes the follower again.
        with self._lock:
            wanted = follower.verdict is not None
        with self._database.read() as session:
            binary = session.get(Binary, follower.row, options=LEAN)
            if binary is None:
                follower.stale = True
                return False
            if binary.revision != follower.revision:
                follower.restart(binary.revision)
            parts = _next_parts(session, binary, follower.count)
        if not all(self._hash_part(follower, binary, part) for part in parts):
            return False
        if len(parts) == _PARTS_A_STEP:
            return True
        return wanted and self._give_verdict(follower)

    def _hash_part(self, follower: _Follower, binary: Binary, part: BinaryPart) -> bool:
        view = memoryview(bytearray(_BUFFER_SIZE))
        size = 0
        try:
            with self._store.open(part_key(binary, part)) as file:
                while count := file.readinto(view):  # type: ignore[attr-defined]
                    if self._closing.is_set() or follower.stale:
                        return False
                    follower.content.update(view[:count])
                    size += count
                _let_go(file)
        except FileNotFoundError:
            _log.error("part %d of binary %s is gone", part.index, binary.id)
        _note_part(follower.parts, part)
        follower.count += 1
        follower.size += size
        return True

    def _give_verdict(self, follower: _Follower) -> bool:
        """Put the verdict on record; return whether everything has to be hashed again."""
        kept: list[PartKey] = []
        with self._database.write() as session:
            binary = find_binary(session, follower.row)
            if binary is None or binary.state != BinaryState.HASHING:
                follower.stale = True
                return False
            parts = load_parts(session, binary)
            if not _covers(follower, binary, parts) and follower.failures < _RETRIES:
                follower.restart(binary.revision)
                follower.failures += 1
                return True
            removed = conclude(session, binary, follower.content.hexdigest(), follower.size)
            if removed is None:
                kept = [part_key(binary, part) for part in parts]
        follower.stale = True
        if removed is not None:
            self._store.discard(removed)
        self._store.retain(kept)
        return False


def give_verdict(session: Session, binary: Binary, hashed: Hashed) -> list[ContentKey]:
    """Put the verdict that was just asked for on record, where what was hashed is still what is.

    Args:
        session: A writing session.
        binary: On record, held, hashing.
        hashed: From `hash_small`.

    Returns:
        Content to discard after the commit.
    """
    if hashed.revision != binary.revision:
        return []
    session.flush()  # that somebody asked is a change of its own, and somebody else's
    with acting(REGISTRY):
        removed = conclude(session, binary, hashed.digest, hashed.size)
        session.flush()
    return [] if removed is None else [removed]


def _next_parts(session: Session, binary: Binary, count: int) -> list[BinaryPart]:
    """Return the valid parts that follow the first `count` without a gap."""
    query = select(BinaryPart).where(
        BinaryPart.binary_row == binary.row,
        BinaryPart.index > count,
        BinaryPart.index <= count + _PARTS_A_STEP,
        BinaryPart.state == PartState.VALID,
    )
    parts = list(session.scalars(query.order_by(BinaryPart.index)))
    return [part for place, part in enumerate(parts, count + 1) if part.index == place]


def _covers(follower: _Follower, binary: Binary, parts: Iterable[BinaryPart]) -> bool:
    """Say whether exactly these parts were hashed, in their order."""
    expected = sha256()
    for part in parts:
        _note_part(expected, part)
    return follower.revision == binary.revision and follower.parts.digest() == expected.digest()


def _let_go(file: BinaryIO) -> None:
    """Take a part that nobody reads soon out of memory.

    What arrives next is then written to memory that is at hand; finding new memory for it takes
    longer than hashing it does.
    """
    if hasattr(os, "posix_fadvise"):  # not everywhere
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _note_part(state: _Sha256, part: BinaryPart) -> None:
    state.update(f"{part.index}:{part.hash}\n".encode("ascii"))


def _resolve(future: Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
