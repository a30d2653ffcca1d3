"""/binary_signatures: verified before they are stored."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from starlette.responses import Response
from typing_extensions import TypedDict

from signkit.registry.bodies import Name
from signkit.registry.content import LEAN
from signkit.registry.context import ApiRoute, CurrentCaller, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.filters import SIGNATURE_KEYS
from signkit.registry.paging import Paging
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse
from signkit.registry.resources.common import answer_one, answer_page, find, find_referred
from signkit.registry.resources.signing import MadeSignature, find_signing_key, verify_over_hash
from signkit.registry.shapes import BinarySignatureView
from signkit.registry.states import BinaryState
from signkit.registry.tables import Binary, BinarySignature, SigningKey, now
from signkit.registry.views import answer, view_signature

router = APIRouter(
    prefix="/binary_signatures",
    route_class=ApiRoute,
    tags=["binary_signatures"],
    responses=WITH_TOKEN,
)
_Answer = one("binary_signature", BinarySignatureView)

_SIGNABLE = frozenset({BinaryState.SIGNABLE, BinaryState.SIGNED})


class Nothing(TypedDict):
    """An empty object."""


class SignatureCreate(MadeSignature):
    """What attaches a signature to a binary."""

    binary_prn: Name


@router.post(
    "",
    status_code=201,
    response_model=_Answer,
    responses={
        200: {"model": _Answer, "description": "it was there"},
        **refusals(CONFLICT, *WITH_BODY),
    },
)
def create_signature(body: SignatureCreate, registry: Registry, caller: CurrentCaller) -> Response:
    """Attach a signature; a second one by the same key changes nothing and returns the first."""
    with registry.database.write() as session:
        binary = find_referred(
            session, Binary, body.binary_prn, *LEAN, caller=caller, field="binary_prn"
        )
        key = find_signing_key(session, body, caller)
        if binary.state not in _SIGNABLE:
            detail = f"the binary is {binary.state}, expected signable or signed"
            raise refuse(CONFLICT, detail)
        verify_over_hash(key, binary.hash, body.signature)
        row, status = _attach(session, binary, key, body.signature)
        session.flush()
        view = view_signature(row, caller.organization)
    return answer({"binary_signature": view}, status=status)


_SAME = select(BinarySignature).where(
    BinarySignature.binary_row == bindparam("binary"),
    BinarySignature.signing_key_row == bindparam("key"),
)


def _attach(
    session: Session, binary: Binary, key: SigningKey, signature: str
) -> tuple[BinarySignature, int]:
    row = session.scalar(_SAME, {"binary": binary.row, "key": key.row})
    if row is not None:
        return row, 200
    row = BinarySignature(
        organization_row=binary.organization_row,
        binary=binary,
        signing_key=key,
        signature=signature,
    )
    session.add(row)
    binary.updated_at = now()
    binary.state = BinaryState.SIGNED
    return row, 201


@router.get("", response_model=page("binary_signatures", BinarySignatureView))
async def list_signatures(paging: Paging, registry: Registry, caller: CurrentCaller) -> Response:
    """List binary signatures."""
    return await answer_page(BinarySignature, paging, registry, caller=caller, keys=SIGNATURE_KEYS)


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
async def read_signature(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one binary signature."""
    return await answer_one(BinarySignature, prn, registry, caller)


@router.delete("/{prn}", response_model=Nothing, responses=refusals(NOT_FOUND))
def delete_signature(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a signature; a binary that is signed stays signed.

    Answered 200 with an object, not 204: the contract's client cannot read an empty answer here
    (contract section 2.7).
    """
    with registry.database.write() as session:
        session.delete(find(session, BinarySignature, prn, caller))
    return answer({})
