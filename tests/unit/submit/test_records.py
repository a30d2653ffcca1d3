from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from signkit.client.resources import Binary, BinaryState
from signkit.errors import ReceiptMismatchError, StateError, StatusError
from signkit.submit.records import Records, check_binary, choose_binary
from signkit.verify.digest import Sha256
from tests.support.hostile_registry import Answer, edited, json_answer


@pytest.fixture
def records(submitter):
    return Records(submitter.client)


@pytest.fixture
def item(signed):
    (each,) = signed.open().items
    return each


def binary(item, **changes) -> Binary:
    return replace(
        Binary(
            prn="prn:1:a",
            artifact_version_prn="v",
            target=item.item.target,
            state=BinaryState.UPLOADABLE,
            digest=item.item.digest,
            size=item.item.size,
            custom_metadata=item.custom_metadata,
            signatures=(),
            inserted_at="2026-01-01",
        ),
        **changes,
    )


def chosen(found, item) -> str:
    binary = choose_binary(found, item)
    assert binary is not None
    return binary.prn


OTHER = Sha256(bytes(32))


class TestChoose:
    def test_nothing(self, item):
        assert choose_binary([], item) is None

    def test_w13_destroyed_ones_are_history(self, item):
        destroyed = binary(item, state=BinaryState.DESTROYED)
        assert choose_binary([destroyed], item) is None
        assert chosen([destroyed, binary(item, prn="b")], item) == "b"

    def test_w13_a_signed_one_with_the_same_content_decides(self, item):
        signed = binary(item, state=BinaryState.SIGNED, prn="s")
        assert chosen([binary(item), signed], item) == "s"

    def test_a_signed_one_with_other_content_refuses(self, item):
        signed = binary(item, state=BinaryState.SIGNED, digest=OTHER)
        with pytest.raises(StateError, match=f"the registry holds {OTHER.hex()}"):
            choose_binary([binary(item), signed], item)

    def test_w13_of_several_everybody_takes_the_same(self, item):
        old = binary(item, prn="old", digest=OTHER)
        fits = binary(item, prn="fits", inserted_at="2026-02-01")
        late = binary(item, prn="late", inserted_at="2026-03-01")
        for found in ([old, fits, late], [late, fits, old]):
            assert chosen(found, item) == "fits"
        assert chosen([replace(late, digest=None), old], item) == "old"


def test_creates_what_is_missing_once(registry, records, item):
    made, created = records.binary(item)
    assert created
    again, created = records.binary(item)
    assert (again.prn, created) == (made.prn, False)
    assert {kind: len(each) for kind, each in registry.records.items()} == {
        "artifact": 1,
        "artifact_version": 1,
        "signing_key": 0,
        "binary": 1,
    }


def test_what_belongs_to_a_new_record_is_not_looked_for(registry, records, item):
    records.binary(item)
    assert [call.path for call in registry.made("GET")] == ["/artifacts"]


@pytest.mark.parametrize("path", ["/artifact_versions", "/binaries"])
def test_an_answer_that_got_lost_makes_no_second_record(registry, records, item, path):
    """Also of what was not looked for before: the second try looks."""
    registry.bend("POST", path, lambda *_: Answer(raw=b""), times=1)
    records.binary(item)
    assert len(registry.records["artifact_version"]) == 1
    assert len(registry.records["binary"]) == 1


def test_threads_that_need_one_record_make_it_once(registry, records, item):
    def find(number):
        wanted = replace(item, item=item.item._replace(target=f"target-{number}"))
        return records.binary(wanted)[0].artifact_version_prn

    with ThreadPoolExecutor(8) as threads:
        (version,) = set(threads.map(find, range(16)))
    assert list(registry.records["artifact_version"]) == [version]
    assert len(registry.made("POST", "/artifacts")) == 1
    assert len(registry.made("POST", "/artifact_versions")) == 1


def test_finds_what_is_there(registry, records, item, submitter):
    records.binary(item)
    Records(submitter.client).binary(item)
    assert len(registry.made("POST")) == 3


@pytest.mark.parametrize("path", ["/artifacts", "/artifact_versions", "/binaries"])
def test_f50_somebody_else_is_faster(registry, records, item, path):
    """The first search finds nothing, and then the creation finds it taken."""
    Records(records._client).binary(item)
    plural = path[1:]
    registry.bend("GET", path, edited(lambda value: value.update({plural: []})), times=1)
    _, created = records.binary(item)
    assert not created
    assert len([call for call in registry.made("POST") if call.path == path]) == 2


@pytest.mark.parametrize("path", ["/artifacts", "/artifact_versions", "/binaries"])
def test_f37_a_lost_answer_makes_no_second_record(registry, records, item, path):
    registry.bend("POST", path, lambda _call, _answer: Answer(raw=b""), times=1)
    records.binary(item)
    assert len([call for call in registry.made("POST") if call.path == path]) == 1


