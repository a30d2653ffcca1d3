"""What devices are offered: manifests of bundles and releases, and where the content is."""

from __future__ import annotations

from hashlib import sha256
from uuid import uuid4

import pytest

from signkit.device.manifest import parse_manifest
from tests.support.bundle_world import METADATA, TARGET, make_bundle, make_release
from tests.support.keys import PROD
from tests.support.registry import running_registry
from tests.support.registry_api import calling

CONTENT = b"Hello, Binary\n"


@pytest.fixture(scope="module")
def release(api):
    """One signed binary with its statement."""
    return make_release(api, CONTENT)


def newest(api, artifact, target=TARGET, **more):
    params = {"artifact": artifact, "target": target, **more}
    return api.call("GET", "/manifest", params=params)


def items(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["manifest"]


def test_an_item_has_all_that_a_device_needs(api, release):
    (item,) = items(newest(api, release["artifact"]))
    version = api.ask("GET", f"/artifact_versions/{release['artifact_version_prn']}")
    url = item.pop("url")
    assert item == {
        "binary_prn": release["prn"],
        "artifact": {"prn": version["artifact_prn"], "name": release["artifact"]},
        "artifact_version": {"prn": version["prn"], "version": "1.0.0"},
        "target": TARGET,
        "hash": sha256(CONTENT).hexdigest(),
        "size": len(CONTENT),
        "signatures": release["signatures"],
        "custom_metadata": release["custom_metadata"],
    }
    assert api.bare.get(url).content == CONTENT


def test_the_device_reads_it(api, release):
    answer = newest(api, release["artifact"])
    ((item,),) = parse_manifest(answer.content).values()
    assert item.signatures[0][0] == PROD.public_key.raw
    assert item.custom_metadata == METADATA
    assert b"payloadType" in item.statement


def test_the_newest_version_that_is_signed(api, release):
    artifact = api.ask("GET", f"/artifact_versions/{release['artifact_version_prn']}")
    made = {}
    for version, signed in (("2.0.0", True), ("1.9.0", True), ("3.0.0", False)):
        body = {"artifact_prn": artifact["artifact_prn"], "version": version}
        prn = api.ask("POST", "/artifact_versions", body)["prn"]
        make = api.signed if signed else api.signable
        made[version] = make(version.encode(), artifact_version_prn=prn, target=TARGET)["prn"]
    found = lambda **more: items(newest(api, release["artifact"], **more))[0]["binary_prn"]  # noqa: E731
    assert found() == made["1.9.0"]
    assert found(version="2.0.0") == made["2.0.0"]
    assert newest(api, release["artifact"], version="3.0.0").status_code == 404
    api.move({"prn": made["1.9.0"]}, "destroyed")
    assert found() == made["2.0.0"]


def test_metadata_comes_from_where_there_is_some(api):
    artifact = api.ask("POST", "/artifacts", {"name": uuid4().hex, "custom_metadata": {"a": 1}})
    body = {"artifact_prn": artifact["prn"], "version": "1"}
    version = api.ask("POST", "/artifact_versions", body)["prn"]
    api.signed(b"x", artifact_version_prn=version, target="t")
    assert items(newest(api, artifact["name"], "t"))[0]["custom_metadata"] == {"a": 1}


def test_metadata_is_an_object_where_there_is_none(api):
    name = uuid4().hex
    artifact = api.ask("POST", "/artifacts", {"name": name})
    body = {"artifact_prn": artifact["prn"], "version": "1"}
    version = api.ask("POST", "/artifact_versions", body)["prn"]
    api.signed(b"x", artifact_version_prn=version, target="t")
    assert items(newest(api, name, "t"))[0]["custom_metadata"] == {}


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({}, 422, "artifact"),
        ({"artifact": "a"}, 422, "target"),
        ({"artifact": "", "target": "t"}, 422, "artifact"),
        ({"artifact": "a" * 129, "target": "t"}, 422, "artifact"),
        ({"artifact": "a\0b", "target": "t"}, 422, "artifact"),
        ({"artifact": "a", "target": "\0"}, 422, "target"),
        ({"artifact": "a", "target": "t", "version": "1\n"}, 422, "version"),
        ({"artifact": "nobody's", "target": "t"}, 404, "detail"),
        ({"artifact": "a' or 1=1 --", "target": "t"}, 404, "detail"),
    ],
)
def test_what_is_not_there(api, params, status, field):
    answer = api.call("GET", "/manifest", params=params)
    assert (answer.status_code, list(answer.json()["errors"])[:1]) == (status, [field])


