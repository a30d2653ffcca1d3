"""From hashed files to the items of a request.

Every digest in a request was computed here, from the file, by `hashing.py`: nothing is taken over
from anybody (docs/design/architecture.md, rule 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from signkit.errors import UsageError
from signkit.model.plan import PlannedItem
from signkit.model.request import Item, Wanted
from signkit.prepare.release_list import ListedFile
from signkit.schemes import trust
from signkit.schemes.table import check_wanted, find_scheme
from signkit.verify.encoding import check_name

NextSequence = Callable[[str, str], int]


def build_wanted(schemes: Sequence[str], *, role: str) -> tuple[Wanted, ...]:
    """Return what is asked for of every item.

    Raises:
        UnsupportedVersionError: an unknown scheme.
        PolicyError: a blind signature without the statement.
        UsageError: the scheme of trust roots.
    """
    for name in schemes:
        find_scheme(name)
        if name == trust.NAME:
            message = f"the scheme {name!r} signs trust roots, not files"
            raise UsageError(message, hint="`signkit trust request` asks for it")
    wanted = tuple(Wanted(scheme=name, role=role) for name in dict.fromkeys(schemes))
    check_wanted(wanted)
    return wanted


def build_items(
    listed: Sequence[ListedFile],
    hashed: Iterable[PlannedItem],
    *,
    wanted: tuple[Wanted, ...],
    next_sequence: NextSequence,
) -> Iterator[tuple[Item, PlannedItem]]:
    """Join what the user said of each file with what was computed from it, one at a time.

    Args:
        listed: What was said and checked, one for each file.
        hashed: What was computed, in the same order; it may still be on its way.
        wanted: The signatures asked for.
        next_sequence: The sequence that follows for an artifact and target, where none was said.

    Yields:
        The item of the request, and how it is uploaded.

    Raises:
        FormatError: a name is not one that every system holds.
    """
    for said, found in zip(listed, hashed, strict=True):
        path, name, artifact, version, target, sequence, expires, metadata = said
        check_name(name, what=f"name of {path}")
        if sequence is None:
            sequence = next_sequence(artifact, target)
        yield (
            Item(
                name,
                found.identity.size,
                found.digest,
                artifact,
                version,
                target,
                sequence,
                expires,
                metadata,
                wanted,
            ),
            found,
        )
