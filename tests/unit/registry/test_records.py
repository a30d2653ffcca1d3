"""Artifacts, versions, keys and binaries as records: made, changed, refused, removed."""

from __future__ import annotations

from base64 import b64encode
from uuid import uuid4

import pytest

from tests.support.keys import KeyOfTest

ZERO = "0" * 64


def name():
    return uuid4().hex


def test_metadata_comes_back_as_it_was_sent(api):
    metadata = {"z": [1, 2.5, None, True], "a": {"ä": "\U0001f512", "n": 2**60}, "": ""}
    made = api.ask("POST", "/artifacts", {"name": name(), "custom_metadata": metadata})
    read = api.ask("GET", f"/artifacts/{made['prn']}")
    assert list(read["custom_metadata"].items()) == list(metadata.items())


@pytest.mark.parametrize("metadata", ["{}", "not JSON", [], 1, True])
def test_w11_metadata_that_is_no_object_is_refused(api, metadata):
    """The existing client turns it into null without a word; here nothing is made."""
    called = name()
    answer = api.call("POST", "/artifacts", {"name": called, "custom_metadata": metadata})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["custom_metadata"])
    found = api.call("GET", "/artifacts", params={"search": f"name:'{called}'"})
    assert found.json()["artifacts"] == []


def test_metadata_may_have_a_million_bytes_and_no_more(api):
    text = "x" * (1_000_000 - len('{"a":""}'))
    assert api.ask("POST", "/artifacts", {"name": name(), "custom_metadata": {"a": text}})
    body = {"name": name(), "custom_metadata": {"a": text + "x"}}
    answer = api.call("POST", "/artifacts", body)
    assert answer.status_code == 422
    assert "greater than 1MB" in answer.json()["errors"]["custom_metadata"][0]


def test_an_id_given_by_the_caller(api):
    identity = uuid4()
    body = {"name": name(), "id": f"{{{str(identity).upper()}}}"}
    made = api.ask("POST", "/artifacts", body)
    assert made["prn"].endswith(f":artifact:{identity}")
    answer = api.call("POST", "/artifacts", {"name": name(), "id": str(identity)})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["id"])


def test_ids_of_versions_and_binaries(api):
    version, binary = uuid4(), uuid4()
    artifact = api.ask("POST", "/artifacts", {"name": name()})["prn"]
    body = {"artifact_prn": artifact, "version": "1", "id": version.hex}
    made = api.ask("POST", "/artifact_versions", body)
    assert made["prn"].endswith(f":artifact_version:{version}")
    made = api.binary(b"", artifact_version_prn=made["prn"], id=str(binary))
    assert made["prn"].endswith(f":binary:{binary}")
    body = {key: made[key] for key in ("artifact_version_prn", "hash", "size")}
    answer = api.call("POST", "/binaries", {**body, "target": "other", "id": str(binary)})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["id"])


@pytest.mark.parametrize("which", ["organization", "id"])
def test_references_to_what_is_not_there(api, which):
    _, _, organization, _, identity = api.version().split(":")
    names = {"organization": organization, "id": identity, which: str(uuid4())}
    prn = f"prn:1:{names['organization']}:artifact_version:{names['id']}"
    body = {"artifact_version_prn": prn, "hash": ZERO, "size": 0, "target": "t"}
    answer = api.call("POST", "/binaries", body)
    assert answer.status_code == 422
    assert answer.json() == {"errors": {"artifact_version_prn": ["does not exist"]}}
    search = {"search": f"artifact_version_prn:'{prn}'"}
    assert api.call("GET", "/binaries", params=search).json()["binaries"] == []


@pytest.mark.parametrize("spell", [str.upper, lambda text: text.replace("-", "")])
def test_any_spelling_of_a_name(api, spell):
    made = api.ask("POST", "/artifacts", {"name": name()})
    _, _, organization, kind, identity = made["prn"].split(":")
    path = f"/artifacts/prn:1:{spell(organization)}:{kind}:{spell(identity)}"
    assert api.ask("GET", path) == made


