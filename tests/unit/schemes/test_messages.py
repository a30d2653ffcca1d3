"""The messages of a request are the very bytes that a station's key signs."""

from __future__ import annotations

import re

import pytest

from signkit.errors import PolicyError, SignatureInvalidError, UnsupportedVersionError
from signkit.formats.envelope import Signing
from signkit.formats.request import open_request
from signkit.model.request import VerifiedRequest
from signkit.schemes.messages import list_messages, write_signature
from signkit.schemes.table import SCHEMES
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PROD, STRANGER

ITEMS = [item_value(target=f"t{place}", name=f"f{place}") for place in range(3)]


def request(*items: dict[str, object]) -> VerifiedRequest:
    return open_request(request_file(request_value(*items) if items else None))


class Listening:
    """A station's key that keeps what it signs."""

    public_key = PROD.public_key

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def sign(self, message: bytes) -> bytes:
        self.heard.append(message)
        return PROD.sign(message)


def test_they_are_what_a_station_signs() -> None:
    verified, key = request(*ITEMS), Listening()
    signer: Signing = key
    for item in verified.request.items:
        for wanted in item.wanted:
            SCHEMES[wanted.scheme].sign(signer, item, verified.request)
    assert [each.data for each in list_messages(verified)] == key.heard


def test_a_foreign_signature_stands_where_a_stations_would() -> None:
    verified = request()
    for message in list_messages(verified):
        value = write_signature(
            message, verified.request, key=PROD.public_key, signature=PROD.sign(message.data)
        )
        station = SCHEMES[message.scheme].sign(PROD, message.item, verified.request)
        assert value == station


def test_what_does_not_verify_is_not_written() -> None:
    verified = request()
    for message in list_messages(verified):
        with pytest.raises(SignatureInvalidError):
            write_signature(
                message,
                verified.request,
                key=PROD.public_key,
                signature=STRANGER.sign(message.data),
            )


def test_names_are_in_the_order_of_the_request_and_safe_on_fat() -> None:
    names = [each.name for each in list_messages(request(*ITEMS))]
    assert names[:3] == ["00001-peridio", "00001-statement", "00002-peridio"]
    assert all(re.fullmatch(r"[a-z0-9-]{1,18}", name) for name in names)
    assert len({name.upper() for name in names}) == len(names)


def test_a_bare_digest_alone_is_not_exported() -> None:
    wanted = [{"scheme": "peridio", "role": "release"}]
    with pytest.raises(PolicyError, match="SK-SIGN-BLIND"):
        list_messages(request(item_value(wanted=wanted)))


def test_a_trust_root_beside_something_else_is_not_exported() -> None:
    wanted = [{"scheme": name, "role": "release"} for name in ("trust", "statement")]
    with pytest.raises(PolicyError, match="SK-SIGN-TRUST"):
        list_messages(request(item_value(wanted=wanted)))


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(UnsupportedVersionError):
        list_messages(request(item_value(wanted=[{"scheme": "later", "role": "release"}])))
