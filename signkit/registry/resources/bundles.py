"""/bundles: ordered sets of signed binaries, made once and never changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response
from typing_extensions import TypedDict

from signkit.errors import MalformedError
from signkit.registry.bodies import BODY_SIZE, Body, BundleName, Id, Metadata, Name
from signkit.registry.bundle_tables import Bundle, BundleMember
from signkit.registry.context import VERSION_1, ApiRoute, ApiVersion, CurrentCaller, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.filters import BUNDLE_KEYS
from signkit.registry.ground_floor import bundle_hash
from signkit.registry.paging import PageOf, Paging
from signkit.registry.prn import Kind
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse_field
from signkit.registry.resources.common import (
    answer_records,
    change,
    find,
    find_referred,
    refusing_taken,
)
from signkit.registry.shapes import BundleOfVersionsView, BundleView, SignatureView
from signkit.registry.states import BinaryState
from signkit.registry.tables import ArtifactVersion, Binary
from signkit.registry.tokens import Caller
from signkit.registry.views import (
    answer,
    view_bundle,
    view_bundle_of_versions,
    view_signatures,
)

router = APIRouter(prefix="/bundles", route_class=ApiRoute, tags=["bundles"], responses=WITH_TOKEN)
_EitherView = BundleView | BundleOfVersionsView
_Answer = one("bundle", _EitherView)

_MOST_MEMBERS = 1_000
_TAKEN = {"bundles.name": "name", "bundles.id": "id"}
_VERSION_KIND = f":{Kind.ARTIFACT_VERSION}:"


class MemberCreate(Body):
    """One binary, and what devices are given with it instead of its own custom metadata."""

    prn: Name
    custom_metadata: Metadata | None = None


class BundleCreate(Body):
    """What makes a bundle: binaries (version 2) or artifact versions (version 1)."""

    binaries: (
        Annotated[tuple[MemberCreate, ...], Field(strict=False, max_length=_MOST_MEMBERS)] | None
    ) = None
    artifact_version_prns: (
        Annotated[tuple[Name, ...], Field(strict=False, max_length=_MOST_MEMBERS)] | None
    ) = None
    name: BundleName | None = None
    id: Id | None = None


class BundleSignatures(TypedDict):
    """The same list under the two names that clients look for."""

    signatures: list[SignatureView]
    bundle_signatures: list[SignatureView]


class BundlePatch(Body):
    """What changes a bundle: its name alone."""

    name: BundleName | None = None


@router.post("", status_code=201, response_model=_Answer, responses=refusals(CONFLICT, *WITH_BODY))
def create_bundle(
    body: BundleCreate, registry: Registry, caller: CurrentCaller, version: ApiVersion
) -> Response:
    """Make a bundle of signed binaries; its hash and the metadata of each are settled here."""
    with refusing_taken(_TAKEN), registry.database.write() as session:
        members = list(_find_members(session, body, caller))
        _check_members(members)
        row = Bundle(
            organization_row=caller.organization_row,
            name=body.name,
            hash=_hash(members, caller),
            members=[_member(place, *member) for place, member in enumerate(members)],
        )
        if body.id is not None:
            row.id = body.id
        session.add(row)
    return answer({"bundle": _view(version)(row, caller.organization)}, status=201)


_Member = tuple[Binary, str | None]
_View = Callable[[Bundle, UUID], _EitherView]


def _find_members(session: Session, body: BundleCreate, caller: Caller) -> Iterator[_Member]:
    """Yield each binary with the custom metadata settled for it, as JSON."""
    if (body.binaries is None) == (body.artifact_version_prns is None):
        raise refuse_field("binaries", "expected this or artifact_version_prns")
    for asked in body.binaries or ():
        given = asked.custom_metadata
        text = None if given is None else json.dumps(given, separators=(",", ":"))
        # A client in use puts the name of an artifact version here (contract section 2.8).
        if _VERSION_KIND in asked.prn:
            found: Iterable[Binary] = _signed_binaries(
                session, asked.prn, caller=caller, field="binaries"
            )
        else:
            found = (find_referred(session, Binary, asked.prn, caller=caller, field="binaries"),)
        yield from ((binary, settle_metadata(text, binary)) for binary in found)
    for prn in body.artifact_version_prns or ():
        for binary in _signed_binaries(session, prn, caller=caller, field="artifact_version_prns"):
            yield binary, settle_metadata(None, binary)


def _signed_binaries(session: Session, prn: str, *, caller: Caller, field: str) -> Sequence[Binary]:
    version = find_referred(session, ArtifactVersion, prn, caller=caller, field=field)
    query = select(Binary).where(
        Binary.artifact_version_row == version.row, Binary.state == BinaryState.SIGNED
    )
    binaries = session.scalars(query.order_by(Binary.target)).all()
    if not binaries:
        raise refuse_field(field, f"{prn[:200]} has no signed binary")
    return binaries


def settle_metadata(given: str | None, binary: Binary) -> str | None:
    """Return the custom metadata that devices are given, as JSON, or None.

    Args:
        given: What counts before everything else.
        binary: Where it comes from otherwise, or from its version, or from its artifact.
    """
    version = binary.artifact_version
    choices = (
        given,
        binary.custom_metadata,
        version.custom_metadata,
        version.artifact.custom_metadata,
    )
    return next((choice for choice in choices if choice is not None), None)


def _check_members(members: Sequence[_Member]) -> None:
    if not 1 <= len(members) <= _MOST_MEMBERS:
        text = f"expected 1 to {_MOST_MEMBERS} binaries, got {len(members)}"
        raise refuse_field("binaries", text)
    seen: set[int] = set()
    for binary, _metadata in members:
        if binary.state != BinaryState.SIGNED:
            text = f"the binary {binary.id} is {binary.state}, expected signed"
            raise refuse_field("binaries", text)
        if binary.row in seen:
            raise refuse_field("binaries", f"the binary {binary.id} is named twice")
        seen.add(binary.row)
    size = sum(len(metadata or "") for _binary, metadata in members)
    if size > BODY_SIZE:
        text = f"expected at most {BODY_SIZE} bytes of custom metadata in all, got {size}"
        raise refuse_field("binaries", text)


def _hash(members: Sequence[_Member], caller: Caller) -> str:
    try:
        return bundle_hash(members, caller.organization)
    except MalformedError as error:
        raise refuse_field("binaries", str(error)) from None


def _member(place: int, binary: Binary, metadata: str | None) -> BundleMember:
    return BundleMember(
        index=place,
        binary_row=binary.row,
        binary_id=binary.id,
        artifact_version_id=binary.artifact_version.id,
        custom_metadata=metadata,
    )


def _view(version: str) -> _View:
    return view_bundle_of_versions if version == VERSION_1 else view_bundle


@router.get("", response_model=page("bundles", _EitherView))
def list_bundles(
    paging: Paging, registry: Registry, caller: CurrentCaller, version: ApiVersion
) -> Response:
    """List bundles."""
    asked = PageOf(request=paging, keys=BUNDLE_KEYS, caller=caller, secret=registry.secret)
    return answer_records(Bundle, asked, registry, _view(version))


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
def read_bundle(
    prn: str, registry: Registry, caller: CurrentCaller, version: ApiVersion
) -> Response:
    """Return one bundle."""
    with registry.database.read() as session:
        row = find(session, Bundle, prn, caller)
    return answer({"bundle": _view(version)(row, caller.organization)})


@router.get("/{prn}/signatures", response_model=BundleSignatures, responses=refusals(NOT_FOUND))
def read_bundle_signatures(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return the signatures of a bundle, under both of the names that clients look for."""
    with registry.database.read() as session:
        found = view_signatures(find(session, Bundle, prn, caller), caller.organization)
    return answer({"signatures": found, "bundle_signatures": found})


@router.patch("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND, CONFLICT, *WITH_BODY))
def change_bundle(
    prn: str, body: BundlePatch, registry: Registry, caller: CurrentCaller, *, version: ApiVersion
) -> Response:
    """Change a bundle's name."""
    with refusing_taken(_TAKEN), registry.database.write() as session:
        row = find(session, Bundle, prn, caller)
        change(row, body, "name")
    return answer({"bundle": _view(version)(row, caller.organization)})


@router.delete("/{prn}", status_code=204, responses=refusals(NOT_FOUND))
def delete_bundle(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a bundle and its signatures; its binaries stay."""
    with registry.database.write() as session:
        session.delete(find(session, Bundle, prn, caller))
    return Response(status_code=204)