def test_fields_that_are_not_known_are_passed_over(api):
    """An older client names its organization in each body; nulls stand for what is not given."""
    body = {"name": name(), "organization_prn": "prn:1:x", "colour": [1], "custom_metadata": None}
    assert api.ask("POST", "/artifacts", body)["custom_metadata"] is None


def test_patch_changes_what_is_given(api):
    made = api.ask("POST", "/artifacts", {"name": name(), "description": "d"})
    path = f"/artifacts/{made['prn']}"
    changed = api.ask("PATCH", path, {"prn": made["prn"], "custom_metadata": {"a": 1}})
    assert (changed["description"], changed["custom_metadata"]) == ("d", {"a": 1})
    assert changed["updated_at"] > made["updated_at"]
    assert changed["inserted_at"] == made["inserted_at"]
    cleared = api.ask("PATCH", path, {"description": None, "custom_metadata": None})
    assert cleared["description"] is cleared["custom_metadata"] is None
    renamed = api.ask("PATCH", path, {"name": "another " + made["name"]})
    assert renamed["name"] == "another " + made["name"]
    assert api.ask("PATCH", path, {}) == renamed


def test_names_are_not_taken_away(api):
    made = api.ask("POST", "/artifacts", {"name": name()})
    answer = api.call("PATCH", f"/artifacts/{made['prn']}", {"name": None})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["name"])


def test_names_are_unique(api):
    first, second = (api.ask("POST", "/artifacts", {"name": name()}) for _ in range(2))
    taken = {"errors": {"name": ["has already been taken"]}}
    answer = api.call("POST", "/artifacts", {"name": first["name"]})
    assert (answer.status_code, answer.json()) == (409, taken)
    answer = api.call("PATCH", f"/artifacts/{second['prn']}", {"name": first["name"]})
    assert (answer.status_code, answer.json()) == (409, taken)


def test_versions_are_unique_within_their_artifact(api):
    version = api.ask("GET", f"/artifact_versions/{api.version()}")
    body = {"artifact_prn": version["artifact_prn"], "version": version["version"]}
    answer = api.call("POST", "/artifact_versions", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["version"])
    assert api.ask("POST", "/artifact_versions", {**body, "version": "1.0.1"})
    changed = api.ask("PATCH", f"/artifact_versions/{version['prn']}", {"description": "d"})
    assert (changed["description"], changed["version"]) == ("d", "1.0.0")


def test_targets_are_unique_within_their_version(api):
    binary = api.binary(b"")
    body = {key: binary[key] for key in ("artifact_version_prn", "hash", "size", "target")}
    answer = api.call("POST", "/binaries", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["target"])
    assert api.ask("POST", "/binaries", {**body, "target": "other"})


def test_keys_are_unique_and_named_freely(api):
    key = KeyOfTest("named twice", 0x71)
    made = api.key(key)
    answer = api.call("POST", "/signing_keys", {"value": made["value"], "name": "other"})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["value"])
    assert api.ask("PATCH", f"/signing_keys/{made['prn']}", {"name": "new"})["name"] == "new"
    assert api.call("DELETE", f"/signing_keys/{made['prn']}").status_code == 204
    assert api.call("GET", f"/signing_keys/{made['prn']}").status_code == 404


def test_a_key_read_from_a_file_keeps_its_line_feed(api):
    raw = b64encode(KeyOfTest("file", 0x72).public_key.raw).decode()
    made = api.ask("POST", "/signing_keys", {"value": raw + "\n", "name": "file"})
    assert made["value"] == raw


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        (1).to_bytes(32, "little"),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        b"\xff" * 32,
        b"x" * 31,
        b"x" * 33,
        b"",
    ],
)
def test_keys_that_must_not_be_enrolled(api, raw):
    answer = api.call("POST", "/signing_keys", {"value": b64encode(raw).decode(), "name": "bad"})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["value"])


@pytest.mark.parametrize("value", ["", "x", "=" * 44, "A" * 43 + "B", "A" * 300])
def test_texts_that_are_no_key(api, value):
    answer = api.call("POST", "/signing_keys", {"value": value, "name": "bad"})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["value"])


