"""From hashed files to the items of a request.

Every digest in a request was computed here, from the file, by `hashing.py`: nothing is taken over
from anybody (docs/design/architecture.md, rule 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from signkit.errors import UsageError
from signkit.formats.request import parse_metadata
from signkit.model.plan import PlannedItem
from signkit.model.request import Item, Wanted
from signkit.prepare.release_list import ListedFile
from signkit.schemes import trust
from signkit.schemes.table import check_wanted, find_scheme
from signkit.verify import limits
from signkit.verify.encoding import check_name, check_text

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
        listed: What was said, one for each file.
        hashed: What was computed, in the same order; it may still be on its way.
        wanted: The signatures asked for.
        next_sequence: The sequence that follows for an artifact and target, where none was said.

    Yields:
        The item of the request, and how it is uploaded.

    Raises:
        FormatError: a name, label or metadata breaks a rule of the request.
    """
    for said, found in zip(listed, hashed, strict=True):
        yield _build_item(said, found, wanted, next_sequence), found


def _build_item(
    said: ListedFile, found: PlannedItem, wanted: tuple[Wanted, ...], next_sequence: NextSequence
) -> Item:
    artifact, version, target, name = said.artifact, said.version, said.target, said.name
    if not (_is_plain(artifact) and _is_plain(version) and _is_plain(target)):
        for what, text in (("artifact", artifact), ("version", version), ("target", target)):
            check_text(text, what=f"{what} of {said.path}", limit=limits.LABEL_LENGTH)
    check_name(name, what=f"name of {said.path}")
    sequence = said.sequence
    if sequence is None:
        sequence = next_sequence(artifact, target)
    return Item(
        name=name,
        size=found.identity.size,
        digest=found.digest,
        artifact=artifact,
        version=version,
        target=target,
        sequence=sequence,
        expires=said.expires,
        custom_metadata=parse_metadata(said.custom_metadata, what=said.name)
        if said.custom_metadata
        else {},
        wanted=wanted,
    )


def _is_plain(label: str) -> bool:
    """Say whether a label is beyond doubt; any other is looked at closely."""
    return 0 < len(label) <= limits.LABEL_LENGTH and label.isprintable()
