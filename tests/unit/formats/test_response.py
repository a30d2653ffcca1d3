"""The response: whole or refused, item for item what the station said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import (
    FormatError,
    KeyRefusedError,
    MalformedError,
    NotCanonicalError,
    ResponseError,
    SignatureInvalidError,
    TooLargeError,
)
from signkit.formats.response import encode_response, open_response, parse_response, sign_response
from signkit.model.response import ItemError, ItemResult, ItemSignature, NamedKey, Response
from signkit.verify import limits
from signkit.verify.digest import Sha256, compute_digest
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.documents import (
    RESPONSE_TYPE,
    document,
    key_value,
    request_file,
    response_file,
    response_value,
    result_value,
)
from tests.support.keys import PROD, SPARE, STATION, STRANGER


def parsed(value: object) -> Response:
    return parse_response(encode_json(value))


def refused(value: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        parsed(value)


def with_signatures(*signatures: dict[str, Any]) -> dict[str, Any]:
    return response_value(result_value(signatures=list(signatures)))


FIRST: dict[str, Any] = result_value()["signatures"][0]


def test_a_response_is_read() -> None:
    data = response_file()
    verified = open_response(data)
    assert (verified.digest, verified.station_key) == (compute_digest(data), STATION.public_key)
    response = verified.response
    assert response.request == compute_digest(request_file())
    assert (response.station, response.sequence) == ("vault-1", 1)
    assert response.created == "2026-01-31T13:00:00Z"
    assert (response.ledger_before, response.ledger_after) == (bytes(32), b"\xab" * 32)
    assert response.keys == (NamedKey(name="prod", public_key=PROD.public_key),)
    (item,) = response.items
    assert (item.item, item.content_hashed, item.error) == (0, True, None)
    assert [(made.scheme, made.keyid) for made in item.signatures] == [
        ("peridio", PROD.public_key.keyid),
        ("statement", PROD.public_key.keyid),
    ]


def test_what_is_signed_is_read_again() -> None:
    response = open_response(response_file()).response
    assert sign_response(response, STATION) == response_file()


LABELS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9)
DIGESTS = st.binary(min_size=32, max_size=32).map(Sha256)
SIGNATURES = st.lists(
    st.builds(
        ItemSignature,
        scheme=LABELS,
        keyid=st.sampled_from([PROD.public_key.keyid, SPARE.public_key.keyid]),
        value=LABELS | st.dictionaries(LABELS, LABELS, max_size=2),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda made: (made.scheme, made.keyid),
).map(tuple)
RESULTS = st.builds(
    ItemResult,
    item=st.just(0),
    digest=DIGESTS,
    content_hashed=st.booleans(),
    signatures=SIGNATURES,
    error=st.none(),
) | st.builds(
    ItemResult,
    item=st.just(0),
    digest=DIGESTS,
    content_hashed=st.booleans(),
    signatures=st.just(()),
    error=st.builds(ItemError, code=LABELS, message=LABELS.map(lambda text: text + "\n")),
)
RESPONSES = st.builds(
    Response,
    request=DIGESTS,
    station=LABELS,
    sequence=st.integers(1, limits.INTEGER_MAX),
    created=st.just("2026-01-31T13:00:00Z"),
    ledger_before=DIGESTS,
    ledger_after=DIGESTS,
    transcript=DIGESTS,
    keys=st.just(
        tuple(NamedKey(name=key.name, public_key=key.public_key) for key in (PROD, SPARE))
    ),
    items=RESULTS.map(lambda result: (result,)),
)


@given(RESPONSES)
def test_any_response_is_read_as_it_was_written(response: Response) -> None:
    assert parse_response(encode_response(response)) == response
    assert open_response(sign_response(response, STATION)).response == response


def test_a_station_key_that_fails() -> None:
    class Faulty:
        public_key = STATION.public_key

        def sign(self, message: bytes) -> bytes:
            return PROD.sign(message)

    with pytest.raises(SignatureInvalidError):
        sign_response(open_response(response_file()).response, Faulty())


def test_a_request_is_no_response() -> None:
    for data in (request_file(), encode_json(document("text/plain", response_value(), STATION))):
        with pytest.raises(ResponseError, match=r"^response.payloadType: expected ") as caught:
            open_response(data)
        assert (caught.value.exit_code, caught.value.reason) == (13, "malformed")
        assert caught.value.hint == "copy the response again from the station"


def test_a_damaged_payload() -> None:
    value = json.loads(response_file())
    other = document(RESPONSE_TYPE, response_value(station="x"), STATION)
    with pytest.raises(ResponseError) as caught:
        open_response(encode_json({**value, "payload": other["payload"]}))
    assert caught.value.reason == "signature-invalid"


def test_an_item_has_signatures_or_an_error() -> None:
    error = {"code": "file", "message": "gone"}
    value = result_value(error=error)
    refused(response_value(value), MalformedError, r"items\[0\]: unknown field 'signatures'$")
    del value["signatures"]
    assert parsed(response_value(value)).items[0].error == ItemError(code="file", message="gone")
    del value["error"]
    refused(response_value(value), MalformedError, r"items\[0\]: the field 'signatures' is missing")
    refused(with_signatures(), MalformedError, r"signatures: expected at least 1 members, got 0$")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"code": ""}, MalformedError, "code is empty"),
        ({"code": "a\n"}, MalformedError, r"code holds the control character U\+000A"),
        ({"message": ""}, MalformedError, "error.message is empty"),
        ({"message": "\x1b"}, MalformedError, r"error.message holds the control"),
        ({"message": "x" * 2001}, TooLargeError, "error.message is too long"),
        ({"message": None}, MalformedError, "message: expected a text, got null"),
        ({"hint": "x"}, MalformedError, "error: unknown field 'hint'"),
    ],
)
def test_errors_of_another_shape(
    change: dict[str, Any], error: type[FormatError], said: str
) -> None:
    value = result_value(error={"code": "file", "message": "gone", **change})
    del value["signatures"]
    refused(response_value(value), error, said)


def test_items_are_in_order() -> None:
    second = result_value(item=1)
    assert len(parsed(response_value(result_value(), second)).items) == 2
    refused(response_value(second, result_value()), MalformedError, r"items\[0\].item: expected 0")
    refused(
        response_value(result_value(), result_value()), MalformedError, r"\[1\].item: expected 1"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"keyid": STRANGER.public_key.keyid},
            r"keyid: '[0-9a-f]{64}' is not among the response's",
        ),
        ({"keyid": PROD.public_key.keyid.upper()}, r"is not among the response's keys$"),
        ({"scheme": ""}, r"signatures\[0\].scheme is empty$"),
        ({"value": None}, r"value: expected a text or an object$"),
        ({"value": ["x"]}, r"value: expected a text or an object$"),
        ({"role": "x"}, r"signatures\[0\]: unknown field 'role'$"),
    ],
)
def test_signatures_of_another_shape(change: dict[str, Any], said: str) -> None:
    refused(with_signatures({**FIRST, **change}), MalformedError, said)


def test_one_signature_for_a_scheme_and_key() -> None:
    refused(with_signatures(FIRST, FIRST), MalformedError, "one key signed twice under one scheme$")
    other = {**FIRST, "scheme": "other"}
    assert len(parsed(with_signatures(FIRST, other)).items[0].signatures) == 2


def test_as_many_signatures_as_there_may_be() -> None:
    many = [{**FIRST, "scheme": f"s{place}"} for place in range(65)]
    assert len(parsed(with_signatures(*many[:64])).items[0].signatures) == 64
    refused(
        with_signatures(*many), TooLargeError, r"signatures is too long: .* 64 members, got 65$"
    )


@pytest.mark.parametrize("content", ["", "Hashed", "hashed ", "unknown"])
def test_content_is_one_of_two_words(content: str) -> None:
    value = response_value(result_value(content=content))
    refused(value, MalformedError, r"content: expected 'hashed' or 'digest-only', got '")


def test_digest_only() -> None:
    value = response_value(result_value(content="digest-only"))
    assert parsed(value).items[0].content_hashed is False


def test_keys() -> None:
    assert parsed(response_value(keys=[key_value(), key_value(SPARE)])).keys[1].name == "spare"
    twice = [key_value(), {**key_value(), "name": "other"}]
    refused(
        response_value(keys=twice), MalformedError, r"^response.keys: one key stands there twice"
    )
    other = {**key_value(), "public_key": encode_base64(STRANGER.public_key.raw)}
    refused(response_value(keys=[other]), MalformedError, f"expected {STRANGER.public_key.keyid}, ")
    named = {**key_value(), "name": "\x1b"}
    refused(response_value(keys=[named]), MalformedError, r"keys\[0\].name holds the control")
    short = {**key_value(), "public_key": encode_base64(bytes(31))}
    refused(
        response_value(keys=[short]), MalformedError, r"keys\[0\].public_key: expected 32 bytes"
    )
    spelled = {**key_value(), "public_key": key_value()["public_key"].rstrip("=")}
    refused(
        response_value(keys=[spelled]), NotCanonicalError, r"keys\[0\].public_key: expected stan"
    )


def test_a_key_that_must_not_be_used() -> None:
    small = {**key_value(), "public_key": encode_base64(b"\1" + bytes(31))}
    refused(response_value(keys=[small]), KeyRefusedError, "not the canonical encoding")
    with pytest.raises(ResponseError) as caught:
        open_response(response_file(response_value(keys=[small])))
    assert caught.value.reason == "key-refused"


def test_too_many_keys_and_items() -> None:
    refused(response_value(keys=[{}] * 1025), TooLargeError, "keys is too long: .* 1024 members")
    many = response_value(*[{}] * (limits.ITEM_COUNT + 1))
    refused(many, TooLargeError, "items is too long: expected at most 100000 members, got 100001$")
    refused({**response_value(), "items": []}, MalformedError, "items: expected at least 1 members")
