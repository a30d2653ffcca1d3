"""What a submission would do, found out without changing anything in the registry.

Spec: docs/howto/resume-upload.md, "Look first".
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Binary, BinaryState
from signkit.errors import SignkitError
from signkit.submit.attach import choose_signatures
from signkit.submit.content import PlannedPart, plan_parts
from signkit.submit.documents import SignedItem, UnsignedItem, UploadItem
from signkit.submit.records import check_signed, choose_binary, has_content, look_up
from signkit.submit.upload import find_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What would be done for one item.

    Attributes:
        item: The item.
        missing: The records that would be created: `artifact`, `version`, `binary`.
        state: The binary's state, or None where there is none yet.
        part_count: Parts that would be sent.
        size: Bytes that would be sent.
        error: Why it would fail, as far as can be seen; None where nothing is in the way.
    """

    item: UploadItem | UnsignedItem
    missing: tuple[str, ...]
    state: BinaryState | None
    part_count: int
    size: int
    error: SignkitError | None = None


def outline_item(
    client: RegistryClient, each: UploadItem | UnsignedItem, *, attach_all: bool = False
) -> Outline:
    """Return what would be done for one item.

    Args:
        client: The registry.
        each: The item.
        attach_all: Whether every registry signature would be attached.

    Raises:
        TransportError: the registry failed.
    """
    if isinstance(each, UnsignedItem):
        return Outline(
            item=each, missing=(), state=None, part_count=0, size=0, error=each.refusal()
        )
    return _outline(client, each, attach_all=attach_all)


def _outline(client: RegistryClient, wanted: UploadItem, *, attach_all: bool) -> Outline:
    missing, binaries = look_up(client, wanted.item)
    found, error = None, None
    try:
        found = choose_binary(binaries, wanted)
        if found is None:
            missing.append("binary")
        else:
            _check_found(found, wanted, attach_all=attach_all)
    except SignkitError as refused:
        error = refused
    parts = [] if error else _missing_parts(client, found, wanted)
    return Outline(
        item=wanted,
        missing=tuple(missing),
        state=found.state if found else None,
        part_count=len(parts),
        size=sum(part.size for part in parts),
        error=error,
    )


def _check_found(found: Binary, wanted: UploadItem, *, attach_all: bool) -> None:
    """Raise what the submission would raise of a binary that is there."""
    if found.state is BinaryState.SIGNED:
        check_signed(found, wanted)
    if isinstance(wanted, SignedItem):
        choose_signatures(found, wanted, attach_all=attach_all)


def _missing_parts(
    client: RegistryClient, found: Binary | None, wanted: UploadItem
) -> list[PlannedPart]:
    planned = plan_parts(wanted.planned)
    if found is None or not has_content(found, wanted):
        return list(planned)
    if found.state is not BinaryState.UPLOADABLE:
        return []
    return find_missing(planned, client.list_parts(found.prn))
