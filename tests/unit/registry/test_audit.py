"""A line for every change, in the transaction that makes it; and nothing takes one back."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64encode
from contextlib import closing
from itertools import pairwise
from uuid import uuid4

import pytest

from signkit.errors import SignkitError
from signkit.formats.registry_audit import check_audit, read_audit
from signkit.registry.admin import export_audit, make_token
from signkit.registry.scopes import Scope
from signkit.registry.tokens import TokenRequest
from tests.support.forked import run_signkit
from tests.support.keys import PROD

POINT = f"{'ab' * 32} 7 {'cd' * 32}"


def run(registry, *arguments):
    data = ["--data", registry.data] if "export" in arguments else []
    return run_signkit("registry", "audit", *arguments, *data)


def events(registry, folder):
    """Every event, read from an export."""
    out = folder / f"{uuid4().hex}.jsonl"
    done = run(registry, "export", "--out", out)
    assert done.returncode == 0, done.stderr
    return [line.entry for line in read_audit(out)[0]]


def about(found, prn):
    return [each for each in found if each.id == prn.rsplit(":", 1)[1]]


def test_the_life_of_a_binary(registry, api, tmp_path):
    binary = api.signed(b"audited", description="first")
    api.move(binary, "destroyed")
    changes = [
        (each.before, each.after) for each in about(events(registry, tmp_path), binary["prn"])
    ]
    assert changes[0][0] is None
    made = changes[0][1]
    assert list(made) == [
        *("artifact_version", "target", "state", "revision", "hash", "size"),
        *("description", "custom_metadata"),
    ]
    assert (made["hash"], made["size"], made["state"]) == (binary["hash"], 7, "uploadable")
    states = ["uploadable", "hashable", "hashing", "signable", "signed", "destroyed"]
    assert changes[1:] == [({"state": one}, {"state": other}) for one, other in pairwise(states)]


def test_who_and_upon_which_request(registry, api, tmp_path):
    headers = {"x-request-id": "the-request", "signkit-ledger": POINT}
    name = uuid4().hex
    made = api.call("POST", "/artifacts", {"name": name}, headers=headers).json()["artifact"]
    (event,) = about(events(registry, tmp_path), made["prn"])
    assert (event.kind, event.request) == ("artifact", "the-request")
    assert (event.actor.kind, event.actor.name.startswith("test ")) == ("token", True)
    assert event.organization == made["organization_prn"].removeprefix("prn:1:")
    assert event.ledger is not None
    assert (event.ledger.station, event.ledger.sequence) == ("ab" * 32, 7)
    assert event.ledger.head.hex() == "cd" * 32


def test_the_registry_and_its_operator_stand_there_as_well(registry, api, tmp_path):
    binary = api.signable(b"judged")
    found = events(registry, tmp_path)
    assert (found[0].kind, found[0].actor.kind, found[0].after) == (
        *("organization", "registry"),
        {"name": "default"},
    )
    (token, *_rest) = (each for each in found if each.kind == "token")
    assert (token.actor.kind, "@" in token.actor.name) == ("operator", True)
    assert token.after is not None
    assert set(token.after) == {"name", "scopes", "artifacts", "expires_at", "revoked_at"}
    verdict = about(found, binary["prn"])[-1]
    asked = about(found, binary["prn"])[-2]
    assert asked.after == {"state": "hashing"}
    assert (verdict.actor.kind, verdict.request) == ("registry", asked.request)
    assert verdict.after == {"state": "signable"}


def test_every_route_that_changes_something_leaves_a_line(registry, api, tmp_path):
    binary = api.signed(b"bundled")
    version = api.ask("GET", f"/artifact_versions/{binary['artifact_version_prn']}")
    key, name = api.key(), uuid4().hex
    bundle = api.ask("POST", "/bundles", {"binaries": [{"prn": binary["prn"]}], "name": name})
    signature = PROD.sign(bundle["hash"].encode()).hex()
    body = {"bundle_prn": bundle["prn"], "signing_key_prn": key["prn"], "signature": signature}
    signed = api.ask("POST", "/bundle_signatures", body)
    attached = api.ask_list("/binary_signatures", search=f"binary_prn:'{binary['prn']}'")[0]
    spare = {"value": b64encode(bytes([4]) + bytes(31)).decode(), "name": "no key"}
    assert api.call("POST", "/signing_keys", spare).status_code == 422
    metadata = {"custom_metadata": {"a": 1}}
    changes = [
        ("PATCH", f"/artifacts/{version['artifact_prn']}", {"name": uuid4().hex, **metadata}),
        ("PATCH", f"/artifact_versions/{version['prn']}", {"description": "x"}),
        ("PATCH", f"/binaries/{binary['prn']}", metadata),
        ("PATCH", f"/signing_keys/{key['prn']}", {"name": uuid4().hex}),
        ("PATCH", f"/bundles/{bundle['prn']}", {"name": uuid4().hex}),
        ("DELETE", f"/bundle_signatures/{signed['prn']}", None),
        ("DELETE", f"/bundles/{bundle['prn']}", None),
        ("DELETE", f"/binary_signatures/{attached['prn']}", None),
    ]
    for method, path, change in changes:
        identity = uuid4().hex
        headers = {"x-request-id": identity}
        assert api.call(method, path, change, headers=headers).status_code in {200, 204}
        (event,) = (each for each in events(registry, tmp_path) if each.request == identity)
        assert event.id == path.rsplit(":", 1)[1]
        assert (event.after is None) == (method == "DELETE")
        for each in (event.before or {}, event.after or {}):
            text = each.get("custom_metadata")
            assert text is None or str(text).startswith("sha256:")


def test_what_is_refused_or_changes_nothing_leaves_none(registry, api, tmp_path):
    artifact = api.ask("POST", "/artifacts", {"name": uuid4().hex, "description": "same"})
    before = len(events(registry, tmp_path))
    assert api.call("POST", "/artifacts", {"name": artifact["name"]}).status_code == 409
    same = {"description": "same", "name": artifact["name"]}
    assert api.call("PATCH", f"/artifacts/{artifact['prn']}", same).status_code == 200
    assert api.call("GET", f"/artifacts/{artifact['prn']}").status_code == 200
    assert len(events(registry, tmp_path)) == before


@pytest.mark.parametrize("text", ["x", POINT.upper(), POINT + " 1"])
def test_a_ledger_point_that_is_none(registry, api, tmp_path, text):
    name = uuid4().hex
    answer = api.call("POST", "/artifacts", {"name": name}, headers={"signkit-ledger": text})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["signkit-ledger"])
    assert api.ask_list("/artifacts", search=f"name:'{name}'") == []


@pytest.mark.folder
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_lines SET line = ''", "DELETE FROM audit_lines"]
)
def test_the_database_takes_no_line_back(registry, api, statement):
    path = registry.data / "registry.sqlite3"
    refused = pytest.raises(sqlite3.IntegrityError, match="never changed")
    with closing(sqlite3.connect(path)) as connection, refused:
        connection.execute(statement)


def test_an_export_shows_one_organization(registry, api, tmp_path):
    made = run_signkit("registry", "organization", "new", "other", "--data", registry.data)
    assert made.returncode == 0, made.stderr
    out = tmp_path / "other.jsonl"
    done = run(registry, "export", "--organization", "other", "--out", out, "--json")
    assert json.loads(done.stdout)["lines"] == 1
    (line,) = read_audit(out)[0]
    assert (line.entry.after, line.entry.actor.kind) == ({"name": "other"}, "operator")
    nobody = run(registry, "export", "--organization", "nobody", "--out", tmp_path / "n")
    assert (nobody.returncode, "no organization named 'nobody'" in nobody.stderr) == (9, True)


def test_an_export_is_verified_by_itself_and_against_older_ones(registry, api, tmp_path):
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    run(registry, "export", "--out", old)
    api.ask("POST", "/artifacts", {"name": uuid4().hex})
    run(registry, "export", "--out", new)
    assert new.read_bytes().startswith(old.read_bytes())
    done = run(registry, "verify", new, "--against", old)
    assert (done.returncode, done.stdout.startswith(f"verified: {new}: ")) == (0, True)
    lines = new.read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(b"".join(lines[:-2]))
    done = run(registry, "verify", cut, "--against", new)
    assert (done.returncode, "the audit was cut short" in done.stderr) == (4, True)
    edited = tmp_path / "edited.jsonl"
    edited.write_bytes(new.read_bytes().replace(b'"default"', b'"another"', 1))
    done = run(registry, "verify", edited)
    assert (done.returncode, "audit line" in done.stderr) == (3, True)
    assert run(registry, "verify", tmp_path / "nowhere").returncode == 8
    assert run(registry, "export", "--out", new).returncode == 8  # nothing is overwritten


def test_an_export_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("signkit.registry.audit._LINES_AT_ONCE", 2)
    data, out = tmp_path / "registry", tmp_path / "audit.jsonl"
    for name in ("a", "b", "c", "d"):
        request = TokenRequest(name=name, organization="default", scopes=frozenset({Scope.READ}))
        make_token(data, request, who="test")
    pieces = list(export_audit(data, "default"))
    assert [piece.count(b"\n") for piece in pieces] == [2, 2, 1]
    out.write_bytes(b"".join(pieces))
    assert check_audit(out) == read_audit(out)[1]
    assert check_audit(out).sequence == 5


def test_no_byte_of_an_export_can_be_edited(registry, api, tmp_path):
    """Any byte of the first lines, and of what they hold."""
    out, edited = tmp_path / "whole.jsonl", tmp_path / "edited.jsonl"
    run(registry, "export", "--out", out)
    whole = out.read_bytes()
    two = whole[: whole.index(b"\n", whole.index(b"\n") + 1) + 1]
    end = two.index(b"\n") + 1  # of the last line, no other one holds the digest
    for place in range(end):
        edited.write_bytes(two[:place] + bytes([two[place] ^ 1]) + two[place + 1 :])
        with pytest.raises(SignkitError):
            read_audit(edited)
