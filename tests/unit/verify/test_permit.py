"""A permit lets one older release through: exactly that one, for a while, by those who release."""

from __future__ import annotations

from typing import Any

import pytest

from signkit.errors import (
    ContextError,
    ExpiredError,
    MalformedError,
    NotCanonicalError,
    SignkitError,
    ThresholdError,
    TooLargeError,
    UnknownKeyError,
)
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from signkit.verify.permit import Permit, parse_permit, verify_permit
from signkit.verify.verdict import role_of_keys
from tests.support.device import permit_envelope, permit_value
from tests.support.documents import CONTENT
from tests.support.keys import PROD, SPARE, STRANGER

NOW = "2026-06-01T00:00:00Z"
EXPIRES = "2026-07-01T00:00:00Z"
RELEASE = ("ML-Model", "aarch64-unknown-linux", 1, compute_digest(CONTENT))
PERMIT = Permit(
    artifact="ML-Model",
    target="aarch64-unknown-linux",
    sequence=1,
    digest=compute_digest(CONTENT),
    issued="2026-05-01T00:00:00Z",
    expires=EXPIRES,
)


def verified(data: bytes, *, threshold: int = 1, **changes: Any) -> Permit:
    role = role_of_keys((PROD.public_key, SPARE.public_key), threshold=threshold)
    return verify_permit(data, **{"role": role, "release": RELEASE, "now": NOW, **changes})


def refused(kind: type[SignkitError], said: str, data: bytes, **changes: Any) -> None:
    with pytest.raises(kind, match=said):
        verified(data, **changes)


def signed(**changes: Any) -> bytes:
    return encode_json(permit_envelope(**changes))


def test_a_permit_is_read() -> None:
    assert parse_permit(encode_json(permit_value())) == PERMIT
    assert verified(signed()) == PERMIT


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"artifact": ""}, MalformedError, r"^permit.artifact is empty"),
        ({"target": "x" * 129}, TooLargeError, r"^permit.target is too long"),
        ({"sequence": 0}, MalformedError, r"^permit.sequence: expected 1 to 9\d+, got 0$"),
        ({"sequence": "1"}, MalformedError, r"^permit.sequence: expected an integer, got a text$"),
        ({"digest": {"sha256": "AB" * 32}}, NotCanonicalError, r"^permit.digest.sha256: expected"),
        ({"issued": None}, MalformedError, r"^permit.issued: expected a text, got null$"),
        ({"expires": None}, MalformedError, r"^permit.expires: expected a text, got null$"),
        (
            {"expires": "2026-05-01T00:00:00Z"},
            MalformedError,
            r"^permit expires at 2026-05-01T00:00:00Z, before it was issued$",
        ),
        ({"x": 1}, MalformedError, r"^permit: unknown field 'x'$"),
    ],
)
def test_a_permit_of_another_shape(
    changes: dict[str, Any], error: type[SignkitError], said: str
) -> None:
    refused(error, said, signed(**changes))


def test_it_is_bounded() -> None:
    with pytest.raises(TooLargeError, match=r"^permit is too large"):
        parse_permit(b" " * (limits.STATEMENT_SIZE + 1))
    refused(TooLargeError, r"^permit is too large", b" " * (limits.STATEMENT_SIZE + 1))
    refused(MalformedError, r"^permit: expected an object, got an array$", b"[]")


def test_those_who_release_have_to_permit() -> None:
    """Attacker: permits with a key of his own, or with one key where a release takes two."""
    stranger = encode_json(permit_envelope(STRANGER))
    refused(UnknownKeyError, f"^the permit is signed by {STRANGER.public_key.keyid}", stranger)
    refused(ThresholdError, r"^the permit: .* by 2 distinct keys, got 1$", signed(), threshold=2)


@pytest.mark.parametrize(
    ("place", "other"),
    [(0, "Docs"), (1, "x86_64"), (2, 2), (3, compute_digest(b""))],
)
def test_it_is_for_exactly_one_release(place: int, other: object) -> None:
    release = (*RELEASE[:place], other, *RELEASE[place + 1 :])
    said = r"^it is for 'ML-Model', 'aarch64-unknown-linux', sequence 1, or other content$"
    refused(ContextError, said, signed(), release=release)


def test_it_expires_from_the_very_second() -> None:
    said = rf"^it expired at {EXPIRES}; it is now {EXPIRES} \(UTC\)$"
    refused(ExpiredError, said, signed(), now=EXPIRES)
    assert verified(signed(), now="2026-06-30T23:59:59Z") == PERMIT


def test_no_permit_holds_where_no_time_is_known() -> None:
    said = rf"^it expired at {EXPIRES}; it is now a time unknown \(UTC\)$"
    refused(ExpiredError, said, signed(), now=None)
