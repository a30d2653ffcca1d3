"""/bundle_signatures: verified before they are stored."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import Response

from signkit.registry.bodies import Name
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.context import ApiRoute, CurrentCaller, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.filters import BUNDLE_SIGNATURE_KEYS
from signkit.registry.paging import PageOf, Paging
from signkit.registry.problems import NOT_FOUND
from signkit.registry.resources.common import answer_records, find, find_referred
from signkit.registry.resources.signing import MadeSignature, find_signing_key, verify_over_hash
from signkit.registry.shapes import BundleSignatureView
from signkit.registry.views import answer, view_bundle_signature

router = APIRouter(
    prefix="/bundle_signatures",
    route_class=ApiRoute,
    tags=["bundle_signatures"],
    responses=WITH_TOKEN,
)
_Answer = one("bundle_signature", BundleSignatureView)


class BundleSignatureCreate(MadeSignature):
    """What attaches a signature to a bundle."""

    bundle_prn: Name


@router.post(
    "",
    status_code=201,
    response_model=_Answer,
    responses={200: {"model": _Answer, "description": "it was there"}, **refusals(*WITH_BODY)},
)
def create_bundle_signature(
    body: BundleSignatureCreate, registry: Registry, caller: CurrentCaller
) -> Response:
    """Attach a signature; a second one by the same key changes nothing and returns the first."""
    with registry.database.write() as session:
        bundle = find_referred(session, Bundle, body.bundle_prn, caller=caller, field="bundle_prn")
        key = find_signing_key(session, body, caller)
        verify_over_hash(key, bundle.hash, body.signature)
        query = select(BundleSignature).where(
            BundleSignature.bundle_row == bundle.row, BundleSignature.signing_key_row == key.row
        )
        found = session.scalar(query)
        row = found or BundleSignature(
            organization_row=bundle.organization_row,
            bundle=bundle,
            signing_key=key,
            signature=body.signature,
        )
        session.add(row)
        session.flush()
        view = view_bundle_signature(row, caller.organization)
    return answer({"bundle_signature": view}, status=200 if found else 201)


@router.get("", response_model=page("bundle_signatures", BundleSignatureView))
def list_bundle_signatures(paging: Paging, registry: Registry, caller: CurrentCaller) -> Response:
    """List bundle signatures."""
    asked = PageOf(
        request=paging, keys=BUNDLE_SIGNATURE_KEYS, caller=caller, secret=registry.secret
    )
    return answer_records(BundleSignature, asked, registry, view_bundle_signature)


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
def read_bundle_signature(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one bundle signature."""
    with registry.database.read() as session:
        row = find(session, BundleSignature, prn, caller)
    return answer({"bundle_signature": view_bundle_signature(row, caller.organization)})


@router.delete("/{prn}", status_code=204, responses=refusals(NOT_FOUND))
def delete_bundle_signature(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a bundle signature."""
    with registry.database.write() as session:
        session.delete(find(session, BundleSignature, prn, caller))
    return Response(status_code=204)
