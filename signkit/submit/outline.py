"""What a submission would do, found out without changing anything in the registry.

Spec: docs/howto/resume-upload.md, "Look first".
"""

from __future__ import annotations

from dataclasses import dataclass

from signkit.client.protocol import RegistryClient
from signkit.client.resources import Binary, BinaryState
from signkit.errors import SignkitError
from signkit.submit.content import PlannedPart, plan_parts
from signkit.submit.documents import SignedItem
from signkit.submit.records import choose_binary, has_content
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

    item: SignedItem
    missing: tuple[str, ...]
    state: BinaryState | None
    part_count: int
    size: int
    error: SignkitError | None = None


def outline_item(client: RegistryClient, signed: SignedItem) -> Outline:
    """Return what would be done for one item.

    Raises:
        TransportError: the registry failed.
    """
    item = signed.item
    missing, found = ["artifact", "version", "binary"], None
    artifacts = client.find_artifacts(item.artifact)
    versions = client.find_versions(artifacts[0].prn, item.version) if artifacts else ()
    binaries = client.find_binaries(versions[0].prn, item.target) if versions else ()
    error = None
    try:
        found = choose_binary(binaries, signed)
    except SignkitError as refused:
        error = refused
    there = (bool(artifacts), bool(versions), found is not None or error is not None)
    parts = [] if error else _missing_parts(client, found, signed)
    return Outline(
        item=signed,
        missing=tuple(name for name, known in zip(missing, there, strict=True) if not known),
        state=found.state if found else None,
        part_count=len(parts),
        size=sum(part.size for part in parts),
        error=error,
    )


def _missing_parts(
    client: RegistryClient, found: Binary | None, signed: SignedItem
) -> list[PlannedPart]:
    planned = plan_parts(signed.planned)
    if found is None or not has_content(found, signed):
        return list(planned)
    if found.state is not BinaryState.UPLOADABLE:
        return []
    return find_missing(planned, client.list_parts(found.prn))
