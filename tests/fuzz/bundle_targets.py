"""Bundle archives: what push reads from anybody."""

from __future__ import annotations

import io

from signkit.bundles.archive import Archive, read_archive, read_contents
from signkit.bundles.index import encode_index, parse_index
from tests.fuzz.seeds import exactly, files, together
from tests.fuzz.target import Target, stable
from tests.support.bundle_archives import archive, frame, index_value

_SEED = archive()


def _archive(data: bytes) -> Archive:
    return read_archive(io.BytesIO(data))


def _entries(data: bytes) -> Archive:
    return read_archive(io.BytesIO(frame(data)))


def _archive_holds(found: Archive, data: bytes) -> None:
    _holds(found, data)


def _entries_hold(found: Archive, data: bytes) -> None:
    _holds(found, frame(data))


def _holds(found: Archive, data: bytes) -> None:
    """What was accepted is accepted again, and every item has its content."""
    sizes = {
        member.id: sum(map(len, pieces))
        for member, pieces in read_contents(io.BytesIO(data), found)
    }
    assert sizes == {member.id: member.size for member in found.index.members}


def _index_seed() -> bytes:
    from signkit.verify.encoding import encode_json

    return encode_json(index_value())


TARGETS = (
    Target(
        name="bundle-archive",
        parse=_archive,
        holds=_archive_holds,
        seeds=files("bundle-archive"),
    ),
    Target(name="bundle-entries", parse=_entries, holds=_entries_hold, seeds=exactly(_SEED)),
    Target(
        name="bundle-index",
        parse=parse_index,
        holds=stable(encode_index, parse_index),
        seeds=together(exactly(_index_seed()), files("json")),
    ),
)
