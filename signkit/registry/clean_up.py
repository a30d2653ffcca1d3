"""Removing what nobody needs any more: each function is bounded, and may be ended and asked again.

What records speak of stays, what they do not speak of goes: a process that dies between a commit
and the removal of content leaves such content. An upload that nobody went on with is taken back.
"""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy import Select, exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from signkit.registry.content import find_binary, find_dead, reset_content
from signkit.registry.database import Database
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, ContentStore
from signkit.registry.tables import Binary, BinaryPart

SHARDS = 256
YOUNG_SECONDS = 3600
"""What is younger may belong to a transaction that is not on record yet."""

_PAUSE_SECONDS = 3600
_GIVEN_UP = 100
_MICROSECONDS = 1_000_000
_UNFINISHED = (BinaryState.UPLOADABLE, BinaryState.HASHABLE)
_log = logging.getLogger(__name__)


def discard(store: ContentStore, content: ContentKey) -> None:
    """Remove content after the commit that made it dead; a store that fails is swept later."""
    try:
        store.discard(content)
    except OSError as error:
        _log.warning("content of binary %s is left for the clean-up: %s", content.binary, error)


def sweep(database: Database, store: ContentStore, shard: int, *, before: float) -> int:
    """Remove content of a shard that no record speaks of.

    Args:
        database: The records.
        store: The content.
        shard: 0 to 255.
        before: Seconds since 1970; what is younger stays.

    Returns:
        How many revisions of binaries were removed.

    Raises:
        OSError: the store cannot be listed, or does not remove.
    """
    swept = 0
    for page in store.stored(shard, before=before):
        with database.read() as session:
            dead = find_dead(session, page)
        for content in dead:
            store.discard(content)
        swept += len(dead)
    return swept


def give_up(database: Database, store: ContentStore, *, before: float) -> int:
    """Take back uploads that nobody went on with: the binaries wait for all of their parts again.

    Args:
        database: The records.
        store: The content.
        before: Seconds since 1970; an upload with a part declared or sent later goes on.

    Returns:
        How many, at most 100; ask again where it is so many.

    Raises:
        OSError: the store does not remove.
    """
    latest = int(before * _MICROSECONDS)
    with database.read() as session:
        rows = list(session.scalars(_query_idle(latest).limit(_GIVEN_UP)))
    for row in rows:
        with database.write() as session:
            removed = _take_back(session, row, latest)
        if removed is not None:
            store.discard(removed)
    return len(rows)


def _query_idle(latest: int) -> Select[int]:
    parts = select(BinaryPart.row).where(BinaryPart.binary_row == Binary.row)
    return select(Binary.row).where(
        Binary.state.in_(_UNFINISHED),
        Binary.updated_at < latest,
        exists(parts),
        ~exists(parts.where(BinaryPart.updated_at >= latest)),
    )


def _take_back(session: Session, row: int, latest: int) -> ContentKey | None:
    binary = find_binary(session, row)
    idle = session.scalar(_query_idle(latest).where(Binary.row == row))
    return None if binary is None or idle is None else reset_content(session, binary)


class Cleaner:
    """The clean-up of one machine, in a thread: at the start, and then every hour.

    Args:
        database: The records.
        store: The content.
        abandon_seconds: After what time an upload that nobody went on with is taken back.
    """

    def __init__(self, database: Database, store: ContentStore, *, abandon_seconds: int) -> None:
        self._database = database
        self._store = store
        self._abandon_seconds = abandon_seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signkit-clean-up", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop after what is being removed right now."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._clean()
            except (OSError, SQLAlchemyError) as error:
                _log.error("clean-up failed: %s", error)
            self._closing.wait(_PAUSE_SECONDS)

    def _clean(self) -> None:
        now = time.time()
        swept = 0
        for shard in range(SHARDS):
            if self._closing.is_set():
                return
            swept += sweep(self._database, self._store, shard, before=now)
        if swept:
            _log.warning("removed %d contents that no record speaks of", swept)
        taken = give_up(self._database, self._store, before=now - self._abandon_seconds)
        if taken:
            _log.warning("took back %d uploads that nobody went on with", taken)
