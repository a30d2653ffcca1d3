"""The request: whole or refused, and nothing is written that no reader takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from signkit.errors import (
    FormatError,
    MalformedError,
    NotCanonicalError,
    RequestError,
    TooLargeError,
)
from signkit.formats.request import (
    RequestWriter,
    encode_request,
    open_request,
    parse_metadata,
    parse_request,
    sign_request,
)
from signkit.model.request import Request, Wanted
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json, parse_json
from tests.support.documents import (
    REQUEST_TYPE,
    document,
    item_value,
    request_file,
    request_of,
    request_value,
    response_file,
)
from tests.support.keys import REQUESTER, STATION
from tests.support.strategies import REQUESTS

ITEM = request_of().items[0]
REQUEST = request_of()


def with_item(**changes: Any) -> Request:
    return replace(REQUEST, items=(ITEM._replace(**changes),))


def parsed(value: object) -> Request:
    return parse_request(encode_json(value))


def test_a_request_is_read() -> None:
    data = request_file(request_value(previous_response={"sha256": "ab" * 32}))
    verified = open_request(data)
    assert (verified.digest, verified.requester_key) == (compute_digest(data), REQUESTER.public_key)
    request = verified.request
    assert (request.requester, request.reason) == ("builder@ci", "first release")
    assert request.created == "2026-01-31T12:00:00Z"
    assert request.previous_response == b"\xab" * 32
    (item,) = request.items
    assert (item.name, item.size, item.sequence, item.expires) == ("model.bin", 14, 1, None)
    assert (item.artifact, item.version, item.target) == (
        "ML-Model",
        "1.0.0",
        "aarch64-unknown-linux",
    )
    assert item.wanted == (
        Wanted(scheme="peridio", role="release"),
        Wanted(scheme="statement", role="release"),
    )


def test_what_is_signed_is_read_again() -> None:
    data = sign_request(REQUEST, REQUESTER)
    assert open_request(data).request == REQUEST
    assert data == request_file()


@given(REQUESTS)
def test_any_request_is_read_as_it_was_written(request: Request) -> None:
    assert open_request(sign_request(request, REQUESTER)).request == request


BROKEN: dict[str, tuple[Request, type[FormatError], str]] = {
    "requester": (replace(REQUEST, requester=""), MalformedError, "request.requester is empty"),
    "long requester": (replace(REQUEST, requester="x" * 129), TooLargeError, "requester is too lo"),
    "empty reason": (replace(REQUEST, reason=""), MalformedError, "request.reason is empty"),
    "reason": (replace(REQUEST, reason="\x1b"), MalformedError, r"reason holds the control"),
    "no UTF-8": (replace(REQUEST, reason="\udcff"), MalformedError, r"reason holds the control"),
    "long reason": (replace(REQUEST, reason="x" * 2001), TooLargeError, "reason is too long"),
    "created": (replace(REQUEST, created="now"), MalformedError, "request.created: expected a UTC"),
    "no items": (replace(REQUEST, items=()), MalformedError, "expected 1 to 100000 items, got 0"),
    "sequence": (with_item(sequence=2**53), MalformedError, r"items\[0\].sequence: expected 1 to"),
    "no sequence": (with_item(sequence=0), MalformedError, r"items\[0\].sequence: expected 1 to"),
    "size": (with_item(size=limits.CONTENT_SIZE + 1), MalformedError, r"items\[0\].size: expected"),
    "expires": (with_item(expires="soon"), MalformedError, r"items\[0\].expires: expected a UTC"),
    "over": (
        with_item(expires=REQUEST.created),
        MalformedError,
        r"items\[0\].expires: .* is not af",
    ),
    "nothing wanted": (with_item(wanted=()), MalformedError, "wanted: expected at least 1 members"),
    "role": (
        with_item(wanted=(Wanted(scheme="peridio", role=""),)),
        MalformedError,
        "role is empty",
    ),
    "twice": (replace(REQUEST, items=(ITEM, ITEM)), MalformedError, "items 0 and 1 are both artif"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_no_reader_takes_is_not_signed(name: str) -> None:
    request, error, said = BROKEN[name]
    with pytest.raises(error, match=said):
        sign_request(request, REQUESTER)
    try:
        payload = encode_request(request)
    except UnicodeEncodeError:
        return
    with pytest.raises(FormatError):
        parse_request(payload)


def test_too_many_items_are_not_signed() -> None:
    items = tuple(ITEM._replace(target=str(place)) for place in range(limits.ITEM_COUNT + 1))
    with pytest.raises(TooLargeError, match=r"expected at most 100000 items, got more"):
        sign_request(replace(REQUEST, items=items), REQUESTER)


def test_more_than_a_reader_reads_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_SIZE", 22_400)
    assert len(encode_request(REQUEST)) > 22_400 * 3 // 4 - limits.KEY_FILE_SIZE
    with pytest.raises(TooLargeError, match=r"the request is too large: .* bytes before encoding"):
        sign_request(REQUEST, REQUESTER)


def test_items_one_by_one_are_the_same_request() -> None:
    items = tuple(ITEM._replace(target=f"t\u00fc{place}") for place in range(3))
    writer = RequestWriter(
        requester="r", reason="\u00fc", created=REQUEST.created, previous_response=None
    )
    for item in items:
        writer.add(item)
    request = replace(REQUEST, requester="r", reason="\u00fc", items=items)
    assert bytes(writer._payload) + b"]}" == encode_request(request)


@pytest.mark.parametrize("signer", [REQUESTER, STATION])
def test_a_response_is_no_request(signer: Any) -> None:
    value = document("application/vnd.signkit.response.v1+json", request_value(), signer)
    for data in (encode_json(value), response_file()):
        with pytest.raises(
            RequestError, match=r"payloadType: expected 'application/vnd.signkit.req"
        ) as caught:
            open_request(data)
        assert (caught.value.exit_code, caught.value.reason) == (12, "malformed")
        assert caught.value.hint == "copy the request again from the machine that prepared it"


def test_a_damaged_payload() -> None:
    value = json.loads(request_file())
    value["payload"] = document(REQUEST_TYPE, request_value(requester="x"), REQUESTER)["payload"]
    with pytest.raises(RequestError) as caught:
        open_request(encode_json(value))
    assert caught.value.reason == "signature-invalid"


def test_the_limit_of_wanted() -> None:
    wanted = [{"scheme": "peridio", "role": f"r{place}"} for place in range(17)]
    assert len(parsed(request_value(item_value(wanted=wanted[:16]))).items[0].wanted) == 16
    with pytest.raises(TooLargeError, match=r"wanted is too long: .* 16 members, got 17$"):
        parsed(request_value(item_value(wanted=wanted)))


def test_a_place_is_named() -> None:
    items = [item_value(target=f"t{place}") for place in range(3)]
    items[2]["wanted"][1]["role"] = 7
    with pytest.raises(
        MalformedError, match=r"^request.items\[2\].wanted\[1\].role: expected a text"
    ):
        parsed(request_value(*items))


def test_reason_may_have_lines_and_may_be_missing() -> None:
    assert parsed(request_value(reason="a\n\nb")).reason == "a\n\nb"
    assert parsed(request_value(reason=None)).reason is None
    bad: object
    for bad in (7, [], {}, True):
        with pytest.raises(MalformedError, match=r"^request.reason: expected a text or null$"):
            parsed(request_value(reason=bad))
    with pytest.raises(NotCanonicalError):
        parsed(request_value(previous_response={"sha256": "AB" * 32}))


def test_an_item_expires_after_the_request_was_made() -> None:
    assert parsed(request_value(item_value(expires="2026-01-31T12:00:01Z"))).items[0].expires
    with pytest.raises(
        MalformedError, match=r"^request.items\[0\].expires: .* is not after 2026-0"
    ):
        parsed(request_value(item_value(expires="2026-01-31T12:00:00Z")))


def test_one_item_for_one_place() -> None:
    apart = (ITEM, ITEM._replace(target="x"), ITEM._replace(version="2"))
    assert sign_request(replace(REQUEST, items=apart), REQUESTER)
    twins = replace(REQUEST, items=(ITEM, ITEM._replace(target="x"), ITEM._replace(name="other")))
    for refuse in (
        lambda: sign_request(twins, REQUESTER),
        lambda: parse_request(encode_request(twins)),
    ):
        with pytest.raises(
            MalformedError, match=r"^items 0 and 2 are both artifact 'ML-Model', version"
        ):
            refuse()


def test_the_place_of_the_statement_is_reserved() -> None:
    assert parse_metadata({"signKit": 1}, what="x") == {"signKit": 1}
    with pytest.raises(MalformedError, match=r"^x.custom_metadata: the name 'signkit' is reserved"):
        parse_metadata({"signkit": None}, what="x")


def test_items_are_spelled_as_the_json_writer_spells_them() -> None:
    text = 'a"\\/\u00fc\u2028\U0001f511\x7f'.replace("\x7f", "")
    odd = ITEM._replace(name=text.replace("\\", "").replace("/", ""), artifact=text, target=text)
    item = odd._replace(custom_metadata={text: [text, 1, None]}, expires="2036-01-31T00:00:00Z")
    payload = encode_request(replace(REQUEST, items=(ITEM, item)))
    assert encode_json(parse_json(payload, limit=len(payload), what="request")) == payload
    assert parse_request(payload).items[1] == item
