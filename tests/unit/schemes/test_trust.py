"""Scheme `trust`: the trust root travels whole, is signed alone, and only if it is one."""

from __future__ import annotations

from typing import Any

import pytest

from signkit.errors import (
    ContextError,
    FormatError,
    PolicyError,
    SignatureInvalidError,
    SignkitError,
    UnknownKeyError,
)
from signkit.formats.request import encode_request, parse_request
from signkit.formats.trust import encode_trust
from signkit.model.request import Item, Request, Wanted
from signkit.schemes import trust
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json, parse_json
from tests.support.documents import request_of
from tests.support.trust_roots import ALICE, BOB, first

PAYLOAD = encode_trust(first())
ITEM = trust.build_item(PAYLOAD)


def asking(*items: Item) -> Request:
    """A request as the station reads it, from bytes."""
    request = Request(
        requester="desk",
        reason=None,
        created="2026-01-31T12:00:00Z",
        previous_response=None,
        items=items or (ITEM,),
    )
    return parse_request(encode_request(request))


def test_the_exact_bytes_travel_in_a_request() -> None:
    (item,) = asking().items
    found, payload = trust.read_item(item)
    assert (found, payload) == (first(), PAYLOAD)
    assert (item.artifact, item.version, item.sequence, item.size) == (
        "trust-root",
        "1",
        1,
        len(PAYLOAD),
    )


def test_what_is_signed_verifies_as_the_trust_root_itself() -> None:
    request = asking()
    value = trust.sign(ALICE, request.items[0], request)
    assert trust.verify(ALICE.public_key, request.items[0], request, value) == PAYLOAD
    signature = trust.open_signature(ALICE.public_key, PAYLOAD, value)
    assert signature.keyid == ALICE.public_key.keyid


@pytest.mark.parametrize(
    "changes",
    [
        {"size": len(PAYLOAD) + 1},
        {"digest": compute_digest(b"")},
        {"name": "model.bin"},
        {"artifact": "ML-Model"},
        {"version": "2"},
        {"target": "x"},
        {"sequence": 2},
        {"expires": "2036-01-01T00:00:00Z"},
        {"custom_metadata": {**ITEM.custom_metadata, "more": 1}},
    ],
)
def test_an_item_that_says_something_else(changes: dict[str, Any]) -> None:
    """Attacker: shows one thing in the item and has another signed."""
    with pytest.raises(ContextError, match="says something else than the trust root in it"):
        trust.sign(ALICE, ITEM._replace(**changes), asking())


def _disguised(value: object) -> Item:
    payload = encode_json(value)
    return ITEM._replace(
        custom_metadata={"trust": value}, size=len(payload), digest=compute_digest(payload)
    )


WHOLE: dict[str, Any] = parse_json(PAYLOAD, limit=len(PAYLOAD), what="x")  # type: ignore[assignment]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        "text",
        {**WHOLE, "more": 1},
        {**WHOLE, "version": 0},
        dict(reversed(WHOLE.items())),
        {**WHOLE, "roles": dict(reversed(WHOLE["roles"].items()))},
    ],
)
def test_what_is_no_trust_root_is_never_signed(value: object) -> None:
    """Attacker: has other bytes signed under the type of trust roots."""
    with pytest.raises(FormatError, match="trust root"):
        trust.sign(ALICE, _disguised(value), asking())


def test_an_item_without_a_trust_root() -> None:
    with pytest.raises(FormatError, match="holds no trust root"):
        trust.sign(ALICE, ITEM._replace(custom_metadata={}), asking())


def _wanting(*pairs: tuple[str, str]) -> Item:
    return ITEM._replace(wanted=tuple(Wanted(scheme=a, role=b) for a, b in pairs))


@pytest.mark.parametrize(
    "items",
    [
        (ITEM, *request_of().items),
        (*request_of().items, ITEM),
        (_wanting(("trust", "root"), ("statement", "root")),),
        (_wanting(("peridio", "root"), ("statement", "root"), ("trust", "root")),),
        (_wanting(("trust", "release")),),
        (_wanting(("trust", "root"), ("trust", "release")),),
    ],
)
def test_a_trust_root_is_signed_alone(items: tuple[Item, ...]) -> None:
    request = asking(*items)
    item = next(each for each in request.items if each.artifact == "trust-root")
    with pytest.raises(PolicyError, match="SK-SIGN-TRUST: a trust root is asked for beside") as no:
        trust.sign(ALICE, item, request)
    assert no.value.control == "SK-SIGN-TRUST"
    with pytest.raises(PolicyError):
        trust.verify(ALICE.public_key, item, request, {})


def test_other_requests_are_not_its_business() -> None:
    trust.check_alone(request_of())
    assert not trust.is_asked(request_of())


def _altered(value: dict[str, Any]) -> dict[str, Any]:
    other = trust.sign(BOB, ITEM, asking())["signatures"]
    mine = value["signatures"][0]
    return {**value, "signatures": [{**mine, "sig": other[0]["sig"]}]}  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda _value: "text", FormatError),
        (lambda value: {**value, "payloadType": "application/vnd.in-toto+json"}, FormatError),
        (lambda _value: trust.sign(BOB, ITEM, asking()), UnknownKeyError),
        (_altered, SignatureInvalidError),
    ],
)
def test_a_signature_that_does_not_hold(change: Any, kind: type[SignkitError]) -> None:
    value = change(trust.sign(ALICE, ITEM, asking()))
    with pytest.raises(kind):
        trust.verify(ALICE.public_key, ITEM, asking(), value)


def test_a_signature_of_another_trust_root() -> None:
    other = trust.build_item(encode_trust(first(threshold=2)))
    value = trust.sign(ALICE, other, asking(other))
    with pytest.raises(ContextError, match="the signature is of another trust root"):
        trust.verify(ALICE.public_key, ITEM, asking(), value)
