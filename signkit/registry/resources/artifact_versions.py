"""/artifact_versions."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import Response

from signkit.registry.bodies import Body, Description, Id, Label, Metadata, Name
from signkit.registry.context import ApiRoute, CurrentCaller, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.filters import ARTIFACT_VERSION_KEYS
from signkit.registry.paging import Paging
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse
from signkit.registry.resources.common import (
    answer_one,
    answer_page,
    change,
    find,
    find_referred,
    refusing_taken,
)
from signkit.registry.shapes import ArtifactVersionView
from signkit.registry.tables import Artifact, ArtifactVersion, Binary
from signkit.registry.views import answer, view_artifact_version

router = APIRouter(
    prefix="/artifact_versions",
    route_class=ApiRoute,
    tags=["artifact_versions"],
    responses=WITH_TOKEN,
)
_Answer = one("artifact_version", ArtifactVersionView)


class ArtifactVersionCreate(Body):
    """What makes an artifact version."""

    artifact_prn: Name
    version: Label
    description: Description | None = None
    custom_metadata: Metadata | None = None
    id: Id | None = None


class ArtifactVersionPatch(Body):
    """What changes an artifact version; its version and artifact never change."""

    description: Description | None = None
    custom_metadata: Metadata | None = None


@router.post("", status_code=201, response_model=_Answer, responses=refusals(CONFLICT, *WITH_BODY))
def create_artifact_version(
    body: ArtifactVersionCreate, registry: Registry, caller: CurrentCaller
) -> Response:
    """Make a version; unique within its artifact."""
    taken = {"artifact_versions.version": "version", "artifact_versions.id": "id"}
    with refusing_taken(taken), registry.database.write() as session:
        artifact = find_referred(
            session, Artifact, body.artifact_prn, caller=caller, field="artifact_prn"
        )
        row = ArtifactVersion(
            organization_row=caller.organization_row, artifact=artifact, version=body.version
        )
        if body.id is not None:
            row.id = body.id
        change(row, body, "description", "custom_metadata")
        session.add(row)
    view = view_artifact_version(row, caller.organization)
    return answer({"artifact_version": view}, status=201)


@router.get("", response_model=page("artifact_versions", ArtifactVersionView))
async def list_artifact_versions(
    paging: Paging, registry: Registry, caller: CurrentCaller
) -> Response:
    """List versions."""
    return await answer_page(
        ArtifactVersion, paging, registry, caller=caller, keys=ARTIFACT_VERSION_KEYS
    )


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
async def read_artifact_version(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one version."""
    return await answer_one(ArtifactVersion, prn, registry, caller)


@router.patch("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND, *WITH_BODY))
def change_artifact_version(
    prn: str, body: ArtifactVersionPatch, registry: Registry, caller: CurrentCaller
) -> Response:
    """Change a version's description or custom metadata."""
    with registry.database.write() as session:
        row = find(session, ArtifactVersion, prn, caller)
        change(row, body, "description", "custom_metadata")
    return answer({"artifact_version": view_artifact_version(row, caller.organization)})


@router.delete("/{prn}", status_code=204, responses=refusals(NOT_FOUND, CONFLICT))
def delete_artifact_version(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a version that has no binaries."""
    with registry.database.write() as session:
        row = find(session, ArtifactVersion, prn, caller)
        used = select(Binary.row).where(Binary.artifact_version_row == row.row)
        if session.scalar(used.limit(1)) is not None:
            raise refuse(CONFLICT, "the artifact version has binaries; delete them first")
        session.delete(row)
    return Response(status_code=204)
