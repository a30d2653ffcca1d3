"""What devices are to install: manifests of a bundle, or of the newest release of an artifact.

GET HEAD  /bundles/PRN/manifest    every binary of a bundle, or those for one target
GET HEAD  /manifest                one binary: of an artifact, for a target

A manifest is an offer. The device verifies what it offers (docs/formats/manifest.md), and which
release is newest is decided by the device's own floor.

Spec: docs/formats/registry-protocol.md section 10; registry contract sections 2.10 and 5.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from signkit.registry.bodies import Label
from signkit.registry.bundle_tables import Bundle
from signkit.registry.context import ApiRoute, CurrentCaller, Parts, Registry
from signkit.registry.description import WITH_TOKEN, Responses, refusals
from signkit.registry.download import content_url
from signkit.registry.manifest_shapes import ManifestItemView, ManifestView
from signkit.registry.prn import Kind, Prn
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse
from signkit.registry.resources.bundles import settle_metadata
from signkit.registry.resources.common import find
from signkit.registry.states import BinaryState
from signkit.registry.tables import Artifact, ArtifactVersion, Binary
from signkit.registry.tokens import Caller
from signkit.registry.views import answer, view_binary

_RESPONSES: Responses = {
    304: {"description": "it is the one named in if-none-match"},
    **WITH_TOKEN,
    **refusals(NOT_FOUND, CONFLICT),
}
router = APIRouter(route_class=ApiRoute, tags=["devices"], responses=_RESPONSES)
_Label = Annotated[Label, Query()]
_Offer = tuple[Binary, str | None]


@router.head("/bundles/{prn}/manifest", operation_id="check_bundle_manifest")
@router.get("/bundles/{prn}/manifest", response_model=ManifestView)
def read_bundle_manifest(
    prn: str,
    request: Request,
    registry: Registry,
    caller: CurrentCaller,
    *,
    target: _Label | None = None,
) -> Response:
    """Return the manifest of a bundle: in its order, with the metadata that was settled for it."""
    with registry.database.read() as session:
        bundle = find(session, Bundle, prn, caller)
        offers = [offer for offer in _members(session, bundle) if target in {None, offer[0].target}]
    return _answer(request, registry, offers, caller)


def _members(session: Session, bundle: Bundle) -> Iterator[_Offer]:
    rows = [member.binary_row for member in bundle.members]
    found = session.scalars(select(Binary).where(Binary.row.in_(rows)))
    by_row = {binary.row: binary for binary in found}
    for member in bundle.members:
        yield by_row[member.binary_row], member.custom_metadata


@router.head("/manifest", operation_id="check_release_manifest")
@router.get("/manifest", response_model=ManifestView)
def read_release_manifest(
    request: Request,
    registry: Registry,
    caller: CurrentCaller,
    *,
    artifact: _Label,
    target: _Label,
    version: _Label | None = None,
) -> Response:
    """Return the manifest of one binary: of a version, or of the newest that is signed."""
    with registry.database.read() as session:
        binary = _newest(session, _named(session, artifact, caller), target, version)
        offers = [(binary, settle_metadata(None, binary))]
    return _answer(request, registry, offers, caller)


def _named(session: Session, name: str, caller: Caller) -> Artifact:
    """Return an artifact by its name, as `find` returns one by its prn."""
    identity = session.scalar(
        select(Artifact.id).where(
            Artifact.organization_row == caller.organization_row, Artifact.name == name
        )
    )
    if identity is None:
        raise refuse(NOT_FOUND, "no such artifact")
    prn = Prn(organization=caller.organization, kind=Kind.ARTIFACT, id=identity)
    return find(session, Artifact, str(prn), caller)


def _newest(session: Session, artifact: Artifact, target: str, version: str | None) -> Binary:
    query = (
        select(Binary)
        .join(ArtifactVersion, ArtifactVersion.row == Binary.artifact_version_row)
        .where(
            ArtifactVersion.artifact_row == artifact.row,
            Binary.target == target,
            Binary.state == BinaryState.SIGNED,
        )
        .order_by(ArtifactVersion.inserted_at.desc(), ArtifactVersion.row.desc())
    )
    if version is not None:
        query = query.where(ArtifactVersion.version == version)
    binary = session.scalar(query.limit(1))
    if binary is None:
        raise refuse(NOT_FOUND, "no signed binary of this artifact for this target")
    return binary


def _answer(
    request: Request, registry: Parts, offers: Sequence[_Offer], caller: Caller
) -> Response:
    """Answer with the items; their entity tag leaves out the addresses, which always differ."""
    items = [_item(binary, metadata, caller) for binary, metadata in offers]
    plain = json.dumps(items, sort_keys=True).encode("ascii")
    headers = {"etag": f'"{sha256(plain).hexdigest()}"', "cache-control": "private, no-cache"}
    if headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    for item, (binary, _metadata) in zip(items, offers, strict=True):
        item["url"] = content_url(request, registry, binary)
    response = answer({"manifest": items})
    response.headers.update(headers)
    return response


def _item(binary: Binary, metadata: str | None, caller: Caller) -> ManifestItemView:
    if binary.state != BinaryState.SIGNED:
        detail = f"the binary {binary.id} is {binary.state}, expected signed"
        raise refuse(CONFLICT, detail)
    view, version = view_binary(binary, caller.organization), binary.artifact_version
    artifact = Prn(organization=caller.organization, kind=Kind.ARTIFACT, id=version.artifact.id)
    return {
        "binary_prn": view["prn"],
        "artifact": {"prn": str(artifact), "name": version.artifact.name},
        "artifact_version": {"prn": view["artifact_version_prn"], "version": version.version},
        "target": binary.target,
        "hash": binary.hash,
        "size": binary.size,
        "signatures": view["signatures"],
        "custom_metadata": {} if metadata is None else json.loads(metadata),
        "url": "",  # last, since it is another each time
    }
