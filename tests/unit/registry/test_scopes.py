"""What tokens of each scope may do, over the wire; what is refused has changed nothing."""

from __future__ import annotations

import json
from uuid import uuid4

import httpx
import pytest

from tests.support.forked import run_signkit
from tests.support.keys import PROD
from tests.support.registry_api import Api


@pytest.fixture
def token(registry):
    def make(*options):
        where = ("--data", registry.data, "--name", uuid4().hex, "--json")
        done = run_signkit("registry", "token", "new", *where, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["token"]

    return make


@pytest.fixture
def client(registry, token):
    made = []

    def make(*options):
        made.append(Api(registry.url, token(*options)))
        return made[-1]

    yield make
    for each in made:
        each.http.close()
        each.bare.close()


def refused(answer, scope):
    assert answer.status_code == 403, answer.text
    assert answer.json()["errors"]["detail"].startswith(f"this needs the scope {scope}")


def test_a_reader_reads_and_changes_nothing(api, client):
    binary = api.signed(b"read")
    reader = client("--scope", "read")
    assert reader.read(binary)["state"] == "signed"
    assert reader.call("GET", f"/binaries/{binary['prn']}/download_url").status_code == 200
    refused(reader.call("POST", "/artifacts", {"name": "x"}), "upload or admin")
    refused(reader.call("PATCH", f"/binaries/{binary['prn']}", {}), "upload or attach or admin")
    refused(reader.call("POST", "/binary_signatures", {}), "attach or admin")
    refused(reader.call("POST", "/signing_keys", {}), "admin")
    refused(reader.call("DELETE", f"/binaries/{binary['prn']}"), "admin")
    assert reader.read(binary) == api.read(binary)


def test_an_uploader_attaches_nothing(api, client):
    api.key()
    uploader = client("--scope", "upload")
    binary = uploader.signable(b"uploaded")
    body = {"name": uuid4().hex, "value": "x"}
    refused(uploader.call("POST", "/signing_keys", body), "admin")
    body = {"binary_prn": binary["prn"], "signature": "0" * 128}
    refused(uploader.call("POST", "/binary_signatures", body), "attach or admin")
    refused(uploader.move(binary, "signed"), "attach or admin")
    refused(uploader.move(binary, "destroyed"), "admin")
    assert uploader.read(binary)["state"] == "signable"


def test_an_attacher_uploads_nothing(api, client):
    binary = api.signable(b"attached")
    key = api.key()
    attacher = client("--scope", "attach")
    refused(attacher.call("POST", "/artifacts", {"name": "x"}), "upload or admin")
    refused(attacher.move(binary, "uploadable"), "upload or admin")
    description = {"description": "another"}
    refused(attacher.call("PATCH", f"/binaries/{binary['prn']}", description), "upload or admin")
    metadata = {"custom_metadata": {"signkit": "statement"}}
    assert attacher.call("PATCH", f"/binaries/{binary['prn']}", metadata).status_code == 200
    api.sign(binary)
    assert attacher.move(binary, "signed").status_code == 200
    assert attacher.ask("GET", f"/signing_keys/{key['prn']}")["keyid"] == key["keyid"]


def test_the_scope_is_judged_before_the_body(client):
    refused(client("--scope", "read").call("POST", "/artifacts", content=b"{"), "upload or admin")


def test_a_token_limited_to_an_artifact(api, client):
    """It sees and changes what belongs to it; the rest does not exist, and none can be made."""
    name = uuid4().hex
    artifact = api.ask("POST", "/artifacts", {"name": name})["prn"]
    body = {"artifact_prn": artifact, "version": "1"}
    version = api.ask("POST", "/artifact_versions", body)["prn"]
    inside = api.signed(b"inside", artifact_version_prn=version)
    outside = api.signed(b"outside")
    bundles = {
        each: api.ask("POST", "/bundles", {"binaries": [{"prn": prn} for prn in members]})["prn"]
        for each, members in {
            "inside": [inside["prn"]],
            "mixed": [inside["prn"], outside["prn"]],
        }.items()
    }
    limited = client("--scope", "admin", "--artifact", name)

    assert [each["prn"] for each in limited.ask_list("/artifacts")] == [artifact]
    assert [each["prn"] for each in limited.ask_list("/artifact_versions")] == [version]
    assert [each["prn"] for each in limited.ask_list("/binaries")] == [inside["prn"]]
    signatures = limited.ask_list("/binary_signatures")
    assert [each["binary_prn"] for each in signatures] == [inside["prn"]]
    assert [each["prn"] for each in limited.ask_list("/bundles")] == [bundles["inside"]]
    for path in (
        f"/binaries/{outside['prn']}",
        f"/binaries/{outside['prn']}/parts",
        f"/binaries/{outside['prn']}/download_url",
        f"/artifact_versions/{outside['artifact_version_prn']}",
        f"/bundles/{bundles['mixed']}",
    ):
        assert limited.call("GET", path).status_code == 404, path
    assert limited.move(outside, "destroyed").status_code == 404
    assert limited.call("DELETE", f"/bundles/{bundles['mixed']}").status_code == 404
    body = {"artifact_version_prn": outside["artifact_version_prn"], "target": "x"}
    answer = limited.call("POST", "/binaries", {**body, "hash": "0" * 64, "size": 0})
    assert answer.json() == {"errors": {"artifact_version_prn": ["does not exist"]}}
    answer = limited.call("POST", "/bundles", {"binaries": [{"prn": outside["prn"]}]})
    assert answer.json() == {"errors": {"binaries": ["does not exist"]}}
    key = api.key()
    for method, path in (
        ("POST", "/artifacts"),
        ("POST", "/signing_keys"),
        ("PATCH", f"/signing_keys/{key['prn']}"),
        ("DELETE", f"/signing_keys/{key['prn']}"),
    ):
        body = {"name": name, "value": key["value"]}
        answer = limited.call(method, path, None if method == "DELETE" else body)
        assert (answer.status_code, "limited to some" in answer.text) == (403, True), path

    more = api.binary(b"more", artifact_version_prn=version, target="other")
    limited.upload(more, b"more")
    limited.hashed(more)
    signature = PROD.sign(more["hash"].encode()).hex()
    body = {"binary_prn": more["prn"], "signature": signature, "signing_key_prn": key["prn"]}
    assert limited.call("POST", "/binary_signatures", body).status_code == 201
    assert api.read(more)["state"] == "signed"


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
def test_both_spellings_of_authorization(registry, scheme):
    headers = {"authorization": f"{scheme} {registry.token}"}
    assert httpx.get(f"{registry.url}/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize("value", ["", "Token", "Basic {}", "{}", "Token {}0", "Tokens {}"])
def test_what_is_no_authorization(registry, value):
    headers = {"authorization": value.format(registry.token)}
    answer = httpx.get(f"{registry.url}/users/me", headers=headers)
    assert answer.status_code == 401
    assert registry.token not in answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")
