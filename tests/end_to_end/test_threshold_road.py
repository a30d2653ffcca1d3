"""Three stations with a key each, a role that takes two: signed apart, combined, published, verified."""

from __future__ import annotations

import json
import shutil
from itertools import permutations
from pathlib import Path

import pytest

from signkit.formats.public_key import read_public_key
from signkit.formats.trust import encode_draft, new_draft, sign_draft
from signkit.trust.collect import merge_signatures
from signkit.trust.edit import RoleChange, first_trust
from tests.support.commands import Machine
from tests.support.keys import ROOT
from tests.support.registry import running_registry
from tests.support.registry_api import calling

pytestmark = pytest.mark.server

STATIONS = ("alice", "bob", "carol")


class Road:
    """A desk, three stations and a device: machines that share only what is carried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = self.machine("desk")
        self.desk.write("model.bin", b"Hello, Binary\n" * 1000)
        self.keyids: dict[str, str] = {}

    def machine(self, name: str) -> Machine:
        made = Machine(self.folder / name)
        made.folder.mkdir(exist_ok=True)
        return made

    def provision(self) -> None:
        """Every station makes its key; the desk makes the trust root: two of three."""
        for name in STATIONS:
            self.keyids[name] = self.machine(name).new_key(name)["keyid"]
        keys = {
            name: read_public_key(
                (self.folder / name / "home" / "keys" / f"{name}.pub.pem").read_bytes()
            )
            for name in STATIONS
        }
        trust = first_trust(
            issued="2026-01-01T00:00:00Z",
            expires=None,
            root=RoleChange(keys={"root": ROOT.public_key}, threshold=1),
            release=RoleChange(keys=keys, threshold=2, artifacts=["*"], targets=["*"]),
        )
        draft = new_draft(trust)
        data = encode_draft(merge_signatures(draft, [sign_draft(draft, ROOT)], None))
        self.desk.write("trust.json", data)

    def sign(self, name: str) -> None:
        """One station signs the request, and its response is carried home under its name."""
        station = self.machine(name)
        shutil.copy(self.desk.folder / "model.request.json", station.folder)
        assert station.sign("model.request.json", "--key", name).code == 0
        response = station.folder / "model.response.json"
        shutil.copy(response, self.desk.folder / f"{name}.response.json")


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    made = Road(tmp_path_factory.mktemp("road"))
    made.provision()
    made.desk.prepare()
    for name in STATIONS:
        made.sign(name)
    return made


def combine(road: Road, out: str, *names: str) -> bytes:
    files = [f"{name}.response.json" for name in names]
    request = ("--request", "model.request.json", "--trust", "trust.json", "--force")
    road.desk.ok("combine", *files, "-o", out, *request)
    return (road.desk.folder / out).read_bytes()


def test_any_order_gives_the_same_bytes(road: Road) -> None:
    assert combine(road, "ab.combined.json", "alice", "bob") == combine(
        road, "ba.combined.json", "bob", "alice"
    )
    orders = {combine(road, "x.combined.json", *order) for order in permutations(STATIONS)}
    assert len(orders) == 1


def test_one_station_alone_is_refused_by_the_missing_keyids(road: Road) -> None:
    ran = road.desk.run(
        "submit", "alice.response.json", "--registry", "https://registry.example",
        "--request", "model.request.json", "--plan", "model.plan.json",
        "--trust", "trust.json", "--json",
    )  # fmt: skip
    assert (ran.code, ran.error["code"]) == (17, "threshold")
    missing = sorted(road.keyids[name] for name in ("bob", "carol"))
    assert (ran.error["required"], ran.error["got"]) == (2, 1)
    assert ran.error["missing"] == missing
    assert all(keyid in ran.error["error"] for keyid in missing)


def test_two_of_three_reach_a_device(road: Road, tmp_path_factory: pytest.TempPathFactory) -> None:
    two = {road.keyids["alice"], road.keyids["carol"]}
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        road.desk.write("home/token", registry.token, mode=0o600)
        combine(road, "model.combined.json", "carol", "alice")
        where = ("model.combined.json", "--registry", registry.url, "--trust", "trust.json")
        (item,) = road.desk.ok("submit", *where)["items"]
        with calling(registry) as api:
            binary = api.ask("GET", f"/binaries/{item['result']['binary_prn']}")
    assert item["result"]["state"] == "signed"
    assert len(binary["signatures"]) == 1  # the registry's devices accept exactly one
    statement = binary["custom_metadata"]["signkit"]
    assert {each["keyid"] for each in statement["signatures"]} == two
    device = road.machine("device")
    for name in ("model.bin", "trust.json"):
        shutil.copy(road.desk.folder / name, device.folder)
    device.write("model.bin.statement.json", json.dumps(statement))
    assert set(device.ok("verify", "model.bin", "--trust", "trust.json")["keyids"]) == two


@pytest.mark.parametrize(
    ("names", "code"), [(("alice", "bob"), 0), (STATIONS, 0), (("alice",), 17)]
)
def test_a_device_counts_what_is_combined(road: Road, names: tuple[str, ...], code: int) -> None:
    combine(road, "device.combined.json", *names)
    trusted = ("model.bin", "--trust", "trust.json")
    ran = road.desk.run("verify", *trusted, "--response", "device.combined.json")
    assert ran.code == code
    road.desk.ok("extract", "device.combined.json")
    assert road.desk.run("verify", *trusted).code == code
