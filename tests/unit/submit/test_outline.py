from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from signkit.errors import StateError
from signkit.model.response import ItemError
from signkit.submit.report import describe_outline, outcome_line, outline_line
from tests.support.hostile_registry import ORGANIZATION
from tests.support.keys import PROD, SPARE
from tests.support.submission import make_signed

KEY = f"{ORGANIZATION}:signing_key:{uuid4()}"


@pytest.fixture
def outline(submitter, signed):
    return lambda **options: submitter.outline(signed.open(), **options)


def test_everything_is_to_be_done(registry, outline):
    found = outline()
    assert found.missing == ("artifact", "version", "binary")
    assert (found.state, found.part_count, found.size, found.error) == (None, 3, 14, None)
    assert found.signature_count == 1
    assert outline_line(found) == (
        "ML-Model 1.0.0 aarch64-unknown-linux: create artifact, version, binary; send 3 parts,"
        " 14 B; attach 1 signature"
    )
    assert {call.method for call in registry.calls} == {"GET"}


def test_nothing_is_to_be_done(submitter, signed, outline):
    submitter.one(signed)
    found = outline()
    assert (found.missing, found.state, found.part_count) == ((), "signed", 0)
    assert found.signature_count == 0
    assert outline_line(found).endswith("arch64-unknown-linux: binary is signed; send nothing")


def test_some_parts_are_there(registry, submitter, signed, outline):
    submitter.one(signed)
    registry.binary["state"] = "uploadable"
    registry.parts[registry.binary["prn"]][2]["state"] = "invalid_hash"
    found = outline()
    assert (found.part_count, found.size) == (1, 5)
    assert "send 1 part, 5 B" in outline_line(found)


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


def test_only_signatures_where_the_content_is_not_there(registry, submitter, signed, outline):
    """What --only-attach would refuse is refused by its dry run as well."""
    found = outline(only_attach=True)
    assert "expected its content uploaded" in str(found.error)
    assert (found.missing, found.part_count) == ((), 0)
    assert describe_outline(found)["create"] == []
    submitter.submit(signed.release())
    found = outline(only_attach=True)
    assert (found.error, found.part_count, found.signature_count) == (None, 0, 1)
    registry.binary["state"] = "uploadable"
    assert "does not have all of its content" in str(outline(only_attach=True).error)


def test_both_signatures_of_two_keys(submitter, tmp_path):
    (tmp_path / "two").mkdir()
    two = make_signed(tmp_path / "two", keys=(PROD, SPARE))
    assert submitter.outline(two.open()).signature_count == 1
    assert submitter.outline(two.open(), attach_all=True).signature_count == 2
    submitter.one(two)
    assert submitter.outline(two.open(), attach_all=True).signature_count == 1


def test_what_is_said_of_content_without_a_signature(submitter, signed):
    (uploaded,) = submitter.submit(signed.release())
    assert outcome_line(uploaded).endswith("  not signed yet")
    signed_one = submitter.one(signed)
    assert outcome_line(signed_one).endswith(f"  by {PROD.public_key.keyid}")
    (again,) = submitter.submit(signed.release())
    assert outcome_line(again).endswith("  was signed before")
