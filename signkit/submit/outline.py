"""What a submission would do, found out without changing anything in the registry.

Spec: docs/howto/resume-upload.md, "Look first".
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Binary, BinaryState
from signkit.errors import SignkitError
from signkit.model.request import Item
from signkit.submit.attach import choose_signatures
from signkit.submit.content import PlannedPart, plan_parts
from signkit.submit.documents import SignedItem, UnsignedItem
from signkit.submit.records import check_signed, choose_binary, has_content
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

    item: SignedItem | UnsignedItem
    missing: tuple[str, ...]
    state: BinaryState | None
    part_count: int
    size: int
    error: SignkitError | None = None


def outline_item(
    client: RegistryClient, each: SignedItem | UnsignedItem, *, attach_all: bool = False
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


def _outline(client: RegistryClient, signed: SignedItem, *, attach_all: bool) -> Outline:
    missing, binaries = _look_up(client, signed.item)
    found, error = None, None
    try:
        found = choose_binary(binaries, signed)
        if found is None:
            missing.append("binary")
        else:
            _check_found(found, signed, attach_all=attach_all)
    except SignkitError as refused:
        error = refused
    parts = [] if error else _missing_parts(client, found, signed)
    return Outline(
        item=signed,
        missing=tuple(missing),
        state=found.state if found else None,
        part_count=len(parts),
        size=sum(part.size for part in parts),
        error=error,
    )


def _look_up(client: RegistryClient, item: Item) -> tuple[list[str], tuple[Binary, ...]]:
    """Return which of artifact and version are missing, and the binaries where neither is."""
    artifacts = client.find_artifacts(item.artifact)
    if not artifacts:
        return ["artifact", "version"], ()
    versions = client.find_versions(artifacts[0].prn, item.version)
    if not versions:
        return ["version"], ()
    return [], client.find_binaries(versions[0].prn, item.target)


def _check_found(found: Binary, signed: SignedItem, *, attach_all: bool) -> None:
    """Raise what the submission would raise of a binary that is there."""
    if found.state is BinaryState.SIGNED:
        check_signed(found, signed)
    choose_signatures(found, signed, attach_all=attach_all)


def _missing_parts(
    client: RegistryClient, found: Binary | None, signed: SignedItem
) -> list[PlannedPart]:
    planned = plan_parts(signed.planned)
    if found is None or not has_content(found, signed):
        return list(planned)
    if found.state is not BinaryState.UPLOADABLE:
        return []
    return find_missing(planned, client.list_parts(found.prn))
