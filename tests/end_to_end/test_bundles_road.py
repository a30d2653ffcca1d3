"""Bundles out of one registry and into others: the commands, the registries, real processes."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from signkit.bundles.archive import read_archive
from signkit.cli.app import run_app
from tests.support import trust_roots
from tests.support.bundle_archives import archive as packed
from tests.support.bundle_archives import frame
from tests.support.bundle_world import make_bundle, make_release
from tests.support.commands import Machine, Ran
from tests.support.keys import PROD, SPARE
from tests.support.registry import RunningRegistry, running_registry
from tests.support.registry_api import Api, calling

pytestmark = pytest.mark.server

LARGE = bytes(range(256)) * 40_000  # 10.24 MB: two parts, two ranges
CONTENTS = (b"Hello, Binary\n", LARGE, b"")


class World:
    """A registry with a bundle, one of the same organization without it, and one of another."""

    def __init__(self, folder: Path, here: RunningRegistry, api: Api) -> None:
        self.folder, self.here, self.api = folder, here, api
        self.binaries = [make_release(api, content) for content in CONTENTS]
        self.bundle = make_bundle(api, *self.binaries, name=f"release {folder.name}")


def read_log(registry: RunningRegistry) -> list[str]:
    """Return the lines of the log, when it has all so far: a line comes after its answer."""
    mark = f"{uuid4()}"
    httpx.get(f"{registry.url.rstrip('/')}/{mark}", timeout=30)
    deadline = time.monotonic() + 30
    while mark not in (text := registry.log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return text.splitlines()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The registry that everything comes from."""
    folder = tmp_path_factory.mktemp("world")
    with running_registry(folder / "first") as first:  # makes the organization
        with calling(first) as api:
            api.key()
        first.stop()
    shutil.copytree(folder / "first", folder / "twin")
    with running_registry(folder / "first") as here, calling(here) as api:
        yield World(folder, here, api)


class Desk(Machine):
    """A machine whose commands run in this process: it takes a second to start another."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(folder)
        object.__setattr__(self, "capsys", capsys)

    def run(self, *arguments: object, **_more: Any) -> Ran:
        self.capsys.readouterr()  # type: ignore[attr-defined]
        code = run_app([str(each) for each in arguments])
        out, err = self.capsys.readouterr()  # type: ignore[attr-defined]
        return Ran(code, out, err)


@pytest.fixture
def desk(
    tmp_path: Path,
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Machine:
    """As `machine`, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNKIT_HOME", str(tmp_path / "home"))
    return _with_token(Desk(tmp_path, capsys), world)


@pytest.fixture
def machine(tmp_path: Path, world: World) -> Machine:
    """A machine with the token in its place."""
    return _with_token(Machine(tmp_path), world)


def _with_token(made: Machine, world: World) -> Machine:
    made.home.mkdir()
    made.write("home/token", world.here.token, mode=0o600)
    return made


def pull(machine: Machine, world: World, *more: object, name: str = "b.cpio.zst") -> Any:
    options = ("--registry", world.here.url, "--output", name)
    return machine.run("registry", "bundles", "pull", world.bundle["prn"], *options, *more)


def push(machine: Machine, registry: RunningRegistry, *more: object) -> Any:
    machine.write("home/token", registry.token, mode=0o600)
    options = ("--registry", registry.url)
    return machine.run("registry", "bundles", "push", "b.cpio.zst", *options, *more)


def test_w16_pulled_twice_it_is_the_same_file(desk: Machine, world: World) -> None:
    ran = pull(desk, world, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["binaries"], ran.json["size"]) == (3, sum(map(len, CONTENTS)))
    pull(desk, world, name="again.cpio.zst")
    data = (desk.folder / "b.cpio.zst").read_bytes()
    assert data == (desk.folder / "again.cpio.zst").read_bytes()
    index = read_archive(io.BytesIO(data)).index
    assert index.hash == world.bundle["hash"] == ran.json["hash"]
    assert [member.artifact.name for member in index.members] == [
        each["artifact"] for each in world.binaries
    ]
    assert index.signatures[0].keyid == PROD.public_key.keyid
    assert sorted(path.name for path in desk.folder.iterdir()) == [
        "again.cpio.zst",
        "b.cpio.zst",
        "home",
    ]
    assert pull(desk, world).code == 0
    assert (desk.folder / "b.cpio.zst").read_bytes() == data
    desk.write("b.cpio.zst", frame(packed()))
    refused = pull(desk, world)
    assert (refused.code, "never overwritten" in refused.err) == (8, True)