def test_a_refused_creation_is_an_error(registry, records, item):
    registry.bend(
        "POST", "/artifacts", lambda *_: json_answer({"errors": {"name": ["no"]}}, 422), times=1
    )
    registry.records["artifact"].clear()
    registry.bend("GET", "/artifacts", edited(lambda value: value.update(artifacts=[])))
    with pytest.raises(StatusError, match="name: no"):
        records.binary(item)


def test_w13_two_artifacts_of_one_name(registry, records, item):
    records.binary(item)
    (artifact,) = registry.records["artifact"].values()
    twin = artifact["prn"][:-4] + "0000"
    registry.records["artifact"][twin] = {**artifact, "prn": twin}
    with pytest.raises(StateError, match="2 records for artifact 'ML-Model'"):
        Records(records._client).binary(item)


def test_other_content_is_reset(registry, records, item):
    made, _ = records.binary(item)
    registry.binary.update(state="signable", hash="00" * 32, size=1, custom_metadata=None)
    registry.parts[made.prn][1] = {}
    records.binary(item)
    sent = [json.loads(call.body) for call in registry.made("PATCH")]
    assert [sorted(body) for body in sent] == [
        ["prn", "state"],
        ["custom_metadata", "hash", "prn", "size"],
    ]
    assert registry.binary["hash"] == item.item.digest.hex()
    assert registry.parts[made.prn] == {}


def test_other_metadata_are_replaced_without_a_reset(registry, records, item):
    made, _ = records.binary(item)
    registry.parts[made.prn][1] = {}
    registry.binary["custom_metadata"] = {"x": 1}
    records.binary(item)
    assert registry.binary["custom_metadata"] == item.custom_metadata
    assert registry.parts[made.prn] == {1: {}}


def test_a_signed_one_with_other_metadata_is_immutable(registry, records, item):
    records.binary(item)
    registry.binary.update(state="signed", custom_metadata={"x": 1})
    with pytest.raises(StateError, match="other custom metadata") as caught:
        records.binary(item)
    assert "immutable" in str(caught.value.hint)
    assert registry.made("PATCH") == []


@pytest.mark.parametrize(
    "change", [{"hash": "00" * 32}, {"size": 1}, {"hash": None}, {"custom_metadata": {"x": True}}]
)
def test_f55_a_registry_that_stores_something_else(registry, records, item, change):
    """It answers every creation and change with other values than it was given."""
    for method in ("POST", "PATCH"):
        registry.bend(method, "/binaries", edited(lambda value: value["binary"].update(change)))
    with pytest.raises(ReceiptMismatchError):
        records.binary(item)


def test_metadata_are_compared_by_kind_and_value(item):
    item = replace(item, custom_metadata={"a": 1})
    check_binary(binary(item, custom_metadata={"a": 1}), item)
    for other in ({"a": True}, {"a": 1.0}, {"a": "1"}, {}, None):
        with pytest.raises(ReceiptMismatchError):
            check_binary(binary(item, custom_metadata=other), item)


class TestKeys:
    def test_is_found_by_its_bytes(self, registry, records, item):
        key = item.signatures[0].key
        prn = records.key_prn(key)
        assert records.key_prn(key) == prn
        assert Records(records._client).key_prn(replace(key, name="another name")) == prn
        assert len(registry.made("POST", "/signing_keys")) == 1

    def test_a_name_that_is_taken(self, registry, records, item):
        def taken(_call, _answer):
            registry.records["signing_key"].clear()
            return json_answer({"errors": {"name": ["is taken"]}}, 422)

        registry.bend("POST", "/signing_keys", taken, times=1)
        key = replace(item.signatures[0].key, name="n" * 128)
        records.key_prn(key)
        names = [json.loads(call.body)["name"] for call in registry.made("POST", "/signing_keys")]
        assert names[1] == "n" * 111 + f" {key.public_key.keyid[:16]}"

    def test_w18_a_creation_that_failed_blocks_no_second_run(self, registry, records, item):
        """Nothing was written down before the call, so nothing is in the way after it."""
        registry.bend("POST", "/signing_keys", lambda *_: Answer(status=403), times=1)
        registry.records["signing_key"].clear()
        with pytest.raises(StatusError):
            records.key_prn(item.signatures[0].key)
        again = Records(records._client)
        assert again.key_prn(item.signatures[0].key) in registry.records["signing_key"]
        assert len(registry.records["signing_key"]) == 1

    def test_a_refusal_that_is_not_about_the_name(self, registry, records, item):
        registry.bend("POST", "/signing_keys", lambda *_: Answer(status=403))
        with pytest.raises(StatusError):
            records.key_prn(item.signatures[0].key)
