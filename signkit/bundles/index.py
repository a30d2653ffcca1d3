"""The index of a bundle archive: bytes to values and back.

Spec: docs/formats/bundle-archive.md section 4.
Controls: SK-BUNDLE-ARCHIVE (docs/design/assurance.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signkit.errors import MalformedError, TooLargeError
from signkit.formats.metadata import check_metadata
from signkit.verify import limits
from signkit.verify.digest import Sha256
from signkit.verify.encoding import Fields, canonical_json, check_text, decode_hex, parse_json

NAME = "bundle.json"
_TEXT_LENGTH = 256  # of a bundle's name, and of descriptions (registry protocol sections 2 and 9)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSignature:
    """A signature that is in an archive, not verified.

    Attributes:
        keyid: Whose it is said to be.
        signature: 128 hex digits, in the case in which it was given.
    """

    keyid: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A record that stands around content: its id, what it is called, and its description."""

    id: str
    name: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One binary of an archive.

    Attributes:
        artifact, version: What it is of.
        id: The binary's.
        description: The binary's.
        target: What it is for.
        digest, size: SHA-256 and bytes that its content has.
        custom_metadata: A JSON object, in exact numbers; empty for none.
        signatures: Over the digest, not verified.
    """

    artifact: Named
    version: Named
    id: str
    description: str | None
    target: str
    digest: Sha256
    size: int
    custom_metadata: Mapping[str, object]
    signatures: tuple[IndexSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What an archive says of its bundle.

    Attributes:
        id: The bundle's.
        name: The bundle's, or None.
        hash: 64 lower-case hex digits, as the archive says.
        signatures: Over the hash, not verified.
        members: In the order of the bundle.
    """

    id: str
    name: str | None
    hash: str
    signatures: tuple[IndexSignature, ...]
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """Bytes of content in all."""
        return sum(member.size for member in self.members)


