from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from signkit.errors import StateError
from signkit.model.response import ItemError
from signkit.submit.outline import outline_item
from tests.support.hostile_registry import ORGANIZATION

KEY = f"{ORGANIZATION}:signing_key:{uuid4()}"


@pytest.fixture
def outline(submitter, signed):
    def ask():
        (item,) = signed.open().items
        return outline_item(submitter.client, item)

    return ask


def test_everything_is_to_be_done(registry, outline):
    found = outline()
    assert found.missing == ("artifact", "version", "binary")
    assert (found.state, found.part_count, found.size, found.error) == (None, 3, 14, None)
    assert {call.method for call in registry.calls} == {"GET"}


def test_nothing_is_to_be_done(submitter, signed, outline):
    submitter.one(signed)
    found = outline()
    assert (found.missing, found.state, found.part_count) == ((), "signed", 0)


def test_some_parts_are_there(registry, submitter, signed, outline):
    submitter.one(signed)
    registry.binary["state"] = "uploadable"
    registry.parts[registry.binary["prn"]][2]["state"] = "invalid_hash"
    found = outline()
    assert (found.part_count, found.size) == (1, 5)


def test_other_content_would_be_replaced(registry, submitter, signed, outline):
    submitter.one(signed)
    registry.binary.update(state="signable", hash="00" * 32)
    assert outline().part_count == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"custom_metadata": {}}, "other custom metadata"),
        ({"signatures": [{"signature": "AB" * 64, "signing_key_prn": KEY}]}, "by another key"),
    ],
)
def test_a_signed_binary_that_would_be_refused(registry, submitter, signed, outline, change, said):
    submitter.one(signed)
    registry.binary.update(change)
    assert said in str(outline().error)


def test_what_the_station_refused_would_be(registry, submitter, signed, outline):
    (item,) = signed.response.items
    refused = replace(item, signatures=(), error=ItemError(code="policy", message="not today"))
    signed.answer(replace(signed.response, items=(refused,)))
    assert "the station did not sign it: not today" in str(outline().error)
    assert registry.calls == []


def test_what_would_be_refused(registry, submitter, signed, outline):
    submitter.one(signed)
    registry.binary["hash"] = "00" * 32
    found = outline()
    assert isinstance(found.error, StateError)
    assert (found.missing, found.part_count) == ((), 0)
