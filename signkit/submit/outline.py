"""What a submission would do, found out without changing anything in the registry.

Spec: docs/howto/resume-upload.md, "Look first".
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Binary, BinaryState
from signkit.errors import SignkitError
from signkit.submit.attach import carries, choose_signatures
from signkit.submit.content import PlannedPart, plan_parts
from signkit.submit.documents import SignedItem, UnsignedItem, UploadItem
from signkit.submit.options import Options
from signkit.submit.records import (
    check_signed,
    check_uploaded,
    choose_binary,
    has_content,
    look_up,
)
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
        signature_count: Signatures that would be attached.
        error: Why it would fail, as far as can be seen; None where nothing is in the way.
    """

    item: UploadItem | UnsignedItem
    missing: tuple[str, ...]
    state: BinaryState | None
    part_count: int
    size: int
    signature_count: int
    error: SignkitError | None = None


def outline_item(
    client: RegistryClient, each: UploadItem | UnsignedItem, options: Options
) -> Outline:
    """Return what would be done for one item.

    Args:
        client: The registry.
        each: The item.
        options: How it would be submitted.

    Raises:
        TransportError: the registry failed.
    """
    if isinstance(each, UnsignedItem):
        return _refused(each, each.refusal())
    missing, binaries = look_up(client, each.item)
    found = None
    try:
        found = choose_binary(binaries, each)
        if options.only_attach:
            check_uploaded(found, each)
        signatures = _missing_signatures(found, each, attach_all=options.attach_all)
    except SignkitError as refused:
        return _refused(each, refused, found)
    parts = _missing_parts(client, found, each)
    return Outline(
        item=each,
        missing=tuple(missing) if found else (*missing, "binary"),
        state=found.state if found else None,
        part_count=len(parts),
        size=sum(part.size for part in parts),
        signature_count=signatures,
    )


def _refused(
    each: UploadItem | UnsignedItem, error: SignkitError, found: Binary | None = None
) -> Outline:
    return Outline(
        item=each,
        missing=(),
        state=found.state if found else None,
        part_count=0,
        size=0,
        signature_count=0,
        error=error,
    )


def _missing_signatures(found: Binary | None, wanted: UploadItem, *, attach_all: bool) -> int:
    """Count what would be attached; raises what a submission would raise of what is there."""
    if found is not None and found.state is BinaryState.SIGNED:
        check_signed(found, wanted)
    if not isinstance(wanted, SignedItem):
        return 0
    chosen = choose_signatures(found, wanted, attach_all=attach_all)
    return sum(found is None or not carries(found, signature) for signature in chosen)


def _missing_parts(
    client: RegistryClient, found: Binary | None, wanted: UploadItem
) -> list[PlannedPart]:
    planned = plan_parts(wanted.planned)
    if found is None or not has_content(found, wanted):
        return list(planned)
    if found.state is not BinaryState.UPLOADABLE:
        return []
    return find_missing(planned, client.list_parts(found.prn))