def test_pulled_by_its_name(desk: Desk, world: World) -> None:
    options = ("--registry", world.here.url, "--output", "b.cpio.zst")
    ran = desk.run("registry", "bundles", "pull", world.bundle["name"], *options, "--json")
    assert (ran.code, ran.json["prn"]) == (0, world.bundle["prn"]), ran.err


def test_into_a_twin_of_the_registry(machine: Machine, world: World) -> None:
    """The organization has the same id there: hash and signatures of the bundle hold."""
    assert pull(machine, world).code == 0
    with running_registry(world.folder / "twin") as twin, calling(twin) as api:
        ran = push(machine, twin, "--json")
        assert ran.code == 0, ran.err
        assert ran.json["created"]
        assert ran.json["prn"] == world.bundle["prn"]
        assert ran.json["sent"] == 3
        bundle = api.ask("GET", f"/bundles/{world.bundle['prn']}")
        assert bundle["hash"] == world.bundle["hash"]
        assert _without_times(bundle) == _without_times(
            world.api.ask("GET", f"/bundles/{world.bundle['prn']}")
        )
        kept = api.call("GET", f"/bundles/{bundle['prn']}/signatures").json()["signatures"]
        assert [each["keyid"] for each in kept] == [PROD.public_key.keyid]
        for there in world.binaries:
            here = api.read(there)
            assert (here["state"], here["hash"]) == ("signed", there["hash"])
            assert here["custom_metadata"] == there["custom_metadata"]
            signatures = lambda each: [s["signature"] for s in each["signatures"]]  # noqa: E731
            assert signatures(here) == signatures(there)
        again = push(machine, twin, "--json").json
        assert again == ran.json | {"created": False, "sent": 0}
        machine.write("home/token", twin.token, mode=0o600)
        options = ("--registry", twin.url, "--output", "back.cpio.zst")
        back = machine.run("registry", "bundles", "pull", bundle["prn"], *options)
        assert back.code == 0, back.err
        folder = machine.folder
        assert (folder / "back.cpio.zst").read_bytes() == (folder / "b.cpio.zst").read_bytes()


def _without_times(bundle: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bundle.items() if not name.endswith("_at")}


def test_into_another_organization(desk: Machine, world: World, tmp_path: Path) -> None:
    assert pull(desk, world).code == 0
    (tmp_path / "other").mkdir()
    with running_registry(tmp_path / "other") as other, calling(other) as api:
        unknown = push(desk, other, "--json", "--new-hash")
        assert (unknown.code, unknown.error["code"]) == (4, "unknown-key")
        assert world.binaries[0]["artifact"] in unknown.error["error"]
        assert api.call("GET", "/artifacts").json()["artifacts"] == []
        api.key()
        refused = push(desk, other, "--json")
        assert refused.error["code"] == "receipt-mismatch"
        assert "--new-hash" in refused.error["hint"]
        assert push(desk, other, "--dry-run").code == refused.code
        planned = push(desk, other, "--json", "--new-hash", "--dry-run").json
        said = push(desk, other, "--new-hash", "--dry-run").out.splitlines()
        assert api.call("GET", "/artifacts").json()["artifacts"] == []
        made = push(desk, other, "--json", "--new-hash")
        assert made.code == 0, made.err
        assert made.json["hash"] != world.bundle["hash"]
        assert (planned["hash"], planned["prn"]) == (made.json["hash"], made.json["prn"])
        total = sum(map(len, CONTENTS))
        assert planned["summary"] == {"binary_count": 3, "part_count": 3, "size": total}
        assert said[0].endswith(
            "create artifact, version, binary; send 1 part, 14 B; attach 1 signature"
        )
        assert said[-1] == "in all: 3 binaries, 3 parts, 9.8 MiB"
        path = f"/bundles/{made.json['prn']}/signatures"
        assert api.call("GET", path).json()["signatures"] == []


def test_held_to_the_devices_trust_root(desk: Machine, world: World) -> None:
    trust = trust_roots.first(threshold=1)
    desk.write("trust.json", trust_roots.signed_file(trust, *trust_roots.CUSTODIANS))
    assert pull(desk, world, "--trust", "trust.json").code == 0
    strict = trust_roots.first(threshold=1, release=2)
    desk.write("strict.json", trust_roots.signed_file(strict, *trust_roots.CUSTODIANS))
    refused = pull(desk, world, "--trust", "strict.json", "--json", name="c.cpio.zst")
    assert (refused.code, refused.error["code"]) == (17, "threshold")
    assert world.binaries[0]["artifact"] in refused.error["error"]
    assert not (desk.folder / "c.cpio.zst").exists()


