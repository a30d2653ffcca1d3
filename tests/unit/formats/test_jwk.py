"""A JWK with a value of any JSON type at any member ends in a key or in a named refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from signkit.errors import FormatError, UnsupportedVersionError
from signkit.formats.jwk import encode_jwk, parse_jwk_private, parse_jwk_public
from tests.support.keys import PROD

GOOD: dict[str, Any] = {
    **json.loads(encode_jwk(PROD.public_key.raw)),
    "kid": "prod",
    "alg": "EdDSA",
    "use": "sig",
    "key_ops": ["verify"],
    "ext": True,
}
VALUES: tuple[Any, ...] = ([], [[]], {}, {"a": 1}, None, True, 7, "", "OKP", "sig")


def test_the_whole_of_it_is_read() -> None:
    assert parse_jwk_public(json.dumps(GOOD).encode()) == PROD.public_key.raw


HONEST: tuple[tuple[str, Any], ...] = (("key_ops", []), ("use", "sig"), ("kty", "OKP"))
CASES = [(m, v) for m in ("kty", "crv", "x", "alg", "use", "key_ops") for v in VALUES]


@pytest.mark.parametrize(("member", "value"), [case for case in CASES if case not in HONEST])
def test_another_type_is_refused(member: str, value: Any) -> None:
    data = json.dumps({**GOOD, member: value}).encode()
    for parse in (parse_jwk_public, parse_jwk_private):
        with pytest.raises(FormatError):
            parse(data)


@pytest.mark.parametrize("curve", ["X25519", "X448", "Ed448"])
def test_another_curve_is_named(curve: str) -> None:
    data = json.dumps({**GOOD, "crv": curve}).encode()
    with pytest.raises(UnsupportedVersionError, match=f"got a key of the curve {curve}"):
        parse_jwk_public(data)
