"""/binaries/{prn}/parts: declaring parts and listing them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from signkit.registry.arrivals import note_arrivals
from signkit.registry.bodies import PART_COUNT, PART_SIZE, Body, Hash
from signkit.registry.clean_up import discard
from signkit.registry.content import LEAN, content_key, load_parts, part_key, remove_parts
from signkit.registry.context import ApiRoute, CurrentCaller, Registry, url_terms
from signkit.registry.database import hold
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.problems import (
    BAD_REQUEST,
    CONFLICT,
    NOT_FOUND,
    refuse,
    refuse_field,
)
from signkit.registry.resources.common import find
from signkit.registry.shapes import PartView
from signkit.registry.states import BinaryState, PartState
from signkit.registry.tables import Binary, BinaryPart, now
from signkit.registry.views import answer, view_part
from signkit.verify.limits import CONTENT_SIZE

router = APIRouter(
    prefix="/binaries/{prn}/parts",
    route_class=ApiRoute,
    tags=["binary_parts"],
    responses=WITH_TOKEN,
)

Index = Annotated[int, Path(ge=1, le=PART_COUNT)]


class PartDeclare(Body):
    """What declares a part; the index stands in the path."""

    expected_binary_size: Annotated[int, Field(ge=0, le=CONTENT_SIZE)]
    hash: Hash
    size: Annotated[int, Field(ge=1, le=PART_SIZE)]


class DeclaredPartView(PartView):
    """A part that was declared, and where to send it."""

    presigned_upload_url: str


@router.get("", response_model=page("binary_parts", PartView), responses=refusals(NOT_FOUND))
def list_parts(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """List every part in order: clients do not follow pages here (contract section 1.4)."""
    with registry.database.read() as session:
        binary = find(session, Binary, prn, caller, *LEAN)
    note_arrivals(registry, binary)
    with registry.database.read() as session:
        binary = find(session, Binary, prn, caller, *LEAN)
        parts = load_parts(session, binary)
    members = [view_part(part, binary, caller.organization) for part in parts]
    return answer({"binary_parts": members, "next_page": None})


@router.put(
    "/{index}",
    status_code=201,
    response_model=one("binary_part", DeclaredPartView),
    responses=refusals(BAD_REQUEST, NOT_FOUND, CONFLICT, *WITH_BODY),
)
def declare_part(
    *,
    prn: str,
    index: Index,
    body: PartDeclare,
    request: Request,
    registry: Registry,
    caller: CurrentCaller,
) -> Response:
    """Declare a part and return where to send it; a part that is valid stays so."""
    store = registry.store
    terms = url_terms(request, registry, seconds=registry.settings.part_url_seconds)
    removed = None
    with registry.database.write() as session:
        binary = find(session, Binary, prn, caller, *LEAN)
        _check(binary, body)
        _check_smallest(binary, index, body, store.smallest_part)
        if store.fixed_parts and _is_other(session, binary, index, body):
            removed = remove_parts(session, binary)
        upload = binary.upload or store.begin_upload(content_key(binary))
        if upload:  # a folder's have no name, and nothing to put on record
            binary.upload = upload
        part, replaced = _record(session, binary, index, body)
    if removed is not None:
        discard(store, removed)
    if replaced:
        registry.jobs.forget(binary.row)
    url = store.part_url(part_key(binary, part), size=part.size, upload=upload, terms=terms)
    view = {**view_part(part, binary, caller.organization), "presigned_upload_url": url}
    return answer({"binary_part": view}, status=201)


def _check(binary: Binary, body: PartDeclare) -> None:
    if binary.state != BinaryState.UPLOADABLE:
        raise refuse(CONFLICT, f"the binary is {binary.state}, expected uploadable")
    if body.expected_binary_size != binary.size:
        raise refuse_field("expected_binary_size", f"expected {binary.size}, as the binary says")
    if body.size > binary.size:
        raise refuse_field("size", f"expected at most {binary.size}, as the binary says")


def _check_smallest(binary: Binary, index: int, body: PartDeclare, smallest: int) -> None:
    """Refuse a small part that cannot be the last: the parts before it would not fill the rest."""
    rest = binary.size - body.size
    if body.size < smallest and (rest < (index - 1) * smallest or (index == 1 and rest)):
        raise refuse_field("size", f"expected at least {smallest} in every part but the last")


def _find(session: Session, binary: Binary, index: int) -> BinaryPart | None:
    query = hold(session, _PART, BinaryPart)
    return session.scalar(query, {"binary": binary.row, "part": index})


_PART = select(BinaryPart).where(
    BinaryPart.binary_row == bindparam("binary"), BinaryPart.index == bindparam("part")
)


def _is_other(session: Session, binary: Binary, index: int, body: PartDeclare) -> bool:
    part = _find(session, binary, index)
    return part is not None and (part.hash, part.size) != (body.hash, body.size)


def _record(
    session: Session, binary: Binary, index: int, body: PartDeclare
) -> tuple[BinaryPart, bool]:
    """Put the declaration on record; return whether a valid part was replaced by another."""
    part = _find(session, binary, index)
    if part is None:
        part = BinaryPart(
            binary_row=binary.row,
            index=index,
            hash=body.hash,
            size=body.size,
            state=PartState.UPLOADABLE,
        )
        session.add(part)
        return part, False
    valid = part.state == PartState.VALID
    same = (part.hash, part.size) == (body.hash, body.size)
    if not (valid and same):
        part.hash, part.size, part.state = body.hash, body.size, PartState.UPLOADABLE
        part.updated_at = now()
    return part, valid and not same
