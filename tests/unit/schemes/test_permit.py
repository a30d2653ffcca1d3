"""Scheme `permit`: what it says follows from the request, and has an end."""

from __future__ import annotations

import json

import pytest

from signkit.errors import ContextError, FormatError, MalformedError
from signkit.model.request import Request
from signkit.schemes import permit
from signkit.verify.encoding import encode_json
from signkit.verify.permit import parse_permit
from tests.support.documents import item_value, request_of, request_value
from tests.support.keys import PROD

END = "2036-01-31T12:00:00Z"


def asking(**changes: object) -> Request:
    return request_of(request_value(item_value(**{"expires": END, **changes})))


def test_what_it_says() -> None:
    request = asking(sequence=3)
    said = parse_permit(permit.compute_payload(request.items[0], request))
    assert (said.artifact, said.target, said.sequence) == ("ML-Model", "aarch64-unknown-linux", 3)
    assert (said.digest, said.issued, said.expires) == (
        request.items[0].digest,
        request.created,
        END,
    )


def test_none_without_an_end() -> None:
    request = asking(expires=None)
    with pytest.raises(MalformedError, match="that never expires") as caught:
        permit.sign(PROD, request.items[0], request)
    assert "--expires" in str(caught.value.hint)


@pytest.mark.parametrize("change", [{"sequence": 2}, {"target": "x"}, {"artifact": "x"}])
def test_for_something_else_than_was_asked(change: dict[str, object]) -> None:
    """Attacker: is a station that permits another release."""
    request, other = asking(), asking(**change)
    value = permit.sign(PROD, other.items[0], other)
    with pytest.raises(ContextError, match="permits something else than was asked for"):
        permit.verify(PROD.public_key, request.items[0], request, value)


FIELDS = ("artifact", "target", "sequence", "digest", "issued", "expires")


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_needed_and_strict(name: str) -> None:
    request = asking()
    value = json.loads(permit.compute_payload(request.items[0], request))
    assert list(value) == list(FIELDS)
    junks: list[object] = [None, True, 0, -1, 1.5, "", "\x1b", [], {}]
    for junk in junks:
        with pytest.raises(FormatError):
            parse_permit(json.dumps({**value, name: junk}).encode())
    del value[name]
    with pytest.raises(FormatError, match=f"'{name}' is missing"):
        parse_permit(encode_json(value))


def test_what_it_must_not_say() -> None:
    request = asking()
    value = json.loads(permit.compute_payload(request.items[0], request))
    with pytest.raises(FormatError, match="unknown field 'x'"):
        parse_permit(encode_json({**value, "x": 1}))
    with pytest.raises(FormatError, match="before it was issued"):
        parse_permit(encode_json({**value, "expires": value["issued"]}))
