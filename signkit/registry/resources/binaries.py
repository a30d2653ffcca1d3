"""/binaries: the records. What a change of state does is in `transitions`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field
from sqlalchemy.orm import Session, lazyload
from starlette.responses import Response
from typing_extensions import TypedDict

from signkit.registry.access import demand
from signkit.registry.arrivals import note_arrivals
from signkit.registry.bodies import Body, Description, Hash, Id, Label, Metadata, Name
from signkit.registry.clean_up import discard
from signkit.registry.content import CHANGING, LEAN, content_key, load_parts, remove_parts
from signkit.registry.context import ApiRoute, CurrentCaller, Parts, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.download import DOWNLOADABLE, content_url
from signkit.registry.filters import BINARY_KEYS
from signkit.registry.hashing import Hashed, give_verdict
from signkit.registry.paging import Paging
from signkit.registry.problems import BAD_REQUEST, CONFLICT, INVALID, NOT_FOUND, refuse
from signkit.registry.resources.common import (
    answer_one,
    answer_page,
    change,
    find,
    find_referred,
    refusing_taken,
)
from signkit.registry.scopes import Scope, Scopes
from signkit.registry.shapes import BinaryView
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey
from signkit.registry.tables import ArtifactVersion, Binary
from signkit.registry.tokens import Caller
from signkit.registry.transitions import Consequence, apply_transition
from signkit.registry.views import answer, view_binary
from signkit.verify.limits import CONTENT_SIZE

router = APIRouter(
    prefix="/binaries", route_class=ApiRoute, tags=["binaries"], responses=WITH_TOKEN
)
_Answer = one("binary", BinaryView)

Size = Annotated[int, Field(ge=0, le=CONTENT_SIZE)]
_SIGNED = frozenset({BinaryState.SIGNED, BinaryState.DESTROYED})
_ALONE = lazyload(ArtifactVersion.artifact)
_TAKEN = {"binaries.target": "target", "binaries.id": "id"}


class BinaryCreate(Body):
    """What makes a binary."""

    artifact_version_prn: Name
    hash: Hash
    size: Size
    target: Label
    description: Description | None = None
    custom_metadata: Metadata | None = None
    id: Id | None = None


class BinaryPatch(Body):
    """What changes a binary; its hash and size only while it is uploadable."""

    state: Annotated[BinaryState | None, Field(strict=False)] = None
    hash: Hash | None = None
    size: Size | None = None
    description: Description | None = None
    custom_metadata: Metadata | None = None


class DownloadUrl(TypedDict):
    """Where the content can be fetched for a while."""

    download_url: str


@router.post("", status_code=201, response_model=_Answer, responses=refusals(CONFLICT, *WITH_BODY))
def create_binary(body: BinaryCreate, registry: Registry, caller: CurrentCaller) -> Response:
    """Make a binary; its target is unique among the version's binaries that are not destroyed."""
    with refusing_taken(_TAKEN), registry.database.write() as session:
        version = find_referred(
            session,
            ArtifactVersion,
            body.artifact_version_prn,
            _ALONE,
            caller=caller,
            field="artifact_version_prn",
        )
        row = Binary(
            organization_row=caller.organization_row,
            artifact_version=version,
            target=body.target,
            hash=body.hash,
            size=body.size,
            signatures=[],
        )
        if body.id is not None:
            row.id = body.id
        change(row, body, "description", "custom_metadata")
        session.add(row)
    return answer({"binary": view_binary(row, caller.organization)}, status=201)


