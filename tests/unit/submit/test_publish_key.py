from __future__ import annotations

import pytest

from signkit.errors import ReceiptMismatchError, StateError, StatusError
from signkit.submit.publish_key import publish_key
from signkit.verify.encoding import encode_base64
from tests.support.hostile_registry import edited, json_answer
from tests.support.keys import PROD, SPARE

KEY = PROD.public_key


@pytest.fixture
def publish(submitter):
    return lambda name="prod", key=KEY: publish_key(submitter.client, name, key)


def held(registry) -> list[tuple[str, str]]:
    records = registry.records["signing_key"].values()
    return [(record["name"], record["value"]) for record in records]


def test_creates_it_as_base64_of_the_raw_key(registry, publish):
    published = publish()
    assert published.created
    assert held(registry) == [("prod", encode_base64(KEY.raw))]
    assert published.record.prn in registry.records["signing_key"]


def test_a_second_time_changes_nothing(registry, publish):
    first, second = publish(), publish()
    assert (first.created, second.created) == (True, False)
    assert first.record == second.record
    assert len(registry.made("POST")) == 1


def test_under_another_name_it_is_found_by_its_bytes(registry, publish):
    publish("2025")
    again = publish("prod")
    assert (again.created, again.record.name) == (False, "2025")
    assert len(held(registry)) == 1


def test_a_name_that_another_key_has_is_refused(registry, publish):
    publish("prod", SPARE.public_key)
    with pytest.raises(StateError) as caught:
        publish()
    text = str(caught.value)
    assert encode_base64(KEY.raw) in text
    assert encode_base64(SPARE.public_key.raw) in text
    assert len(held(registry)) == 1


def test_of_several_records_that_of_the_name_is_taken(registry, publish):
    prn = publish("prod").record.prn
    other = registry.records["signing_key"][prn] | {"prn": prn[:-12] + "0" * 12, "name": "aaa"}
    registry.records["signing_key"] = {other["prn"]: other, **registry.records["signing_key"]}
    assert publish("prod").record.prn == prn


def test_somebody_was_faster(registry, publish):
    """The first search finds nothing, and then the creation finds it taken."""
    publish()
    registry.bend("GET", "/signing_keys", edited(lambda it: it.update(signing_keys=[])), times=1)
    published = publish()
    assert not published.created
    assert len(registry.made("POST")) == 2
    assert len(held(registry)) == 1


def test_a_key_that_the_registry_does_not_take(registry, publish):
    refusal = json_answer({"errors": {"value": ["is not wanted"]}}, 422)
    registry.refuse("POST", "/signing_keys", refusal)
    with pytest.raises(StatusError, match="is not wanted"):
        publish()


@pytest.mark.parametrize(
    ("field", "value"),
    [("value", encode_base64(SPARE.public_key.raw)), ("value", None), ("name", "other")],
)
def test_what_is_read_back_is_compared(registry, publish, field, value):
    registry.bend(
        "GET", "/signing_keys/prn", edited(lambda it: it["signing_key"].update({field: value}))
    )
    with pytest.raises(ReceiptMismatchError, match="gives back another"):
        publish()
