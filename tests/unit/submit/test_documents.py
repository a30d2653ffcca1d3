from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from signkit.errors import (
    JournalError,
    RequestError,
    ResponseError,
    SubmissionError,
    TooLargeError,
)
from signkit.formats.combined import combine_answers, encode_combined, make_imported
from signkit.formats.request import sign_request
from signkit.formats.response import sign_response
from signkit.model.response import ItemError
from signkit.submit.documents import Pins, SignedItem, UnsignedItem
from signkit.verify.digest import Sha256
from tests.support.keys import PROD, REQUESTER, SPARE, STATION, STRANGER
from tests.support.submission import make_signed


def opened(signed) -> Any:
    (item,) = signed.open().items
    assert isinstance(item, SignedItem)
    return item


def changed_item(signed, **changes):
    """The response with its first item changed, signed by the honest station."""
    response = signed.response
    first = replace(response.items[0], **changes)
    signed.answer(replace(response, items=(first, *response.items[1:])))
    return signed


def changed_signature(signed, place, **changes):
    signatures = list(signed.response.items[0].signatures)
    signatures[place] = replace(signatures[place], **changes)
    return changed_item(signed, signatures=tuple(signatures))


def test_opens_what_belongs_together(signed):
    item = opened(signed)
    assert [each.key.name for each in item.signatures] == ["prod"]
    assert item.keyids == (PROD.public_key.keyid,)
    assert item.custom_metadata["peridiod"] == {"installer": "file"}
    assert item.custom_metadata["signkit"] == signed.response.items[0].signatures[1].value


def test_several_signers_share_one_statement(tmp_path):
    item = opened(make_signed(tmp_path, keys=(PROD, SPARE)))
    envelope = item.custom_metadata["signkit"]
    signers = [member["keyid"] for member in envelope["signatures"]]
    assert signers == [PROD.public_key.keyid, SPARE.public_key.keyid]
    assert len(item.signatures) == 2


def test_a_signature_that_nobody_verified_is_not_published(signed):
    """A station puts a second signature, by a key that it does not name, into the statement."""
    value = signed.response.items[0].signatures[1].value
    stray = {"keyid": STRANGER.public_key.keyid, "sig": "AA" * 42 + "AA=="}
    changed_signature(signed, 1, value={**value, "signatures": [*value["signatures"], stray]})
    item = opened(signed)
    assert len(item.custom_metadata["signkit"]["signatures"]) == 1


def test_an_item_that_the_station_refused(signed):
    error = ItemError(code="policy", message="not today")
    changed_item(signed, signatures=(), error=error)
    (item,) = signed.open().items
    assert item == UnsignedItem(place=0, item=signed.request.request.items[0], error=error)


def test_a_response_to_another_request(signed):
    other = replace(signed.request.request, requester="somebody else")
    data = sign_request(other, REQUESTER)
    (signed.folder / "model.request.json").write_bytes(data)
    with pytest.raises(JournalError, match="another request"):
        signed.open()
    plan = replace(signed.plan, request=Sha256(sha256(data).digest()))
    with pytest.raises(ResponseError, match="answers another request") as caught:
        replace(signed, plan=plan).open()
    assert caught.value.reason == "context"


def test_a_plan_of_other_content(signed):
    other = signed.plan.items[0]._replace(digest=Sha256(bytes(32)))
    for items in ((other,), (), signed.plan.items * 2):
        with pytest.raises(JournalError, match="does not list"):
            replace(signed, plan=replace(signed.plan, items=items)).open()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": "00" * 64}, "signature-invalid"),
        ({"value": "ab" * 64}, "not-canonical"),
        ({"value": {"payloadType": "x"}}, "not-canonical"),
        ({"scheme": "sshsig"}, "context"),
    ],
)
def test_w01_a_signature_that_does_not_verify_is_refused(signed, change, reason):
    changed_signature(signed, 0, **change)
    with pytest.raises(ResponseError) as caught:
        signed.open()
    assert caught.value.reason == reason