def test_what_is_used_is_not_removed(api):
    binary = api.signed(b"in use")
    version = api.ask("GET", f"/artifact_versions/{binary['artifact_version_prn']}")
    for path in (
        f"/artifacts/{version['artifact_prn']}",
        f"/artifact_versions/{version['prn']}",
        f"/signing_keys/{binary['signatures'][0]['signing_key_prn']}",
        f"/binaries/{binary['prn']}",
    ):
        assert api.call("DELETE", path).status_code == 409, path
        assert api.call("GET", path).status_code == 200, path


def test_what_is_not_used_is_removed(api, registry):
    binary = api.binary(b"abc")
    api.upload(binary, b"abc")
    version = api.ask("GET", f"/artifact_versions/{binary['artifact_version_prn']}")
    for path in (
        f"/binaries/{binary['prn']}",
        f"/artifact_versions/{version['prn']}",
        f"/artifacts/{version['artifact_prn']}",
    ):
        answer = api.call("DELETE", path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert api.call("GET", path).status_code == 404
    identity = binary["prn"].rpartition(":")[2]
    assert list((registry.data / "content").glob(f"*/{identity}")) == []


@pytest.mark.parametrize("field", ["hash", "size"])
def test_hash_and_size_stand_once_uploaded(api, field):
    binary = api.signable(b"abc")
    value = {"hash": ZERO, "size": 4}[field]
    answer = api.call("PATCH", f"/binaries/{binary['prn']}", {field: value})
    assert answer.status_code == 409
    same = {"hash": binary["hash"], "size": binary["size"]}
    assert api.ask("PATCH", f"/binaries/{binary['prn']}", same) == api.read(binary)


def test_another_hash_removes_the_parts(api):
    binary = api.binary(b"abc")
    api.upload(binary, b"abc")
    now = api.ask("PATCH", f"/binaries/{binary['prn']}", {"hash": ZERO})
    assert (now["hash"], now["revision"], api.parts(binary)) == (ZERO, 1, [])


def test_reset_and_declare_in_one_request(api):
    binary = api.signable(b"abc")
    body = {"state": "uploadable", "hash": ZERO, "size": 5, "description": "again"}
    now = api.ask("PATCH", f"/binaries/{binary['prn']}", body)
    assert (now["state"], now["hash"], now["size"]) == ("uploadable", ZERO, 5)
    assert now["description"] == "again"


def test_metadata_of_a_signed_binary_may_change(api):
    """The statement rides there, and it may be signed after the content."""
    binary = api.signed(b"statement")
    metadata = {"signkit": {"statement": "x"}}
    body = {"custom_metadata": metadata}
    now = api.ask("PATCH", f"/binaries/{binary['prn']}", body)
    assert (now["state"], now["custom_metadata"]) == ("signed", metadata)


def test_a_change_that_is_refused_changes_nothing(api):
    binary = api.signed(b"whole or not")
    body = {"description": "changed", "hash": ZERO}
    assert api.call("PATCH", f"/binaries/{binary['prn']}", body).status_code == 409
    assert api.read(binary) == binary


def test_largest_size(api):
    body = {"artifact_version_prn": api.version(), "hash": ZERO, "target": "t"}
    answer = api.call("POST", "/binaries", {**body, "size": 53_687_091_200_001})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["size"])
    made = api.ask("POST", "/binaries", {**body, "size": 53_687_091_200_000})
    assert made["size"] == 53_687_091_200_000


@pytest.mark.parametrize("kind", ["artifacts", "artifact_versions", "binaries", "signing_keys"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_not_there(api, kind, method):
    organization = api.ask("GET", "/users/me")["organization_prn"]
    singular = {"binaries": "binary"}.get(kind, kind[:-1])
    body: dict[str, object] | None = {} if method == "PATCH" else None
    for prn in (
        f"{organization}:{singular}:{uuid4()}",
        f"prn:1:{uuid4()}:{singular}:{uuid4()}",
        f"{organization}:other:{uuid4()}",
        "x",
        "%00",
    ):
        answer = api.call(method, f"/{kind}/{prn}", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (404, ["detail"])
