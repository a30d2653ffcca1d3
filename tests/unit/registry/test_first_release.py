"""What the first release left is read by this one, also where bringing it up to date was cut short."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from signkit.registry.sources import source_of
from signkit.registry.verification import verify_source
from tests.support.registry import running_registry
from tests.support.registry_api import calling
from tests.support.registry_copies import (
    FIRST_TOKEN,
    killed_at,
    lay_first_release,
    registry_command,
)

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
# The ones that change a file of the database, or make it durable.
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")


@pytest.fixture
def data(tmp_path):
    lay_first_release(tmp_path / "registry")
    return tmp_path / "registry"


def rows(data):
    """Everything that the first release wrote down."""
    with closing(sqlite3.connect(data / "registry.sqlite3")) as records:
        assert records.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {
            "artifacts": records.execute("SELECT id, name FROM artifacts").fetchall(),
            "binaries": records.execute("SELECT id, state, hash FROM binaries").fetchall(),
            "parts": records.execute("SELECT id, hash, state FROM binary_parts").fetchall(),
            "signatures": records.execute("SELECT id, signature FROM binary_signatures").fetchall(),
            "tokens": records.execute("SELECT name, hash, revoked_at FROM tokens").fetchall(),
        }


def test_a_server_goes_on_with_it(tmp_path, data):
    (tmp_path / "registry.token").write_text(FIRST_TOKEN)
    with running_registry(tmp_path) as registry, calling(registry) as api:
        listed = api.call("GET", "/binaries", params={"limit": 100}).json()["binaries"]
        states = {each["target"]: each for each in listed}
        signed = states["aarch64-unknown-linux"]
        url = api.ask("GET", f"/binaries/{signed['prn']}/download_url")
        assert api.bare.get(url).content == b"Hello, Binary\n"
        assert states["destroyed"]["state"] == "destroyed"
        assert api.sign(states["signable"]).status_code == 201
        half = states["half"]
        assert [part["state"] for part in api.parts(half)] == ["valid", "uploadable"]
        url = api.declare(half, 2, b"second half")["presigned_upload_url"]
        assert api.send(url, b"second half").status_code == 200
        assert api.hashed(half)["state"] == "signable"
        assert api.ask("POST", "/bundles", {"binaries": [{"prn": signed["prn"]}]})["hash"]
    found = verify_source(source_of(data), advance=lambda _count: None)
    assert (found.faults, found.counts["statements"]) == ((), 1)


def test_a_token_that_was_revoked_then_stays_so(tmp_path, data):
    ran = registry_command(tmp_path, "token", "list", "--data", data, "--json")
    assert [bool(token["revoked_at"]) for token in ran.json["tokens"]] == [False, True]


@needs_strace
def test_killed_while_it_is_brought_up_to_date(tmp_path, data):
    assert check_kill(tmp_path, data, "pwrite64", 9)


@needs_strace
@pytest.mark.sweep
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_every_moment(tmp_path, call):
    number = 1
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        lay_first_release(folder / "registry")
        if not check_kill(folder, folder / "registry", call, number):
            break
        number += 1


def check_kill(folder, data, call, number):
    """Kill the first command of this release; the second one finds all that was there."""
    before = rows(data)
    killed = killed_at(call, number, "token", "list", "--data", data)
    ran = registry_command(folder, "token", "list", "--data", data)
    assert ran.code == 0, ran.err
    assert rows(data) == before
    assert verify_source(source_of(data), advance=lambda _count: None).faults == ()
    return killed