def test_w01_a_signature_of_another_digest_is_refused(signed):
    changed_item(signed, digest=Sha256(bytes(32)))
    with pytest.raises(ResponseError, match="signs another digest"):
        signed.open()


def test_a_statement_for_another_target_is_refused(signed, tmp_path):
    (tmp_path / "other").mkdir()
    other = make_signed(tmp_path / "other", target="x86_64")
    changed_signature(signed, 1, value=other.response.items[0].signatures[1].value)
    with pytest.raises(ResponseError) as caught:
        signed.open()
    assert caught.value.reason == "context"


def test_a_signature_that_is_missing(signed):
    changed_item(signed, signatures=signed.response.items[0].signatures[:1])
    with pytest.raises(ResponseError, match="no signature under statement"):
        signed.open()


def test_an_item_too_many(signed):
    (first,) = signed.response.items
    signed.answer(replace(signed.response, items=(first, replace(first, item=1))))
    with pytest.raises(ResponseError, match="answers 2 items: the request has 1"):
        signed.open()


def test_pins_that_fit(signed):
    keys = frozenset({PROD.public_key.keyid})
    assert signed.open(pins=Pins(stations=frozenset({STATION.public_key.keyid}), keys=keys))


def test_f27_another_station_or_key(signed):
    for pins in (
        Pins(stations=frozenset({STRANGER.public_key.keyid})),
        Pins(keys=frozenset({SPARE.public_key.keyid})),
    ):
        with pytest.raises(ResponseError) as caught:
            signed.open(pins=pins)
        assert caught.value.reason == "unknown-key"


def test_damaged_documents(signed):
    good = signed.response_path.read_bytes()
    signed.response_path.write_bytes(good.replace(b"vault", b"fault", 1)[:-1])
    with pytest.raises(ResponseError):
        signed.open()
    signed.response_path.write_bytes(good)
    request = signed.folder / "model.request.json"
    request.write_bytes(request.read_bytes() + b"\n")
    with pytest.raises(RequestError):
        signed.open()


def test_without_a_registry_signature(tmp_path):
    wanted = make_signed(tmp_path).request.request.items[0].wanted[1:]
    with pytest.raises(SubmissionError, match="no peridio signature") as caught:
        make_signed(tmp_path, wanted=wanted).open()
    assert "--scheme peridio" in str(caught.value.hint)


def test_without_a_statement_the_metadata_stay_as_they_are(tmp_path):
    wanted = make_signed(tmp_path).request.request.items[0].wanted[:1]
    item = opened(make_signed(tmp_path, wanted=wanted))
    assert "signkit" not in item.custom_metadata


def test_metadata_that_are_too_large_with_their_statement(tmp_path):
    signed = make_signed(tmp_path, custom_metadata={"x": "y" * 999_980})
    with pytest.raises(TooLargeError, match="with its statement"):
        signed.open()


def test_every_station_of_a_combined_response_is_pinned(signed):
    """Attacker: puts the response of a station of his own beside the honest one."""
    other = sign_response(replace(signed.response, station="vault-2"), STRANGER)
    signed.response_path.write_bytes(combine_answers([signed.response_path.read_bytes(), other]))
    both = frozenset({STATION.public_key.keyid, STRANGER.public_key.keyid})
    assert signed.open(pins=Pins(stations=both))
    for key in (STATION, STRANGER):
        with pytest.raises(ResponseError) as caught:
            signed.open(pins=Pins(stations=frozenset({key.public_key.keyid})))
        assert caught.value.reason == "unknown-key"


def test_no_station_vouches_for_imported_signatures(signed):
    (result,) = signed.response.items
    imported = make_imported(signed.response.keys[0], [(result.digest, result.signatures)])
    data = encode_combined(signed.request.digest, [], imported=imported)
    signed.response_path.write_bytes(data)
    (item,) = signed.open().items
    assert isinstance(item, SignedItem)
    with pytest.raises(ResponseError, match="no station vouches"):
        signed.open(pins=Pins(stations=frozenset({STATION.public_key.keyid})))
