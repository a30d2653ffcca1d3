"""One organization against another: nothing of it is seen, listed, guessed or changed.

The attacker holds an admin token of his own organization and knows every name of the victim's:
names, ids, cursors and presigned URLs. What he is told of them is word for word what he is told of
things that do not exist, and the victim's records are the same before and after.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from uuid import uuid4

import httpx
import pytest

from signkit.registry.app import RESOURCES
from tests.support.forked import run_signkit
from tests.support.keys import PROD
from tests.support.registry import running_registry
from tests.support.registry_api import Api, calling

NOWHERE = "00000000-0000-4000-8000-000000000000"
LISTS = (
    "artifacts",
    "artifact_versions",
    "binaries",
    "binary_signatures",
    "bundles",
    "bundle_signatures",
    "signing_keys",
)


def command(data, *arguments):
    return json.loads(run_signkit("registry", *arguments, "--data", data, "--json").stdout)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("organizations")) as running:
        yield running


@pytest.fixture(scope="module")
def victim(registry):
    with calling(registry) as api:
        yield api


@pytest.fixture(scope="module")
def attacker(registry):
    command(registry.data, "organization", "new", "attacker")
    made = command(
        registry.data, "token", "new", "--organization", "attacker", "--name", "attacker"
    )
    api = Api(registry.url, made["token"])
    with api.http, api.bare:
        yield api


@pytest.fixture(scope="module")
def names(victim):
    """One resource of each kind of the victim's, by the plural of its kind."""
    binary = victim.signed(b"of the victim")
    version = victim.ask("GET", f"/artifact_versions/{binary['artifact_version_prn']}")
    bundle = victim.ask("POST", "/bundles", {"binaries": [{"prn": binary["prn"]}], "name": "b"})
    signature = {
        "bundle_prn": bundle["prn"],
        "signing_key_prn": victim.key()["prn"],
        "signature": PROD.sign(bundle["hash"].encode()).hex(),
    }
    return {
        "artifacts": version["artifact_prn"],
        "artifact_versions": version["prn"],
        "binaries": binary["prn"],
        "binary_signatures": victim.ask_list("/binary_signatures")[0]["prn"],
        "bundles": bundle["prn"],
        "bundle_signatures": victim.ask("POST", "/bundle_signatures", signature)["prn"],
        "signing_keys": victim.key()["prn"],
    }


def records(registry):
    """Everything that is on record, as the database writes it out."""
    with closing(sqlite3.connect(registry.data / "registry.sqlite3")) as connection:
        return list(connection.iterdump())


def routes():
    """Every method and path that names a resource."""
    for resource in RESOURCES:
        for route in resource.router.routes:
            if "{prn}" in route.path:
                yield from ((method, route.path) for method in sorted(route.methods))


BODIES = {
    "PATCH": {"name": "mine", "description": "mine", "state": "destroyed"},
    "PUT": {"expected_binary_size": 13, "hash": "0" * 64, "size": 13},
}


@pytest.mark.parametrize(("method", "path"), list(routes()))
def test_a_name_of_another_organization_names_nothing(
    registry, victim, attacker, names, method, path
):
    """The attacker asks for it by its name, and by its id under his own organization."""
    whose = names[path.split("/")[1]]
    own = attacker.ask("GET", "/users/me")["organization_prn"]
    before = records(registry)
    kind, identity = whose.split(":")[3:]
    told = []
    for prn in (whose, f"{own}:{kind}:{identity}", f"{own}:{kind}:{NOWHERE}"):
        url = path.replace("{prn}", prn).replace("{index}", "1")
        answer = attacker.call(method, url, BODIES.get(method))
        told.append((answer.status_code, answer.text))
    assert told == [(404, told[0][1])] * 3
    assert records(registry) == before


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_nothing_of_another_organization(victim, attacker, names, path):
    """Neither plainly nor by a search that names what is there."""
    assert victim.ask_list(f"/{path}")
    assert attacker.ask_list(f"/{path}") == []
    for key in (f"prn:'{names[path]}'", "inserted_at>'2000-01-01T00:00:00Z'"):
        assert attacker.ask_list(f"/{path}", search=key) == []
    organization = names[path].rsplit(":", 2)[0]
    assert attacker.ask_list(f"/{path}", search=f"organization_prn:'{organization}'") == []