def parse_index(data: bytes) -> Index:
    """Parse `bundle.json`.

    Args:
        data: At most limits.BUNDLE_INDEX_SIZE bytes.

    Raises:
        FormatError: not such an index; the field is named.
    """
    fields = Fields(parse_json(data, limit=limits.BUNDLE_INDEX_SIZE, what=NAME), NAME)
    records = dict(_read_artifacts(fields))
    bundle = fields.member("bundle")
    fields.done()
    items = bundle.array("manifest", least=1, most=limits.BUNDLE_MEMBER_COUNT)
    index = Index(
        id=_uuid(bundle.text("id"), f"{NAME}.bundle.id"),
        name=_optional(bundle, "name"),
        hash=_hex(bundle, "hash").hex(),
        signatures=_read_signatures(bundle, f"{NAME}.bundle"),
        members=tuple(
            _read_item(value, records, f"manifest[{place}]") for place, value in enumerate(items)
        ),
    )
    bundle.done()
    if records:  # each item took its own
        message = f"{NAME}: the binary {next(iter(records))} is not in the manifest"
        raise MalformedError(message)
    return index


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What stands under `artifacts` of one binary."""

    artifact: Named
    version: Named
    description: str | None
    signatures: tuple[IndexSignature, ...]


def _read_artifacts(fields: Fields) -> Iterator[tuple[str, _Record]]:
    """Yield what is said of each binary, by its id."""
    for artifact_id, artifact in _read_map(fields, "artifacts"):
        named = Named(
            id=artifact_id,
            name=artifact.label("name"),
            description=_optional(artifact, "description"),
        )
        for version_id, version in _read_map(artifact, "versions"):
            yield from _read_version(named, version_id, version)
        artifact.done()


def _read_version(
    artifact: Named, version_id: str, version: Fields
) -> Iterator[tuple[str, _Record]]:
    named = Named(
        id=version_id,
        name=version.label("version"),
        description=_optional(version, "description"),
    )
    for binary_id, binary in _read_map(version, "binaries"):
        record = _Record(
            artifact=artifact,
            version=named,
            description=_optional(binary, "description"),
            signatures=_read_signatures(binary, f"the binary {binary_id}"),
        )
        binary.done()
        yield binary_id, record
    version.done()


def _read_map(fields: Fields, name: str) -> Iterator[tuple[str, Fields]]:
    """Yield the members of an object that is a map by id; it is not empty."""
    value = fields.take(name)
    if not isinstance(value, dict) or not value:
        message = f"{NAME}.{name}: expected an object with at least one member"
        raise MalformedError(message)
    for identity, member in value.items():
        yield _uuid(identity, f"{NAME}.{name}"), Fields(member, f"{name}.{identity}")


def _read_item(value: object, records: dict[str, _Record], where: str) -> Member:
    fields = Fields(value, where)
    identity = _uuid(fields.text("binary_id"), f"{where}.binary_id")
    record = records.pop(identity, None)
    if record is None:
        message = f"{where}: the binary {identity} is not in artifacts, or is in the manifest twice"
        raise MalformedError(message)
    for name, named in (("artifact_id", record.artifact), ("artifact_version_id", record.version)):
        fields.constant(name, named.id)
    member = Member(
        artifact=record.artifact,
        version=record.version,
        id=identity,
        description=record.description,
        target=fields.label("target"),
        digest=Sha256(_hex(fields, "hash")),
        size=fields.integer("size", most=limits.BUNDLE_CONTENT_SIZE),
        custom_metadata=check_metadata(
            fields.take("custom_metadata"), what=f"{where}.custom_metadata"
        ),
        signatures=record.signatures,
    )
    fields.done()
    return member


def _read_signatures(fields: Fields, where: str) -> tuple[IndexSignature, ...]:
    members = fields.array("signatures", most=limits.ENVELOPE_SIGNATURE_COUNT)
    return tuple(_read_signature(member, f"{where}: signature") for member in members)


def _read_signature(value: object, where: str) -> IndexSignature:
    fields = Fields(value, where)
    found = IndexSignature(
        keyid=_hex(fields, "keyid").hex(),
        signature=_signature_text(fields, where),
    )
    fields.done()
    return found


def _optional(fields: Fields, name: str) -> str | None:
    if fields.is_null(name) or not fields.has(name):
        return None
    return check_text(
        fields.text(name), what=f"{NAME}: {name}", limit=_TEXT_LENGTH, lines=name == "description"
    )


def _uuid(text: str, what: str) -> str:
    if _UUID.fullmatch(text) is None:
        message = f"{what}: expected a hyphenated UUID in lower case, got {text[:80]!r}"
        raise MalformedError(message)
    return text


def _hex(fields: Fields, name: str) -> bytes:
    return decode_hex(fields.text(name), size=32, what=f"{NAME}: {name}")


def _signature_text(fields: Fields, where: str) -> str:
    text = fields.text("sig")
    if _SIGNATURE.fullmatch(text) is None:
        message = f"{where}.sig: expected 128 hex digits, got {text[:40]!r}"
        raise MalformedError(message)
    return text


def encode_index(index: Index) -> bytes:
    """Encode an index as `bundle.json`: one spelling for one bundle.

    Raises:
        TooLargeError: it is longer than limits.BUNDLE_INDEX_SIZE.
    """
    manifest = [
        {
            "hash": member.digest.hex(),
            "size": member.size,
            "binary_id": member.id,
            "target": member.target,
            "artifact_version_id": member.version.id,
            "artifact_id": member.artifact.id,
            "custom_metadata": _sorted(member.custom_metadata),
        }
        for member in index.members
    ]
    bundle = {
        "id": index.id,
        "name": index.name,
        "hash": index.hash,
        "signatures": _encode_signatures(index.signatures),
        "manifest": manifest,
    }
    value = {"artifacts": _encode_artifacts(index.members), "bundle": bundle}
    data = json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8")
    if len(data) > limits.BUNDLE_INDEX_SIZE:
        message = (
            f"{NAME} is too large: expected at most {limits.BUNDLE_INDEX_SIZE} bytes,"
            f" got {len(data)}"
        )
        raise TooLargeError(message, hint="split the bundle")
    return data


def _encode_artifacts(members: Sequence[Member]) -> dict[str, object]:
    artifacts: dict[str, dict[str, Any]] = {}
    ordered = sorted(members, key=lambda each: (each.artifact.id, each.version.id, each.id))
    for member in ordered:
        artifact, version = member.artifact, member.version
        of_artifact = artifacts.setdefault(
            artifact.id,
            {"name": artifact.name, "description": artifact.description, "versions": {}},
        )
        of_version = of_artifact["versions"].setdefault(
            version.id,
            {"version": version.name, "description": version.description, "binaries": {}},
        )
        of_version["binaries"][member.id] = {
            "description": member.description,
            "signatures": _encode_signatures(member.signatures),
        }
    return dict(artifacts)


def _encode_signatures(signatures: Sequence[IndexSignature]) -> list[dict[str, str]]:
    return [{"keyid": each.keyid, "sig": each.signature} for each in signatures]


def _sorted(metadata: Mapping[str, object]) -> object:
    return json.loads(canonical_json(metadata))
