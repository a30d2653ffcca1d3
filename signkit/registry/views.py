"""Rows to what the registry sends: every field that the contract's clients cannot do without."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.interfaces import ORMOption
from starlette.responses import Response

from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.prn import Kind
from signkit.registry.shapes import (
    ArtifactVersionView,
    ArtifactView,
    BinarySignatureView,
    BinaryView,
    BundleOfVersionsView,
    BundleSignatureView,
    BundleView,
    CommonView,
    PartView,
    SignatureView,
    SigningKeyView,
)
from signkit.registry.states import BinaryState, PartState
from signkit.registry.tables import (
    Artifact,
    ArtifactVersion,
    Base,
    Binary,
    BinaryPart,
    BinarySignature,
    SigningKey,
)

Columns = Row[Any]
"""What a record's view needs, as `reading` loads it: under the names of the record's attributes."""


Owner = UUID | str
"""The id of an organization; as text where it is written many times."""


class _Made(NamedTuple):
    """A signature, and of the key that made it id, keyid and value; columns have the same names."""

    signature: str
    key_id: UUID
    keyid: str
    value: str


# What a view needs beyond what its table loads by itself. A signature's is the id of what it signs:
# loaded only here, since whoever comes from a binary to its signatures would load the binary again.
LOADED_ALONG: Mapping[type[Base], tuple[ORMOption, ...]] = {
    BinarySignature: (joinedload(BinarySignature.binary).lazyload("*"),),
    BundleSignature: (joinedload(BundleSignature.bundle).lazyload("*"),),
}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (UTC, which its text need not say)
_KEYS = 256
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410 section 4


def answer(value: object, *, status: int = 200) -> Response:
    """Return a JSON answer: compact UTF-8, names in the order given."""
    text = _JSON.encode(value)
    return Response(text.encode("utf-8"), status_code=status, media_type="application/json")


def format_time(microseconds: int) -> str:
    """Return a time as `YYYY-MM-DDThh:mm:ss.ffffffZ`."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return f"{moment.isoformat(timespec='microseconds')}Z"


def view_artifact(row: Artifact | Columns, organization: Owner) -> ArtifactView:
    """Return an artifact as it is sent."""
    return {
        "prn": _name(organization, Kind.ARTIFACT, row.id),
        **_common(row, organization),
        "name": row.name,
        "description": row.description,
        "custom_metadata": _parsed(row.custom_metadata),
    }


def view_artifact_version(
    row: ArtifactVersion | Columns, organization: Owner
) -> ArtifactVersionView:
    """Return an artifact version as it is sent."""
    return {
        "prn": _name(organization, Kind.ARTIFACT_VERSION, row.id),
        **_common(row, organization),
        "artifact_prn": _name(organization, Kind.ARTIFACT, row.artifact_id),
        "version": row.version,
        "description": row.description,
        "custom_metadata": _parsed(row.custom_metadata),
    }


def view_signing_key(row: SigningKey | Columns, organization: Owner) -> SigningKeyView:
    """Return a signing key as it is sent."""
    return {
        "prn": _name(organization, Kind.SIGNING_KEY, row.id),
        **_common(row, organization),
        "name": row.name,
        "value": row.value,
        "keyid": row.keyid,
        "public_value": _pem(row.value),
    }


def view_binary(
    row: Binary | Columns, organization: Owner, signatures: Iterable[Columns] | None = None
) -> BinaryView:
    """Return a binary as it is sent, its signatures with everything a client may look for.

    Args:
        row: The binary.
        organization: Whose it is.
        signatures: Its signatures, where it is no record that has them.
    """
    made = map(_made_by, row.signatures if signatures is None else signatures)
    return {
        "prn": _name(organization, Kind.BINARY, row.id),
        **_common(row, organization),
        "artifact_version_prn": _name(organization, Kind.ARTIFACT_VERSION, row.artifact_version_id),
        "target": row.target,
        "state": BinaryState(row.state),
        "revision": row.revision,
        "hash": row.hash,
        "size": row.size,
        "description": row.description,
        "custom_metadata": _parsed(row.custom_metadata),
        "signatures": [_brief(organization, each) for each in made],
    }


