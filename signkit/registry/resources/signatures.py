"""/binary_signatures: verified before they are stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from signkit.errors import SignatureInvalidError
from signkit.registry.bodies import Body, Name
from signkit.registry.context import ApiRoute, CurrentCaller, Registry
from signkit.registry.filters import SIGNATURE_KEYS, match_keyid
from signkit.registry.paging import Paging
from signkit.registry.problems import CONFLICT, refuse, refuse_field
from signkit.registry.resources.common import answer_page, find, find_referred
from signkit.registry.states import BinaryState
from signkit.registry.tables import Binary, BinarySignature, SigningKey, now
from signkit.registry.tokens import Caller
from signkit.registry.views import answer, view_signature
from signkit.verify.ed25519 import enrol_public_key, verify_signature
from signkit.verify.encoding import decode_base64

router = APIRouter(prefix="/binary_signatures", route_class=ApiRoute)

_SIGNABLE = frozenset({BinaryState.SIGNABLE, BinaryState.SIGNED})


class SignatureCreate(Body):
    """What attaches a signature; the key by its name, its keyid, or both."""

    binary_prn: Name
    signature: Annotated[str, Field(pattern="^[0-9a-fA-F]{128}$")]
    signing_key_prn: Name | None = None
    signing_key_keyid: Annotated[str, Field(max_length=128)] | None = None


@router.post("")
def create_signature(body: SignatureCreate, registry: Registry, caller: CurrentCaller) -> Response:
    """Attach a signature; a second one by the same key changes nothing and returns the first."""
    with registry.database.write() as session:
        binary = find_referred(session, Binary, body.binary_prn, caller=caller, field="binary_prn")
        key = _find_key(session, body, caller)
        if binary.state not in _SIGNABLE:
            detail = f"the binary is {binary.state}, expected signable or signed"
            raise refuse(CONFLICT, detail)
        _verify(key, binary, body.signature)
        row, status = _attach(session, binary, key, body.signature)
    return answer({"binary_signature": view_signature(row, caller.organization)}, status=status)


def _find_key(session: Session, body: SignatureCreate, caller: Caller) -> SigningKey:
    """Return the key that signed; where both of its names are given they have to agree."""
    found: list[SigningKey] = []
    if body.signing_key_prn is not None:
        found.append(
            find_referred(
                session, SigningKey, body.signing_key_prn, caller=caller, field="signing_key_prn"
            )
        )
    if body.signing_key_keyid is not None:
        query = select(SigningKey).where(
            SigningKey.organization_row == caller.organization_row,
            match_keyid(body.signing_key_keyid),
        )
        by_keyid = list(session.scalars(query))
        if len(by_keyid) != 1:
            text = "does not exist" if not by_keyid else "fits more than one key"
            raise refuse_field("signing_key_keyid", text)
        found += by_keyid
    if not found:
        raise refuse_field("signing_key_prn", "expected this or signing_key_keyid")
    if found[0] is not found[-1]:
        raise refuse_field("signing_key_keyid", "is not that of signing_key_prn")
    return found[0]


def _verify(key: SigningKey, binary: Binary, signature: str) -> None:
    """Verify over the two messages in use: the hash as text, and its raw bytes.

    Their lengths differ, so that a signature over one is never one over the other (contract
    section 3.2).
    """
    # Judged when it came in.
    public = enrol_public_key(decode_base64(key.value, what="value"), allow_test_keys=True)
    raw = bytes.fromhex(signature)
    for message in (binary.hash.encode("ascii"), bytes.fromhex(binary.hash)):
        try:
            verify_signature(public, message, raw)
        except SignatureInvalidError:
            continue
        return
    text = f"does not verify under key {key.keyid} over the binary's hash"
    raise refuse_field("signature", text)


def _attach(
    session: Session, binary: Binary, key: SigningKey, signature: str
) -> tuple[BinarySignature, int]:
    query = select(BinarySignature).where(
        BinarySignature.binary_row == binary.row, BinarySignature.signing_key_row == key.row
    )
    row = session.scalar(query)
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


@router.get("")
def list_signatures(paging: Paging, registry: Registry, caller: CurrentCaller) -> Response:
    """List binary signatures."""
    return answer_page(
        BinarySignature, paging, registry, caller=caller, keys=SIGNATURE_KEYS, view=view_signature
    )


@router.get("/{prn}")
def read_signature(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one binary signature."""
    with registry.database.read() as session:
        row = find(session, BinarySignature, prn, caller)
    return answer({"binary_signature": view_signature(row, caller.organization)})


@router.delete("/{prn}")
def delete_signature(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a signature; a binary that is signed stays signed.

    Answered 200 with an object, not 204: the contract's client cannot read an empty answer here
    (contract section 2.7).
    """
    with registry.database.write() as session:
        session.delete(find(session, BinarySignature, prn, caller))
    return answer({})
