"""/artifacts."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from signkit.registry.access import demand_every_artifact
from signkit.registry.bodies import Body, Description, Id, Label, Metadata
from signkit.registry.context import ApiRoute, CurrentCaller, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.filters import ARTIFACT_KEYS
from signkit.registry.paging import Paging
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse
from signkit.registry.resources.common import answer_one, answer_page, change, find, refusing_taken
from signkit.registry.shapes import ArtifactView
from signkit.registry.tables import Artifact, ArtifactVersion
from signkit.registry.views import answer, view_artifact

router = APIRouter(
    prefix="/artifacts", route_class=ApiRoute, tags=["artifacts"], responses=WITH_TOKEN
)
_Answer = one("artifact", ArtifactView)


class ArtifactCreate(Body):
    """What makes an artifact."""

    name: Label
    description: Description | None = None
    custom_metadata: Metadata | None = None
    id: Id | None = None


class ArtifactPatch(Body):
    """What changes an artifact; what is not given stays."""

    # Counts only where it was given; null is refused.
    name: Label = Field(default_factory=str)
    description: Description | None = None
    custom_metadata: Metadata | None = None


@router.post("", status_code=201, response_model=_Answer, responses=refusals(CONFLICT, *WITH_BODY))
def create_artifact(body: ArtifactCreate, registry: Registry, caller: CurrentCaller) -> Response:
    """Make an artifact; its name is unique within the organization."""
    demand_every_artifact(caller)
    taken = refusing_taken({"artifacts.name": "name", "artifacts.id": "id"})
    with taken, registry.database.write() as session:
        row = Artifact(organization_row=caller.organization_row, name=body.name)
        if body.id is not None:
            row.id = body.id
        change(row, body, "description", "custom_metadata")
        session.add(row)
    return answer({"artifact": view_artifact(row, caller.organization)}, status=201)


@router.get("", response_model=page("artifacts", ArtifactView))
async def list_artifacts(paging: Paging, registry: Registry, caller: CurrentCaller) -> Response:
    """List artifacts."""
    return await answer_page(Artifact, paging, registry, caller=caller, keys=ARTIFACT_KEYS)


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
async def read_artifact(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one artifact."""
    return await answer_one(Artifact, prn, registry, caller)


@router.patch("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND, CONFLICT, *WITH_BODY))
def change_artifact(
    prn: str, body: ArtifactPatch, registry: Registry, caller: CurrentCaller
) -> Response:
    """Change an artifact's name, description or custom metadata."""
    with refusing_taken({"artifacts.name": "name"}), registry.database.write() as session:
        row = find(session, Artifact, prn, caller)
        change(row, body, "name", "description", "custom_metadata")
    return answer({"artifact": view_artifact(row, caller.organization)})


@router.delete("/{prn}", status_code=204, responses=refusals(NOT_FOUND, CONFLICT))
def delete_artifact(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove an artifact that has no versions."""
    with registry.database.write() as session:
        row = find(session, Artifact, prn, caller)
        used = select(ArtifactVersion.row).where(ArtifactVersion.artifact_row == row.row)
        if session.scalar(used.limit(1)) is not None:
            raise refuse(CONFLICT, "the artifact has versions; delete them first")
        session.delete(row)
    return Response(status_code=204)