def _made_by(row: BinarySignature | BundleSignature | Columns) -> _Made | Columns:
    if isinstance(row, Row):
        return row
    key = row.signing_key
    return _Made(row.signature, key.id, key.keyid, key.value)


def _brief(organization: Owner, made: _Made | Columns) -> SignatureView:
    return {
        "signature": made.signature,
        "signing_key_prn": _name(organization, Kind.SIGNING_KEY, made.key_id),
        "keyid": made.keyid,
        "public_value": _pem(made.value),
    }


def view_part(row: BinaryPart, binary: Binary, organization: Owner) -> PartView:
    """Return a part as it is sent in a list."""
    return {
        "prn": _name(organization, Kind.BINARY_PART, row.id),
        **_common(row, organization),
        "binary_prn": _name(organization, Kind.BINARY, binary.id),
        "index": row.index,
        "hash": row.hash,
        "size": row.size,
        "state": PartState(row.state),
    }


def view_signature(row: BinarySignature | Columns, organization: Owner) -> BinarySignatureView:
    """Return a binary signature as it is sent by itself."""
    return {
        "prn": _name(organization, Kind.BINARY_SIGNATURE, row.id),
        **_common(row, organization),
        "binary_prn": _name(organization, Kind.BINARY, row.binary_id),
        **_brief(organization, _made_by(row)),
    }


def view_bundle(row: Bundle, organization: Owner) -> BundleView:
    """Return a bundle as version 2 of the API sends it."""
    return {
        "prn": _name(organization, Kind.BUNDLE, row.id),
        **_common(row, organization),
        "name": row.name,
        "hash": row.hash,
        "binaries": [
            {
                "prn": _name(organization, Kind.BINARY, member.binary_id),
                "custom_metadata": _parsed(member.custom_metadata),
            }
            for member in row.members
        ],
    }


def view_bundle_of_versions(row: Bundle, organization: Owner) -> BundleOfVersionsView:
    """Return a bundle as version 1 of the API sends it: the artifact versions of its binaries."""
    versions = dict.fromkeys(member.artifact_version_id for member in row.members)
    return {
        "prn": _name(organization, Kind.BUNDLE, row.id),
        **_common(row, organization),
        "name": row.name,
        "artifact_versions": [
            _name(organization, Kind.ARTIFACT_VERSION, version) for version in versions
        ],
    }


def view_bundle_signature(row: BundleSignature, organization: Owner) -> BundleSignatureView:
    """Return a bundle signature as it is sent by itself."""
    return {
        "prn": _name(organization, Kind.BUNDLE_SIGNATURE, row.id),
        **_common(row, organization),
        "bundle_prn": _name(organization, Kind.BUNDLE, row.bundle.id),
        **_brief(organization, _made_by(row)),
    }


def view_signatures(row: Bundle, organization: Owner) -> list[SignatureView]:
    """Return the signatures of a bundle as they are sent beside it."""
    return [_brief(organization, _made_by(signature)) for signature in row.signatures]


def _common(row: Base | Columns, organization: Owner) -> CommonView:
    return {
        "organization_prn": f"prn:1:{organization}",
        "inserted_at": format_time(row.inserted_at),
        "updated_at": format_time(row.updated_at),
    }


def _parsed(metadata: str | None) -> dict[str, object] | None:
    if metadata is None:
        return None
    value: dict[str, object] = json.loads(metadata)
    return value


def _name(organization: Owner, kind: Kind, identity: UUID) -> str:
    # As `Prn` writes it: a page of a hundred has hundreds.
    return f"prn:1:{organization}:{kind.value}:{identity}"


@lru_cache(_KEYS)
def _pem(value: str) -> str:
    """Return a public key as PEM: 44 bytes of DER always fit one line of 64 characters."""
    text = b64encode(_SPKI_PREFIX + b64decode(value)).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