@router.get("", response_model=page("binaries", BinaryView))
async def list_binaries(paging: Paging, registry: Registry, caller: CurrentCaller) -> Response:
    """List binaries."""
    return await answer_page(Binary, paging, registry, caller=caller, keys=BINARY_KEYS)


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
async def read_binary(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one binary."""
    return await answer_one(Binary, prn, registry, caller)


def _read(prn: str, registry: Parts, caller: Caller) -> BinaryView:
    with registry.database.read() as session:
        row = find(session, Binary, prn, caller)
        return view_binary(row, caller.organization)


@router.patch("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND, CONFLICT, *WITH_BODY))
async def change_binary(
    prn: str, body: BinaryPatch, registry: Registry, caller: CurrentCaller
) -> Response:
    """Change a binary: its state first, then what describes it.

    A binary that goes to hashing is answered when the verdict is there, or after a short while
    without it: then the client asks again.
    """
    row, view = await run_in_threadpool(_change, prn, body, registry, caller)
    if view["state"] == BinaryState.HASHING and body.state is BinaryState.HASHING:
        await registry.jobs.settle(row, seconds=registry.settings.hash_wait_seconds)
        view = await run_in_threadpool(_read, prn, registry, caller)
    if view["state"] == BinaryState.UPLOADABLE and body.state is BinaryState.HASHING:
        detail = (
            "the content does not have the declared hash: its parts were removed, the binary is"
            " uploadable again"
        )
        raise refuse(INVALID, detail)
    return answer({"binary": view})


def _change(prn: str, body: BinaryPatch, registry: Parts, caller: Caller) -> tuple[int, BinaryView]:
    for needed in _needed_scopes(body):
        demand(caller, needed)
    hashed = _look_ahead(prn, body, registry, caller)
    with refusing_taken(_TAKEN), registry.database.write() as session:
        row = find(session, Binary, prn, caller, *CHANGING)
        consequence = Consequence()
        if body.state is not None:
            consequence = apply_transition(
                session, row, body.state, smallest=registry.store.smallest_part
            )
        removed = [*consequence.removed, *_declare(session, row, body)]
        change(row, body, "description", "custom_metadata")
        if consequence.hash and hashed is not None:
            removed += give_verdict(session, row, hashed)
        # What was never signed has no signature that would have to be looked for.
        view = view_binary(row, caller.organization, None if row.state in _SIGNED else ())
    for content in removed:
        registry.jobs.forget(row.row)
        discard(registry.store, content)
    return row.row, view


def _look_ahead(prn: str, body: BinaryPatch, registry: Parts, caller: Caller) -> Hashed | None:
    """Ask the store what a change of state needs to know, before it makes other writers wait."""
    if body.state is BinaryState.HASHABLE and registry.receiver is None:
        with registry.database.read() as session:
            row = find(session, Binary, prn, caller, *LEAN)
        note_arrivals(registry, row)
    if body.state is not BinaryState.HASHING:
        return None
    with registry.database.read() as session:
        row = find(session, Binary, prn, caller, *LEAN)
        parts = load_parts(session, row)
    return registry.jobs.hash_small(row, parts)


def _needed_scopes(body: BinaryPatch) -> Iterator[Scopes]:
    """Yield what each field of a change needs; a statement comes in either way."""
    upload, attach = frozenset({Scope.UPLOAD}), frozenset({Scope.ATTACH})
    states = {BinaryState.SIGNED: attach, BinaryState.DESTROYED: frozenset({Scope.ADMIN})}
    if body.state is not None:
        yield states.get(body.state, upload)
    if body.model_fields_set & {"hash", "size", "description"}:
        yield upload
    if "custom_metadata" in body.model_fields_set:
        yield upload | attach


def _declare(session: Session, row: Binary, body: BinaryPatch) -> tuple[ContentKey, ...]:
    """Put another hash or size on record; the parts were those of other content."""
    declared = (body.hash or row.hash, row.size if body.size is None else body.size)
    if declared == (row.hash, row.size):
        return ()
    if row.state != BinaryState.UPLOADABLE:
        detail = f"hash and size can be changed while uploadable only, the binary is {row.state}"
        raise refuse(CONFLICT, detail)
    removed = remove_parts(session, row)
    row.hash, row.size = declared
    return (removed,)


@router.delete("/{prn}", status_code=204, responses=refusals(NOT_FOUND, CONFLICT))
def delete_binary(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a binary that was never signed, with its content."""
    with registry.database.write() as session:
        row = find(session, Binary, prn, caller)
        if row.state in _SIGNED:
            raise refuse(CONFLICT, f"a binary that is {row.state} stays on record")
        content = content_key(row)
        session.delete(row)
    registry.jobs.forget(row.row)
    discard(registry.store, content)
    return Response(status_code=204)


@router.get(
    "/{prn}/download_url",
    response_model=DownloadUrl,
    responses=refusals(BAD_REQUEST, NOT_FOUND, CONFLICT),
)
def read_download_url(
    prn: str, request: Request, registry: Registry, caller: CurrentCaller
) -> Response:
    """Return a URL from which the content can be fetched for a while."""
    with registry.database.read() as session:
        row = find(session, Binary, prn, caller)
    if row.state not in DOWNLOADABLE:
        detail = f"the content can be fetched when signable or signed, the binary is {row.state}"
        raise refuse(CONFLICT, detail)
    return answer({"download_url": content_url(request, registry, row)})