def test_another_target(api, release):
    assert newest(api, release["artifact"], "another").status_code == 404


def test_a_bundle_in_its_order(api):
    three = [
        make_release(api, text, target=target)
        for text, target in ((b"c", "t1"), (b"a", "t2"), (b"b", "t1"))
    ]
    bundle = make_bundle(api, *three)
    path = f"/bundles/{bundle['prn']}/manifest"
    found = items(api.call("GET", path))
    assert [item["binary_prn"] for item in found] == [each["prn"] for each in three]
    found = items(api.call("GET", path, params={"target": "t1"}))
    assert [item["binary_prn"] for item in found] == [three[0]["prn"], three[2]["prn"]]
    assert items(api.call("GET", path, params={"target": "none"})) == []


def test_a_bundle_has_the_metadata_that_was_settled(api, release):
    body = {"binaries": [{"prn": release["prn"], "custom_metadata": {"b": 2}}]}
    bundle = api.ask("POST", "/bundles", body)
    (item,) = items(api.call("GET", f"/bundles/{bundle['prn']}/manifest"))
    assert item["custom_metadata"] == {"b": 2}


def test_a_bundle_of_which_one_was_destroyed(api):
    binary = make_release(api, b"gone")
    bundle = make_bundle(api, binary)
    api.move(binary, "destroyed")
    answer = api.call("GET", f"/bundles/{bundle['prn']}/manifest")
    assert (answer.status_code, "destroyed" in answer.text) == (409, True)


def test_a_bundle_that_is_not_there(api):
    assert api.call("GET", f"/bundles/{uuid4()}/manifest").status_code == 404


def test_nothing_new_costs_nothing(api, release):
    first = newest(api, release["artifact"], version="1.0.0")
    tag = {"if-none-match": first.headers["etag"]}
    params = {"artifact": release["artifact"], "target": TARGET, "version": "1.0.0"}
    again = api.call("GET", "/manifest", params=params, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    body = {"custom_metadata": {"changed": True}}
    api.ask("PATCH", f"/binaries/{release['prn']}", body)
    changed = api.call("GET", "/manifest", params=params, headers=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_head(api, release):
    params = {"artifact": release["artifact"], "target": TARGET}
    answer = api.call("HEAD", "/manifest", params=params)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == newest(api, release["artifact"]).headers["etag"]


def test_no_token_no_manifest(api, release):
    params = {"artifact": release["artifact"], "target": TARGET}
    assert api.bare.get(f"{api.url}/manifest", params=params).status_code == 401


def test_a_cache_before_the_registry(tmp_path):
    with (
        running_registry(tmp_path, "--content-url", "https://cdn.example/") as registry,
        calling(registry) as api,
    ):
        release = make_release(api, CONTENT)
        (item,) = items(newest(api, release["artifact"]))
        url = item["url"]
        assert url.startswith("https://cdn.example/content/")
        assert api.ask("GET", f"/binaries/{release['prn']}/download_url")[:28] == url[:28]
        origin = registry.url + url.removeprefix("https://cdn.example")
        answer = api.bare.get(origin)
        assert answer.content == CONTENT
        assert answer.headers["cache-control"].startswith("public, max-age=31536000, immutable")
        kept = {"if-none-match": answer.headers["etag"]}
        assert api.bare.get(origin, headers=kept).status_code == 304