def test_held_to_keys(desk: Machine, world: World) -> None:
    desk.write("prod.pem", PROD.public_key.raw.hex())
    desk.write("spare.pem", SPARE.public_key.raw.hex())
    assert pull(desk, world, "--key", "prod.pem").code == 0
    refused = pull(desk, world, "--key", "spare.pem", "--json", name="c.cpio.zst")
    assert (refused.code, refused.error["code"]) == (4, "unknown-key")


def test_a_pull_goes_on_where_it_stopped(desk: Machine, world: World) -> None:
    folder = desk.folder / ".b.cpio.zst.pull"
    folder.mkdir()
    half = folder / f"{world.binaries[1]['hash']}.part"
    half.write_bytes(LARGE[:9_000_000])
    before = len(read_log(world.here))
    assert pull(desk, world).code == 0
    said = [json.loads(line) for line in read_log(world.here)[before:]]
    sent = [line["out"] for line in said if line.get("status") == 206]
    assert len(LARGE) - 9_000_000 in sent
    assert not folder.exists()


@pytest.mark.parametrize(
    ("prn", "code"),
    [
        ("prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41:bundle:" + str(UUID(int=5)), 7),
        ("release", 7),
        ("../../users/me", 7),
        ("release' or name:'", 7),
        ("prn:1:release", 3),
    ],
)
def test_a_bundle_that_is_not_there(prn: str, code: int, desk: Machine, world: World) -> None:
    ran = desk.run("registry", "bundles", "pull", prn, "--registry", world.here.url, "--json")
    assert ran.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 3),
        (b"hello", 3),
        (frame(packed())[:-9], 3),
        (frame(packed(None, (b"other", b"x", b""))), 10),
    ],
    ids=["empty", "text", "cut", "other content"],
)
def test_what_is_no_archive_changes_nothing(
    data: bytes, code: int, desk: Machine, world: World
) -> None:
    desk.write("b.cpio.zst", data)
    before = read_log(world.here)
    ran = push(desk, world.here, "--json")
    assert ran.code == code, ran.err
    assert read_log(world.here)[:-1] == before  # but for the question that `read_log` asks


def test_an_archive_that_is_not_there(desk: Machine, world: World) -> None:
    assert push(desk, world.here).code == 8
    (desk.folder / "b.cpio.zst").mkdir()
    assert push(desk, world.here).code == 8


def test_a_signature_that_does_not_verify(desk: Machine, world: World) -> None:
    """Attacker: puts the signature of one content beside another."""
    from tests.support.bundle_archives import CONTENTS as THREE
    from tests.support.bundle_archives import identity, index_value

    value = index_value()
    binaries = value["artifacts"][identity(1)]["versions"][identity(2)]["binaries"]
    binaries[identity(3)]["signatures"] = binaries[identity(4)]["signatures"]
    desk.write("b.cpio.zst", frame(packed(value, THREE)))
    ran = push(desk, world.here, "--json", "--new-hash")
    assert (ran.code, ran.error["code"]) == (4, "signature-invalid")
    assert "ML-Model 1.0.0 for target-0" in ran.error["error"]
    binaries[identity(3)]["signatures"] = []
    desk.write("b.cpio.zst", frame(packed(value, THREE)))
    assert "carries no signature" in push(desk, world.here, "--json", "--new-hash").error["error"]


def test_what_the_registry_holds_under_the_ids_is_not_replaced(desk: Machine, world: World) -> None:
    from tests.support.bundle_archives import identity, index_value

    value = index_value((b"a",))
    desk.write("b.cpio.zst", frame(packed(value, (b"a",))))
    assert push(desk, world.here, "--new-hash").code == 0
    value["artifacts"][identity(1)]["name"] = "another"
    desk.write("b.cpio.zst", frame(packed(value, (b"a",))))
    ran = push(desk, world.here, "--json", "--new-hash")
    assert (ran.code, ran.error["code"]) == (7, "state")
    assert "expected name 'another', got 'ML-Model'" in ran.error["error"]
    other = json.loads(json.dumps(index_value((b"b",))))
    desk.write("b.cpio.zst", frame(packed(other, (b"b",))))
    ran = push(desk, world.here, "--json", "--new-hash")
    assert (ran.code, ran.error["code"]) == (7, "state")
    assert "holds another bundle" in ran.error["error"]
