"""Any JSON in any field of any body: refused with 4xx, never 5xx, and nothing of it is stored."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    7,
    1.5,
    2**63,
    2**64,
    10**40,
    "",
    "x",
    "\0",
    "x\0y",
    "a\u202eb\x1b",
    "x" * 100_000,
    "prn:1:x",
    "0" * 64,
    [],
    [{}],
    {},
    {"a": 1},
    {"": {"": {"": []}}},
]
P = "prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41"
BODIES = {
    "POST /artifacts": ["name", "description", "custom_metadata", "id"],
    "POST /artifact_versions": ["artifact_prn", "version", "description", "custom_metadata", "id"],
    "POST /signing_keys": ["value", "name"],
    "POST /binaries": [
        "artifact_version_prn",
        "hash",
        "size",
        "target",
        "description",
        "custom_metadata",
        "id",
    ],
    "PUT /binaries/{binary}/parts/1": ["expected_binary_size", "hash", "size"],
    "PATCH /binaries/{binary}": ["state", "hash", "size", "description", "custom_metadata"],
    "PATCH /artifacts/{artifact}": ["name", "description", "custom_metadata"],
    "PATCH /artifact_versions/{version}": ["description", "custom_metadata"],
    "PATCH /signing_keys/{key}": ["name"],
    "POST /binary_signatures": ["binary_prn", "signature", "signing_key_prn", "signing_key_keyid"],
}
FIELDS = [(route, field) for route, fields in BODIES.items() for field in fields]


@pytest.fixture(scope="module")
def there(api):
    """Return the names of one of each, and bodies that are good but for one field."""
    version = api.version()
    binary = api.binary(b"abc", artifact_version_prn=version)
    key = api.key()
    artifact = api.ask("GET", f"/artifact_versions/{version}")["artifact_prn"]
    return {"artifact": artifact, "version": version, "binary": binary["prn"], "key": key["prn"]}


def good(route, there):
    return {
        "POST /artifacts": {"name": "n"},
        "POST /artifact_versions": {"artifact_prn": there["artifact"], "version": "2"},
        "POST /signing_keys": {"value": "", "name": "n"},
        "POST /binaries": {
            "artifact_version_prn": there["version"],
            "hash": "0" * 64,
            "size": 3,
            "target": "t",
        },
        "PUT /binaries/{binary}/parts/1": {
            "expected_binary_size": 3,
            "hash": "0" * 64,
            "size": 3,
        },
        "POST /binary_signatures": {
            "binary_prn": there["binary"],
            "signing_key_prn": there["key"],
            "signature": "0" * 128,
        },
    }.get(route, {})


@pytest.mark.parametrize(("route", "field"), FIELDS)
def test_any_value_in_any_field(api, there, route, field):
    method, path = route.format(**there).split(" ", 1)
    for value in VALUES:
        body = {**good(route, there), field: value}
        answer = api.call(method, path, body)
        assert answer.status_code < 500, (route, field, value, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["errors"]


@pytest.mark.parametrize("route", BODIES)
def test_bodies_that_are_no_object(api, there, route):
    method, path = route.format(**there).split(" ", 1)
    values: list[Any] = [None, True, 1, 1.5, "x", [], [{}], [[]]]
    for value in values:
        answer = api.call(method, path, content=b"null" if value is None else None, json=value)
        assert 400 <= answer.status_code < 500, (route, value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"nul",
        b'{"name":"a","name":"b"}',
        b'{"name":"\\ud800"}',
        b'{"name":"\xff"}',
        b'\xef\xbb\xbf{"name":"a"}',
        b'{"name":"a","custom_metadata":{"a":NaN}}',
        b'{"name":"a","custom_metadata":{"a":-Infinity}}',
        b'{"name":"a","custom_metadata":{"a":1e999}}',
        b'{"name":"a","custom_metadata":{"a":' + b"9" * 5000 + b"}}",
        b'{"name":"a","custom_metadata":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name":"a"} ' + b"x",
    ],
)
def test_bytes_that_are_no_json(api, data):
    answer = api.call(
        "POST", "/artifacts", content=data, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_body_beyond_the_limit(api):
    data = b'{"name":"' + b"x" * (2 * 1024 * 1024) + b'"}'
    answer = api.call(
        "POST", "/artifacts", content=data, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    answer = api.call("POST", "/artifacts", content=iter([data] * 4))
    assert answer.status_code == 413


def test_a_body_has_to_say_that_it_is_json(api):
    answer = api.call("POST", "/artifacts", content=b'{"name":"a"}')
    assert answer.status_code == 422


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from(FIELDS), JSON)
def test_anything_anywhere(api, there, place, value):
    route, field = place
    method, path = route.format(**there).split(" ", 1)
    answer = api.call(method, path, {**good(route, there), field: value})
    assert answer.status_code < 500, answer.text


QUERIES = ["search", "limit", "order", "page"]


@pytest.mark.parametrize(
    ("name", "value"),
    list(product(QUERIES, ["", "x", "0", "-1", "101", "9" * 21, "\0", "'", "%", "é" * 99])),
)
def test_any_value_in_any_query(api, name, value):
    answer = api.call("GET", "/binaries", params={name: value})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [name]
