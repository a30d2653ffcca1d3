"""Parts that clients sent to the store itself: put on record when somebody asks for them.

Nobody tells the registry of such a part. What an upload takes under an index is settled by the
part's declaration, because its URL is signed over length and SHA-256 and the store refuses other
bytes; so a part that the store lists with the declared size is the declared part.
"""

from __future__ import annotations

from collections.abc import Mapping

from signkit.registry.content import content_key, find_binary, load_parts, remove_parts
from signkit.registry.context import Parts
from signkit.registry.states import BinaryState, PartState
from signkit.registry.store import UploadGoneError
from signkit.registry.tables import Binary, now


def note_arrivals(registry: Parts, binary: Binary) -> None:
    """Bring the parts of a binary on record up to what the store has.

    Where the store gave the upload up, the binary begins its next revision without parts.

    Args:
        registry: The application's parts.
        binary: As it was read just now.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    if not binary.upload or binary.state != BinaryState.UPLOADABLE:
        return
    try:
        arrived = registry.store.arrived(content_key(binary), binary.upload)
    except UploadGoneError:
        _record(registry, binary, None)
        return
    if arrived:
        _record(registry, binary, arrived)


def _record(registry: Parts, seen: Binary, arrived: Mapping[int, int] | None) -> None:
    with registry.database.write() as session:
        binary = find_binary(session, seen.row)
        if binary is None or (binary.upload, binary.state) != (seen.upload, seen.state):
            return  # begun anew meanwhile
        if arrived is None:
            remove_parts(session, binary)
            return
        for part in load_parts(session, binary):
            size = arrived.get(part.index)
            state = PartState.VALID if size == part.size else PartState.INVALID_SIZE
            if size is not None and part.state != state:
                part.state = state
                part.updated_at = now()
