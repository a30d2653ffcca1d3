from __future__ import annotations

import pytest

from signkit.client.answers import (
    parse_answer,
    read_artifact,
    read_binary,
    read_declared_part,
    read_key,
    read_part,
    read_signature,
    read_version,
)
from signkit.client.resources import BinaryState, PartState
from signkit.errors import FormatError, MalformedError

ORGANIZATION = "prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41"
ID = "74CB7AB8-684f-4f4e-8386-0733a494ca1b"
HASH = "ab" * 32


def prn(kind: str) -> str:
    return f"{ORGANIZATION}:{kind}:{ID}"


def binary(**changes):
    value = {
        "prn": prn("binary"),
        "artifact_version_prn": prn("artifact_version"),
        "target": "t",
        "state": "uploadable",
        "revision": 0,
        "hash": HASH,
        "size": 3,
        "custom_metadata": {"x": 1.5},
        "signatures": None,
        "inserted_at": "2025-06-11T05:04:10.081728Z",
        "unknown": "is passed over",
    }
    return {**value, **changes}


def test_reads_a_binary():
    read = read_binary(binary())
    assert (read.state, read.size) == (BinaryState.UPLOADABLE, 3)
    assert read.digest == bytes.fromhex(HASH)
    assert read.signatures == ()


@pytest.mark.parametrize("missing", ["hash", "size", "custom_metadata", "signatures"])
def test_null_and_missing_are_the_same(missing):
    value = binary()
    del value[missing]
    assert read_binary(value) == read_binary(binary(**{missing: None}))


def test_reads_signatures():
    entry = {"signature": "AB", "signing_key_prn": prn("signing_key"), "keyid": "x"}
    (signature,) = read_binary(binary(signatures=[entry])).signatures
    assert signature.signature == "AB"


@pytest.mark.parametrize(
    "change",
    [
        {"prn": prn("artifact")},
        {"prn": "prn:1:x:binary:y"},
        {"prn": f"{prn('binary')}/../../users"},
        {"prn": None},
        {"state": "failed"},
        {"state": "SIGNED"},
        {"hash": HASH.upper()},
        {"hash": f"sha256:{HASH}"},
        {"hash": HASH[:-2]},
        {"hash": 7},
        {"size": -1},
        {"size": 1.0},
        {"size": True},
        {"size": 2**63},
        {"custom_metadata": []},
        {"custom_metadata": {"x": "y" * 1_000_001}},
        {"signatures": {}},
        {"signatures": [{"signature": "AB", "signing_key_prn": prn("user")}]},
        {"signatures": [None] * 1001},
        {"target": 1},
        {"inserted_at": "x" * 9000},
    ],
)
def test_f55_refuses_other_shapes(change):
    with pytest.raises(FormatError):
        read_binary(binary(**change))


def test_reads_the_other_records():
    assert read_artifact({"prn": prn("artifact"), "name": "a"}).name == "a"
    version = {"prn": prn("artifact_version"), "artifact_prn": prn("artifact"), "version": "1"}
    assert read_version(version).version == "1"
    assert read_key({"prn": prn("signing_key"), "name": "k"}).value is None
    signature = {"binary_prn": prn("binary"), "signing_key_prn": prn("signing_key")}
    assert read_signature({**signature, "signature": "AB"})[0] == prn("binary")


def part(**changes):
    value = {"index": 1, "hash": HASH, "size": 5, "state": "valid", "presigned_upload_url": "u"}
    return {**value, **changes}


@pytest.mark.parametrize("word", ["uploadable", "invalid_size", "invalid_hash", "valid"])
def test_w20_each_state_of_a_part_is_itself(word):
    assert read_part(part(state=word)).state.name == word.upper()


def test_reads_a_part():
    assert read_part(part()).state is PartState.VALID
    assert read_declared_part(part()).upload_address == "u"


@pytest.mark.parametrize(
    "change",
    [{"index": 0}, {"index": 10**9}, {"size": 2**63}, {"state": "done"}, {"hash": None}],
)
def test_f55_refuses_other_parts(change):
    with pytest.raises(FormatError):
        read_part(part(**change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>log in</html>",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b"[" * 100_000,
        b"1" * 5000,
        b"{} {}",
    ],
)
def test_refuses_what_is_not_strict_json(data):
    with pytest.raises(MalformedError):
        parse_answer(data)


def test_fractions_are_other_peoples_business():
    assert parse_answer(b'{"a":1.5}') == {"a": 1.5}