@pytest.mark.parametrize(
    ("path", "key", "of"),
    [
        ("artifact_versions", "artifact_prn", "artifacts"),
        ("binaries", "artifact_version_prn", "artifact_versions"),
        ("binary_signatures", "binary_prn", "binaries"),
        ("binary_signatures", "signing_key_prn", "signing_keys"),
        ("bundle_signatures", "bundle_prn", "bundles"),
    ],
)
def test_a_search_by_what_another_organization_has_finds_nothing(attacker, names, path, key, of):
    assert attacker.ask_list(f"/{path}", search=f"{key}:'{names[of]}'") == []


def test_nothing_is_made_upon_what_another_organization_has(registry, attacker, names):
    key = attacker.key()
    before = records(registry)
    signature = {"signature": "0" * 128, "signing_key_prn": names["signing_keys"]}
    for path, body, field in (
        ("/artifact_versions", {"artifact_prn": names["artifacts"], "version": "2"}, ""),
        (
            "/binaries",
            {"artifact_version_prn": names["artifact_versions"], "target": "t", "size": 0},
            "",
        ),
        ("/binary_signatures", {"binary_prn": names["binaries"], **signature}, ""),
        ("/bundle_signatures", {"bundle_prn": names["bundles"], **signature}, ""),
        ("/bundles", {"binaries": [{"prn": names["binaries"]}]}, "binaries"),
        ("/bundles", {"artifact_version_prns": [names["artifact_versions"]]}, ""),
    ):
        answer = attacker.call("POST", path, {"hash": "0" * 64, **body})
        referred = field or next(iter(body))
        assert answer.json() == {"errors": {referred: ["does not exist"]}}, path
    assert records(registry) == before
    assert attacker.call("DELETE", f"/signing_keys/{key['prn']}").status_code == 204


def test_the_same_names_and_ids_are_free(victim, attacker, names):
    """A refusal would say that they are taken, and so that they are there."""
    artifact = victim.ask("GET", f"/artifacts/{names['artifacts']}")
    identity = artifact["prn"].rsplit(":", 1)[1]
    made = attacker.ask("POST", "/artifacts", {"name": artifact["name"], "id": identity})
    assert made["prn"].rsplit(":", 1)[1] == identity
    assert made["prn"] != artifact["prn"]
    assert victim.ask("GET", f"/artifacts/{artifact['prn']}") == artifact
    key = attacker.key()
    assert key["prn"] != names["signing_keys"]
    for prn, path in ((made["prn"], "artifacts"), (key["prn"], "signing_keys")):
        assert attacker.call("DELETE", f"/{path}/{prn}").status_code == 204


def test_a_cursor_of_another_organization_leads_nowhere(victim, attacker):
    for _ in range(2):
        victim.ask("POST", "/artifacts", {"name": uuid4().hex})
    page = victim.call("GET", "/artifacts", params={"limit": 1}).json()["next_page"]
    answer = attacker.call("GET", "/artifacts", params={"limit": 1, "page": page})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["page"])


def test_a_presigned_url_opens_one_thing_of_one_organization(victim, attacker, names):
    """Its path says whose it is, and is signed: another organization in it is another path."""
    url = victim.call("GET", f"/binaries/{names['binaries']}/download_url").json()["download_url"]
    assert httpx.get(url).content == b"of the victim"
    own = attacker.ask("GET", "/users/me")["organization_prn"].removeprefix("prn:1:")
    theirs = names["binaries"].split(":")[2]
    assert httpx.get(url.replace(theirs, own)).status_code == 403
