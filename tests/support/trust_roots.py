"""Trust roots as values, with keys enough for a root role of several custodians."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from signkit.formats.envelope import envelope_value, sign_payload
from signkit.formats.response import sign_response
from signkit.formats.trust import Draft, encode_draft, encode_trust, new_draft, sign_draft
from signkit.model.request import Request
from signkit.model.response import ItemResult, ItemSignature, NamedKey, Response
from signkit.schemes.trust import build_item, sign
from signkit.trust.collect import merge_signatures
from signkit.trust.edit import RoleChange, first_trust
from signkit.verify.digest import Sha256
from signkit.verify.encoding import encode_json
from signkit.verify.trust import PAYLOAD_TYPE, Trust
from tests.support.keys import PROD, SPARE, STATION, KeyOfTest

ALICE, BOB, CAROL, DAVE, ERIN, FRANK, GINA = (
    KeyOfTest(name, 0x71 + place)
    for place, name in enumerate(("alice", "bob", "carol", "dave", "erin", "frank", "gina"))
)
CUSTODIANS = (ALICE, BOB, CAROL, DAVE, ERIN)
ISSUED = "2026-01-01T00:00:00Z"


def first(*custodians: KeyOfTest, threshold: int = 3, release: int = 1) -> Trust:
    """Version 1: the custodians change it, PROD and SPARE release ML-* for aarch64-*."""
    root = {key.name: key.public_key for key in custodians or CUSTODIANS}
    duty = {key.name: key.public_key for key in (PROD, SPARE)}
    return first_trust(
        issued=ISSUED,
        expires=None,
        root=RoleChange(keys=root, threshold=threshold),
        release=RoleChange(keys=duty, threshold=release, artifacts=["ML-*"], targets=["aarch64-*"]),
    )


def signed_draft(trust: Trust, *signers: KeyOfTest, current: Trust | None = None) -> Draft:
    """A draft with the signatures of some root keys."""
    draft = new_draft(trust)
    return merge_signatures(draft, [sign_draft(draft, key) for key in signers], current)


def signed_file(trust: Trust, *signers: KeyOfTest, current: Trust | None = None) -> bytes:
    """The file of a trust root that these root keys signed."""
    return encode_draft(signed_draft(trust, *signers, current=current))


def response_to(draft: Draft, *custodians: KeyOfTest, **changes: Any) -> bytes:
    """The response in which a station signed a draft with these root keys."""
    item = build_item(draft.payload)
    request = Request(
        requester="desk", reason=None, created=ISSUED, previous_response=None, items=(item,)
    )
    made = tuple(
        ItemSignature(scheme="trust", keyid=key.public_key.keyid, value=sign(key, item, request))
        for key in custodians
    )
    result = ItemResult(
        item=0, digest=item.digest, content_hashed=False, signatures=made, error=None
    )
    response = Response(
        request=Sha256(bytes(32)),
        station="vault",
        sequence=1,
        created=ISSUED,
        ledger_before=Sha256(bytes(32)),
        ledger_after=Sha256(bytes(32)),
        transcript=Sha256(bytes(32)),
        keys=tuple(NamedKey(name=key.name, public_key=key.public_key) for key in custodians),
        items=(replace(result, **changes),),
    )
    return sign_response(response, STATION)


def value_of(trust: Trust) -> dict[str, Any]:
    """A trust root as a JSON value, to be broken."""
    value = json.loads(encode_trust(trust))
    assert isinstance(value, dict)
    return value


def signed(value: object, *keys: KeyOfTest, kind: str = PAYLOAD_TYPE) -> bytes:
    """A value signed as it is: nothing is checked on the way."""
    payload = value if isinstance(value, bytes) else encode_json(value)
    made = [sign_payload(kind, payload, key, carry_key=False) for key in keys]
    return encode_json(envelope_value(kind, payload, made))
