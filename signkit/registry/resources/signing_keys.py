"""/signing_keys."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select
from starlette.responses import Response

from signkit.errors import FormatError, KeyRefusedError
from signkit.registry.access import demand_every_artifact
from signkit.registry.bodies import Body, Label
from signkit.registry.bundle_tables import BundleSignature
from signkit.registry.context import ApiRoute, CurrentCaller, Registry
from signkit.registry.description import WITH_BODY, WITH_TOKEN, one, page, refusals
from signkit.registry.filters import SIGNING_KEY_KEYS
from signkit.registry.paging import Paging
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse, refuse_field
from signkit.registry.resources.common import answer_one, answer_page, change, find, refusing_taken
from signkit.registry.shapes import SigningKeyView
from signkit.registry.tables import BinarySignature, SigningKey
from signkit.registry.views import answer, view_signing_key
from signkit.verify.ed25519 import PUBLIC_KEY_SIZE, PublicKey, enrol_public_key
from signkit.verify.encoding import canonical_json, decode_base64, encode_base64

router = APIRouter(
    prefix="/signing_keys", route_class=ApiRoute, tags=["signing_keys"], responses=WITH_TOKEN
)
_Answer = one("signing_key", SigningKeyView)

_SHORT_DIGITS = 16


class SigningKeyCreate(Body):
    """What enrols a signing key: base64 of the raw 32 bytes."""

    value: Annotated[str, Field(min_length=1, max_length=256)]
    name: Label


class SigningKeyPatch(Body):
    """What changes a signing key; its value never changes."""

    # Counts only where it was given; null is refused.
    name: Label = Field(default_factory=str)


@router.post("", status_code=201, response_model=_Answer, responses=refusals(CONFLICT, *WITH_BODY))
def create_signing_key(
    body: SigningKeyCreate, registry: Registry, caller: CurrentCaller
) -> Response:
    """Enrol a public key; unique within the organization."""
    demand_every_artifact(caller)
    key = _enrol(body.value, registry)
    taken = refusing_taken({"signing_keys.keyid": "value"})
    with taken, registry.database.write() as session:
        row = SigningKey(
            organization_row=caller.organization_row,
            name=body.name,
            value=encode_base64(key.raw),
            keyid=key.keyid,
            keyid_short=f"sha256-{key.keyid[:_SHORT_DIGITS]}",
            keyid_tuf=_tuf_keyid(key),
        )
        session.add(row)
    return answer({"signing_key": view_signing_key(row, caller.organization)}, status=201)


def _enrol(value: str, registry: Registry) -> PublicKey:
    try:
        # A file's last line feed comes along where a client passes it through (contract 2.4).
        raw = decode_base64(value.strip(), what="value", size=PUBLIC_KEY_SIZE)
        return enrol_public_key(raw, allow_test_keys=registry.settings.allow_test_keys)
    except (FormatError, KeyRefusedError) as error:
        raise refuse_field("value", str(error)) from None


def _tuf_keyid(key: PublicKey) -> str:
    """Return the keyid that TUF 1.0 gives the key (contract section 2.4, third candidate)."""
    named = {
        "keytype": "ed25519",
        "keyval": {"public": key.raw.hex()},
        "scheme": "ed25519",
    }
    return sha256(canonical_json(named)).hexdigest()


@router.get("", response_model=page("signing_keys", SigningKeyView))
async def list_signing_keys(paging: Paging, registry: Registry, caller: CurrentCaller) -> Response:
    """List signing keys."""
    return await answer_page(SigningKey, paging, registry, caller=caller, keys=SIGNING_KEY_KEYS)


@router.get("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND))
async def read_signing_key(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Return one signing key."""
    return await answer_one(SigningKey, prn, registry, caller)


@router.patch("/{prn}", response_model=_Answer, responses=refusals(NOT_FOUND, *WITH_BODY))
def change_signing_key(
    prn: str, body: SigningKeyPatch, registry: Registry, caller: CurrentCaller
) -> Response:
    """Change a signing key's name."""
    demand_every_artifact(caller)
    with registry.database.write() as session:
        row = find(session, SigningKey, prn, caller)
        change(row, body, "name")
    return answer({"signing_key": view_signing_key(row, caller.organization)})


@router.delete("/{prn}", status_code=204, responses=refusals(NOT_FOUND, CONFLICT))
def delete_signing_key(prn: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Remove a signing key that signed nothing here."""
    demand_every_artifact(caller)
    with registry.database.write() as session:
        row = find(session, SigningKey, prn, caller)
        for table in (BinarySignature, BundleSignature):
            used = select(table.row).where(table.signing_key_row == row.row)
            if session.scalar(used.limit(1)) is not None:
                detail = "signatures were made with the signing key; delete them first"
                raise refuse(CONFLICT, detail)
        session.delete(row)
    return Response(status_code=204)
