"""Bundles: what may stand in them, what is settled when they are made, and who signed them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from signkit.formats.bundle import compute_bundle_hash
from signkit.model.bundle import BundleMember
from tests.support.keys import PROD, SPARE, STRANGER
from tests.support.registry import running_registry
from tests.support.registry_api import calling

NOWHERE = str(uuid4())


@pytest.fixture(scope="module")
def binaries(api):
    """Two signed binaries, of two artifacts."""
    return [api.signed(text, target=text.decode()) for text in (b"one", b"two")]


def members(*binaries, **more):
    return {
        "binaries": [{"prn": each["prn"], "custom_metadata": None} for each in binaries],
        **more,
    }


def make(api, *binaries, **more):
    return api.ask("POST", "/bundles", members(*binaries, **more))


def hash_of(*binaries, metadata=None):
    return compute_bundle_hash(
        [BundleMember(b["prn"], b["size"], b["hash"], b["target"], metadata) for b in binaries]
    )


def refusal(api, body):
    answer = api.call("POST", "/bundles", body)
    assert answer.status_code == 422, answer.text
    ((field, (text,)),) = answer.json()["errors"].items()
    return field, text


def test_a_bundle_as_version_2_sends_it(api, binaries):
    made = make(api, *binaries, name=None)
    assert [each["prn"] for each in made["binaries"]] == [each["prn"] for each in binaries]
    assert made["hash"] == hash_of(*binaries)
    assert made["name"] is None
    assert ":bundle:" in made["prn"]
    assert "artifact_versions" not in made  # its clients take it for version 1 by that
    assert api.ask("GET", f"/bundles/{made['prn']}") == made


def test_the_order_counts(api, binaries):
    one, other = make(api, *binaries), make(api, *reversed(binaries))
    assert one["hash"] != other["hash"]
    assert [m["prn"] for m in other["binaries"]] == [b["prn"] for b in reversed(binaries)]


def test_version_1_has_artifact_versions_and_no_hash(api, binaries):
    versions = [each["artifact_version_prn"] for each in binaries]
    answer = api.call(
        "POST",
        "/bundles",
        {"artifact_version_prns": versions, "name": None},
        headers={"x-api-version": "1"},
    )
    assert answer.status_code == 201
    made = answer.json()["bundle"]
    assert made["artifact_versions"] == versions
    assert "hash" not in made
    assert "binaries" not in made
    now = api.ask("GET", f"/bundles/{made['prn']}")
    assert [each["prn"] for each in now["binaries"]] == [each["prn"] for each in binaries]
    assert now["hash"] == hash_of(*binaries)


def test_a_version_among_the_binaries_stands_for_its_signed_ones(api, binaries):
    version = {"prn": binaries[0]["artifact_version_prn"]}
    made = api.ask("POST", "/bundles", {"binaries": [version]})
    assert [each["prn"] for each in made["binaries"]] == [binaries[0]["prn"]]


def test_metadata_is_settled_when_the_bundle_is_made(api):
    """The first that is not null: the request's, the binary's, the version's, the artifact's."""
    binary = api.signed(b"m", target="m")
    version_prn = binary["artifact_version_prn"]
    artifact_prn = api.ask("GET", f"/artifact_versions/{version_prn}")["artifact_prn"]
    places = [f"/artifacts/{artifact_prn}", f"/artifact_versions/{version_prn}"]
    places.append(f"/binaries/{binary['prn']}")
    found = [make(api, binary)]
    for number, place in enumerate(places):
        api.ask("PATCH", place, {"custom_metadata": {"level": number}})
        found.append(make(api, binary))
    given = {"binaries": [{"prn": binary["prn"], "custom_metadata": {}}]}
    found.append(api.ask("POST", "/bundles", given))
    settled = [each["binaries"][0]["custom_metadata"] for each in found]
    assert settled == [None, {"level": 0}, {"level": 1}, {"level": 2}, {}]
    assert [each["hash"] for each in found] == [hash_of(binary, metadata=m) for m in settled]
    assert api.ask("GET", f"/bundles/{found[0]['prn']}") == found[0]  # what came later is not in it


def test_what_may_not_stand_in_a_bundle(api, binaries):
    unsigned = api.signable(b"not signed")
    gone = binaries[0]["prn"][:-36] + NOWHERE
    assert "is signable, expected signed" in refusal(api, members(unsigned))[1]
    assert "is named twice" in refusal(api, members(binaries[0], binaries[0]))[1]
    assert refusal(api, members({"prn": gone})) == ("binaries", "does not exist")
    assert refusal(api, members()) == ("binaries", "expected 1 to 1000 binaries, got 0")
    assert refusal(api, {})[1] == "expected this or artifact_version_prns"
    both = members(binaries[0], artifact_version_prns=[binaries[0]["artifact_version_prn"]])
    assert refusal(api, both)[1] == "expected this or artifact_version_prns"
    assert "has no signed binary" in refusal(api, {"artifact_version_prns": [api.version()]})[1]
    fraction = {"binaries": [{"prn": binaries[0]["prn"], "custom_metadata": {"x": 1.5}}]}
    assert "custom_metadata of binary 1: expected texts" in refusal(api, fraction)[1]
    assert refusal(api, members(*binaries, *binaries, id="x"))[0] == "id"
    many = {"binaries": [{"prn": binaries[0]["prn"]}] * 1001}
    assert refusal(api, many)[0] == "binaries"


def test_custom_metadata_is_bounded_in_all(api):
    version = api.version()
    prns = []
    for number in range(3):
        binary = api.signed(b"x", target=f"t{number}", artifact_version_prn=version)
        api.ask("PATCH", f"/binaries/{binary['prn']}", {"custom_metadata": {"a": "x" * 900_000}})
        prns.append({"prn": binary["prn"]})
    assert "bytes of custom metadata in all" in refusal(api, {"binaries": prns})[1]


def test_only_the_name_changes(api, binaries):
    made, name = make(api, *binaries, name=uuid4().hex), uuid4().hex
    path = f"/bundles/{made['prn']}"
    now = api.ask("PATCH", path, {"prn": made["prn"], "name": name, "hash": "0" * 64})
    assert (now["name"], now["hash"]) == (name, made["hash"])
    taken = api.call("POST", "/bundles", members(*binaries, name=name))
    assert (taken.status_code, taken.json()["errors"]) == (
        409,
        {"name": ["has already been taken"]},
    )
    assert api.ask("PATCH", path, {"name": None})["name"] is None
    assert api.call("PATCH", path, {"name": "n" * 257}).status_code == 422


def test_an_id_given_by_the_caller(api, binaries):
    chosen = str(uuid4())
    assert make(api, *binaries, id=chosen)["prn"].endswith(f":bundle:{chosen}")
    again = api.call("POST", "/bundles", members(*binaries, id=chosen))
    assert (again.status_code, list(again.json()["errors"])) == (409, ["id"])


def test_lists(api, binaries):
    name = f"Lists {uuid4().hex}"
    made = make(api, *binaries, name=name)
    found = api.call("GET", "/bundles", params={"search": f"name-'{name.upper()}'"}).json()
    assert found == {"bundles": [made], "next_page": None}
    first = api.call("GET", "/bundles", params={"limit": 1}, headers={"x-api-version": "1"}).json()
    assert first["bundles"][0]["artifact_versions"]
    assert first["next_page"]


def sign(api, bundle, key=PROD, message=None, **more):
    signature = key.sign(message or bundle["hash"].encode()).hex().upper()
    body = {"bundle_prn": bundle["prn"], "signing_key_prn": api.key(key)["prn"]}
    return api.call("POST", "/bundle_signatures", {**body, "signature": signature, **more})


def test_signatures(api, binaries):
    made = make(api, *binaries)
    first = sign(api, made)
    assert first.status_code == 201, first.text
    signature = first.json()["bundle_signature"]
    again = sign(api, made, message=bytes.fromhex(made["hash"]))
    assert (again.status_code, again.json()) == (200, first.json())
    assert sign(api, made, SPARE).status_code == 201
    both = api.call("GET", f"/bundles/{made['prn']}/signatures").json()
    assert both["signatures"] == both["bundle_signatures"]
    keyids = [each["keyid"] for each in both["signatures"]]
    assert keyids == [PROD.public_key.keyid, SPARE.public_key.keyid]
    path = f"/bundle_signatures/{signature['prn']}"
    assert api.ask("GET", path) == signature
    search = {"search": f"bundle_prn:'{made['prn']}'", "order": "asc"}
    listed = api.call("GET", "/bundle_signatures", params=search).json()["bundle_signatures"]
    assert [each["keyid"] for each in listed] == keyids
    used = api.call("DELETE", f"/signing_keys/{signature['signing_key_prn']}")
    assert used.status_code == 409
    assert api.call("DELETE", path).status_code == 204
    assert api.call("GET", path).status_code == 404


def test_a_signature_of_something_else_is_refused(api, binaries):
    """Attacker: has a signature of a binary, or of a bundle in another order. Neither counts."""
    made = make(api, *binaries)
    for message in (
        binaries[0]["hash"].encode(),
        hash_of(*reversed(binaries)).encode(),
        made["hash"].upper().encode(),
    ):
        answer = sign(api, made, message=message)
        assert answer.status_code == 422
        assert "does not verify under key" in answer.json()["errors"]["signature"][0]
    wrong = sign(api, made, STRANGER, signing_key_prn=api.key(PROD)["prn"])
    assert wrong.status_code == 422


def test_deleting_a_bundle_leaves_its_binaries(api, binaries):
    made = make(api, *binaries)
    signature = sign(api, made).json()["bundle_signature"]
    assert api.call("DELETE", f"/bundles/{made['prn']}").status_code == 204
    assert api.call("GET", f"/bundles/{made['prn']}").status_code == 404
    assert api.call("GET", f"/bundle_signatures/{signature['prn']}").status_code == 404
    assert api.read(binaries[0])["state"] == "signed"


def test_bundles_of_another_organization_do_not_exist(api, binaries, tmp_path):
    made = make(api, *binaries)
    with running_registry(tmp_path) as other, calling(other) as stranger:
        for path in (f"/bundles/{made['prn']}", f"/bundles/{made['prn']}/signatures"):
            assert stranger.call("GET", path).status_code == 404
        assert stranger.call("POST", "/bundles", members(*binaries)).status_code == 422
