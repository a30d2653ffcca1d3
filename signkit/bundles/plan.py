"""What a push would do, found out without changing anything in the registry.

Every record is looked at and compared as a push compares it, so what a push would refuse is refused
here. Parts are counted by their digests, out of a second reading of the archive where some of a
content may be there already.

Spec: docs/howto/bundles.md, "Look first".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from signkit.bundles.archive import Archive, read_contents
from signkit.bundles.index import Member
from signkit.bundles.parts import PART_SIZE, Known, cut_parts, find_known
from signkit.bundles.signed import KnownKey, name_member
from signkit.bundles.there import (
    check_artifact,
    check_binary,
    check_hash,
    check_version,
    has_content,
    missing_signatures,
)
from signkit.client.bundles import ARTIFACT, BINARY, BUNDLE, VERSION, BundleRegistry
from signkit.client.resources import Binary, BinaryState
from signkit.formats.display import counted, escape, human_size


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlan:
    """What would be done for one binary.

    Attributes:
        member: Which.
        missing: The records that would be created: `artifact`, `version`, `binary`.
        state: The binary's state, or None where there is none yet.
        part_count: Parts that would be sent.
        size: Bytes that would be sent.
        signature_count: Signatures that would be attached.
    """

    member: Member
    missing: tuple[str, ...]
    state: BinaryState | None
    part_count: int
    size: int
    signature_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a push would do.

    Attributes:
        prn, hash: The bundle's, as they would be.
        created: Whether it would be created.
        signature_count: Signatures of its own that would be attached.
        members: For each binary.
    """

    prn: str
    hash: str
    created: bool
    signature_count: int
    members: tuple[MemberPlan, ...]


def plan_push(
    registry: BundleRegistry,
    archive: Archive,
    file: BinaryIO,
    *,
    keys: Mapping[str, KnownKey],
    new_hash: bool,
) -> Plan:
    """Return what `push_bundle` would do; takes and raises the same, and changes nothing."""
    index = archive.index
    expected = check_hash(registry, index, new_hash=new_hash)
    prn = registry.prn(BUNDLE, index.id)
    created = registry.find(BUNDLE, prn) is None
    there = () if created or new_hash else registry.signatures(prn)
    own = () if new_hash else index.signatures
    look = _Look(registry, keys)
    plans = {member.id: look.plan(member) for member in index.members}
    if look.begun:
        for member, pieces in read_contents(file, archive):
            if member.id in look.begun:
                count, size = _count_missing(pieces, look.begun[member.id])
                plans[member.id] = replace(plans[member.id], part_count=count, size=size)
    return Plan(
        prn=prn,
        hash=expected,
        created=created,
        signature_count=len(missing_signatures(own, there, keys)),
        members=tuple(plans[member.id] for member in index.members),
    )


class _Look:
    """One look at the records under the ids of an archive.

    Attributes:
        begun: By binary id, the parts of contents that are there in part.
    """

    def __init__(self, registry: BundleRegistry, keys: Mapping[str, KnownKey]) -> None:
        self._registry = registry
        self._keys = keys
        self._parents: dict[tuple[str, str], tuple[str, ...]] = {}
        self.begun: dict[str, Known] = {}

    def plan(self, member: Member) -> MemberPlan:
        """Return what would be done for one binary; parts that are there already count as missing."""
        parents = member.artifact.id, member.version.id
        if parents not in self._parents:
            self._parents[parents] = tuple(self._missing_parents(member))
        missing = self._parents[parents]
        found = self._registry.find(BINARY, self._registry.prn(BINARY, member.id))
        if found is not None:
            version = self._registry.prn(VERSION, member.version.id)
            check_binary(found, member, version_prn=version)
        needed = found is None or self._needs_content(found, member)
        there = () if found is None else found.signatures
        return MemberPlan(
            member=member,
            missing=missing if found else (*missing, "binary"),
            state=found.state if found else None,
            part_count=-(-member.size // PART_SIZE) if needed else 0,
            size=member.size if needed else 0,
            signature_count=len(missing_signatures(member.signatures, there, self._keys)),
        )

    def _needs_content(self, found: Binary, member: Member) -> bool:
        """Say whether a push would send content, and note what is there of it."""
        if not has_content(found, member):
            return True
        if found.state is not BinaryState.UPLOADABLE:
            return False
        known = find_known(self._registry.client, found.prn, member.size)
        if known:
            self.begun[member.id] = known
        return True

    def _missing_parents(self, member: Member) -> Iterator[str]:
        artifact_prn = self._registry.prn(ARTIFACT, member.artifact.id)
        artifact = self._registry.find(ARTIFACT, artifact_prn)
        if artifact is None:
            yield "artifact"
        else:
            check_artifact(artifact, member.artifact)
        version = self._registry.find(VERSION, self._registry.prn(VERSION, member.version.id))
        if version is None:
            yield "version"
        else:
            check_version(version, member.version, artifact_prn=artifact_prn)


def _count_missing(pieces: Iterator[bytes], known: Known) -> tuple[int, int]:
    """Return the parts of a content that are not known, and their bytes."""
    sizes = [
        len(data)
        for index, data, digest in cut_parts(pieces)
        if (index, len(data), digest) not in known
    ]
    return len(sizes), sum(sizes)


def describe_plan(plan: Plan) -> dict[str, object]:
    """Return a plan for the report."""
    return {
        "dry_run": True,
        "prn": plan.prn,
        "hash": plan.hash,
        "create": plan.created,
        "signature_count": plan.signature_count,
        "binaries": [_describe_member(each) for each in plan.members],
        "summary": {
            "binary_count": len(plan.members),
            "part_count": sum(each.part_count for each in plan.members),
            "size": sum(each.size for each in plan.members),
        },
    }


def _describe_member(each: MemberPlan) -> dict[str, object]:
    return {
        "artifact": each.member.artifact.name,
        "version": each.member.version.name,
        "target": each.member.target,
        "create": list(each.missing),
        "state": each.state.value if each.state else None,
        "part_count": each.part_count,
        "size": each.size,
        "signature_count": each.signature_count,
    }


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan in lines: one for each binary, one for the bundle, one that adds up."""
    part_count = sum(each.part_count for each in plan.members)
    size = human_size(sum(each.size for each in plan.members))
    made, own = "create it" if plan.created else "is there", _attached(plan.signature_count)
    binaries, parts = counted(len(plan.members), "binary", "binaries"), counted(part_count, "part")
    return [
        *map(_member_line, plan.members),
        f"bundle {plan.prn}: {made}; {own}",
        f"in all: {binaries}, {parts}, {size}",
    ]


def _member_line(each: MemberPlan) -> str:
    made = f"create {', '.join(each.missing)}; " if each.missing else ""
    state = f"binary is {each.state}; " if each.state else ""
    sent = f"send {counted(each.part_count, 'part')}, {human_size(each.size)}"
    return (
        f"{escape(name_member(each.member))}: {made}{state}"
        f"{sent if each.part_count else 'send nothing'}; {_attached(each.signature_count)}"
    )


def _attached(count: int) -> str:
    return f"attach {counted(count, 'signature')}" if count else "attach nothing"
