"""The verdict on content in a shared store: read once from the store, and compared.

Any number of workers may do so at once for the same binary: the first verdict stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha256

from signkit.registry.clean_up import discard
from signkit.registry.content import conclude, content_key, find_binary
from signkit.registry.database import Database
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, ContentStore, UploadGoneError
from signkit.registry.tables import Binary

_log = logging.getLogger(__name__)


class StoppedError(OSError):
    """The worker was told to stop; the job is done from its beginning by another."""


def give_verdict(
    database: Database, store: ContentStore, row: int, *, is_stopped: Callable[[], bool]
) -> None:
    """Put the content of a binary together, hash it, and put the verdict on record.

    Nothing happens where the binary is not being hashed, or no longer.

    Args:
        database: The records.
        store: The content.
        row: The binary's row.
        is_stopped: Asked between pieces of content.

    Raises:
        OSError: the store does not answer; ask again.
        StoppedError: is_stopped said so.
    """
    with database.read() as session:
        binary = find_binary(session, row)
    if binary is None or binary.state != BinaryState.HASHING:
        return
    content = content_key(binary)
    try:
        store.finish(content, binary.upload or "", size=binary.size)
        digest = _hash(store, content, binary, is_stopped)
    except (UploadGoneError, FileNotFoundError):
        _log.error("the content of binary %s is gone", binary.id)
        digest = ""
    with database.write() as session:
        found = find_binary(session, row)
        if found is None or found.state != BinaryState.HASHING or content_key(found) != content:
            return
        removed = conclude(session, found, digest, binary.size)
    if removed is not None:
        discard(store, removed)


def _hash(
    store: ContentStore, content: ContentKey, binary: Binary, is_stopped: Callable[[], bool]
) -> str:
    state = sha256()
    for piece in store.read(content, (), start=0, end=binary.size):
        if is_stopped():
            raise StoppedError
        state.update(piece)
    return state.hexdigest()
