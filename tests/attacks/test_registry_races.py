"""Many at once, and callers whose leave ends in the middle: against a registry that runs."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.declared import document
from tests.support.either_footing import running_on
from tests.support.keys import PROD, SPARE
from tests.support.registry import COMMAND, make_token
from tests.support.registry_api import Api, calling

CONTENT = b"the same content"
CROWD = 50


@pytest.fixture(scope="module")
def registry(request):
    with running_on(request.config.getoption("--footing")) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry):
    with calling(registry) as api:
        yield api


def at_once(call: Any, count: int = CROWD) -> list[httpx.Response]:
    """Make one call from many threads; none may meet a defect."""
    with ThreadPoolExecutor(count) as crowd:
        answers = list(crowd.map(lambda _place: call(), range(count)))
    assert all(answer.status_code < 500 for answer in answers)
    return answers


def statuses(answers: list[httpx.Response]) -> dict[int, int]:
    codes = [answer.status_code for answer in answers]
    return {code: codes.count(code) for code in sorted(set(codes))}


class TestF50:
    """50 submitters with the same thing in the same second: one record, and nobody a defect."""

    def test_one_artifact(self, api):
        body = {"name": uuid4().hex}
        answers = at_once(lambda: api.call("POST", "/artifacts", body))
        assert statuses(answers) == {201: 1, 409: CROWD - 1}

    def test_one_version_and_one_binary(self, api):
        version = api.version()
        body = {
            "artifact_version_prn": version,
            "target": "any",
            "hash": sha256(CONTENT).hexdigest(),
            "size": len(CONTENT),
        }
        answers = at_once(lambda: api.call("POST", "/binaries", body))
        assert statuses(answers) == {201: 1, 409: CROWD - 1}
        search = {"search": f"artifact_version_prn:'{version}'"}
        assert len(api.call("GET", "/binaries", params=search).json()["binaries"]) == 1

    def test_one_key(self, api):
        body = {"value": b64encode(SPARE.public_key.raw).decode(), "name": "spare"}
        answers = at_once(lambda: api.call("POST", "/signing_keys", body))
        assert statuses(answers) == {201: 1, 409: CROWD - 1}

    def test_one_part(self, api):
        binary = api.binary(CONTENT)
        urls = at_once(lambda: _declare(api, binary))
        assert statuses(urls) == {201: CROWD}
        url = urls[0].json()["binary_part"]["presigned_upload_url"]
        answers = at_once(lambda: api.send(url, CONTENT))
        assert statuses(answers) == {200: CROWD}
        assert len(api.parts(binary)) == 1

    def test_one_transition_each(self, api):
        binary = api.binary(CONTENT)
        api.upload(binary, CONTENT)
        for state in ("hashable", "hashing"):
            assert set(statuses(at_once(lambda state=state: api.move(binary, state)))) <= {200, 409}
        assert api.settled(binary)["state"] == "signable"

    def test_one_signature(self, api):
        binary = api.signable(CONTENT)
        api.key(PROD)
        answers = at_once(lambda: api.sign(binary))
        assert statuses(answers) == {200: CROWD - 1, 201: 1}
        assert len({answer.json()["binary_signature"]["prn"] for answer in answers}) == 1
        assert len(api.read(binary)["signatures"]) == 1

    def test_one_bundle(self, api):
        members = [{"prn": api.signed(CONTENT)["prn"]}]
        body = {"binaries": members, "name": uuid4().hex}
        answers = at_once(lambda: api.call("POST", "/bundles", body))
        assert statuses(answers) == {201: 1, 409: CROWD - 1}


def _declare(api: Api, binary: Any) -> httpx.Response:
    body = {"expected_binary_size": len(CONTENT), "hash": binary["hash"], "size": len(CONTENT)}
    return api.call("PUT", f"/binaries/{binary['prn']}/parts/1", body)


def test_a_reset_races_an_upload(api):
    """Whoever wins, what is on record as valid is what is stored."""
    for _ in range(10):
        binary = api.binary(CONTENT)
        url = api.declare(binary, 1, CONTENT)["presigned_upload_url"]
        with ThreadPoolExecutor(2) as pair:
            sent = pair.submit(api.send, url, CONTENT)
            reset = pair.submit(api.move, binary, "uploadable")
        assert sent.result().status_code in {200, 404, 409}
        assert reset.result().status_code == 200
        if api.parts(binary):  # the part came after the reset: it cannot have been the old one
            pytest.fail("a part of another revision is on record")
        api.upload(binary, CONTENT)
        assert api.hashed(binary)["state"] == "signable"


def test_f47_the_same_content_twice_and_one_is_destroyed(api):
    """Nothing is shared between binaries, so nothing of one can be missing in another."""
    first, second = api.signed(CONTENT), api.signed(CONTENT)
    assert first["hash"] == second["hash"]
    assert api.move(first, "destroyed").status_code == 200
    url = api.ask("GET", f"/binaries/{second['prn']}/download_url")
    assert api.bare.get(url).content == CONTENT


class TestF58:
    """A name of another organization, and a token that stops counting in the middle."""

    STRANGER = "prn:1:00000000-0000-4000-8000-000000000001"

    def test_names_of_another_organization_name_nothing(self, api):
        """Every route of the description that takes a name; the same id, another organization."""
        own = api.ask("GET", "/users/me")["organization_prn"]
        there = {
            "artifacts": api.ask("POST", "/artifacts", {"name": uuid4().hex}),
            "binaries": api.binary(CONTENT),
            "signing_keys": api.key(PROD),
        }
        tried = 0
        for path, operations in document()["paths"].items():
            if "{prn}" not in path:
                continue
            prn = there.get(path.split("/")[1], there["binaries"])["prn"]
            foreign = path.format(prn=prn.replace(own, self.STRANGER), index=1)
            for method in operations:
                answer = api.call(method.upper(), foreign, _body(operations[method]))
                assert answer.status_code == 404, (method, path, answer.text)
                tried += 1
        assert tried > 20

    def test_a_token_that_is_revoked_while_parts_are_on_their_way(self, api, registry):
        name = uuid4().hex
        other = Api(registry.url, make_token(registry.data, name))
        with other.http, other.bare:
            binary = other.binary(CONTENT)
            url = other.declare(binary, 1, CONTENT)["presigned_upload_url"]
            command = [*COMMAND, "registry", "token", "revoke", "--data", str(registry.data)]
            subprocess.run([*command, name], check=True, capture_output=True)
            assert other.call("GET", f"/binaries/{binary['prn']}/parts").status_code == 401
            assert _declare(other, binary).status_code == 401
            assert other.move(binary, "hashable").status_code == 401
            # What was allowed before lasts as long as it said, and allows nothing but these bytes.
            assert other.send(url, CONTENT).status_code == 200
            assert api.read(binary)["state"] == "uploadable"


def _body(operation: dict[str, Any]) -> object:
    """A body that is good enough to get past its own checks."""
    if "requestBody" not in operation:
        return None
    if operation["operationId"] == "declare_part":
        return {"expected_binary_size": 1, "hash": "0" * 64, "size": 1}
    return {}


def test_f34_a_key_that_was_removed_between_signing_and_submitting(api):
    """A registry knows no revocation, but what it does not hold signs nothing there."""
    key = api.key(SPARE)
    binary = api.signable(CONTENT)
    assert api.call("DELETE", f"/signing_keys/{key['prn']}").status_code == 204
    signature = SPARE.sign(binary["hash"].encode()).hex()
    body = {"binary_prn": binary["prn"], "signature": signature}
    for named in ({"signing_key_prn": key["prn"]}, {"signing_key_keyid": key["keyid"]}):
        answer = api.call("POST", "/binary_signatures", {**body, **named})
        assert answer.status_code == 422
        assert json.loads(answer.text)["errors"] == {next(iter(named)): ["does not exist"]}
    assert api.read(binary)["state"] == "signable"
