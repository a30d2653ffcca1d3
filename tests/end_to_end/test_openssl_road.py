"""A release that only openssl signed: exported, signed, imported, published, verified on a device."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import Machine
from tests.support.registry import running_registry
from tests.support.registry_api import calling

pytestmark = pytest.mark.server

VAULT = """
openssl genpkey -algorithm Ed25519 -out key.pem
openssl pkey -in key.pem -pubout -out prod.pub.pem
sha256sum --quiet -c SHA256SUMS
for m in *.msg; do
  openssl pkeyutl -sign -rawin -inkey key.pem -in "$m" -out "${m%.msg}.sig"; done
"""


@pytest.fixture
def desk(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "desk")
    made.folder.mkdir()
    made.write("model.bin", b"Hello, Binary\n" * 1000)
    made.prepare("model.bin", "--export-payloads", "stick")
    return made


@pytest.fixture
def signed(tmp_path: Path, desk: Machine) -> Machine:
    """The stick was in a vault that has openssl and a shell, and no signkit."""
    shutil.move(desk.folder / "stick", tmp_path / "vault")
    subprocess.run(["sh", "-eu", "-c", VAULT], cwd=tmp_path / "vault", check=True)
    desk.folder.joinpath("stick").mkdir()
    for path in (tmp_path / "vault").glob("*.sig"):
        shutil.copy(path, desk.folder / "stick")
    shutil.copy(tmp_path / "vault" / "prod.pub.pem", desk.folder)
    return desk


def test_a_release_signed_only_with_openssl(signed: Machine, tmp_path: Path) -> None:
    signed.ok("import-signatures", "model.request.json", "stick", "--key", "prod.pub.pem")
    with running_registry(tmp_path / "registry") as registry:
        signed.write("home/token", registry.token, mode=0o600)
        to = ("--registry", registry.url, "--key", "prod.pub.pem")
        (item,) = signed.ok("submit", "model.combined.json", *to)["items"]
        with calling(registry) as api:
            binary = api.ask("GET", f"/binaries/{item['result']['binary_prn']}")
    assert item["result"]["state"] == "signed"
    device = Machine(tmp_path / "device")
    device.folder.mkdir()
    for name in ("model.bin", "prod.pub.pem"):
        shutil.copy(signed.folder / name, device.folder)
    statement = json.dumps(binary["custom_metadata"]["signkit"])
    device.write("model.bin.statement.json", statement)
    verdict = device.ok("verify", "model.bin", "--key", "prod.pub.pem")
    assert verdict["keyids"] == item["result"]["keyids"]


def test_a_station_and_a_vault_without_signkit_make_two_of_two(
    signed: Machine, tmp_path: Path
) -> None:
    signed.ok("import-signatures", "model.request.json", "stick", "--key", "prod.pub.pem")
    station = Machine(tmp_path / "station")
    station.folder.mkdir()
    station.new_key("alice")
    shutil.copy(signed.folder / "model.request.json", station.folder)
    assert station.sign("model.request.json", "--key", "alice").code == 0
    shutil.copy(station.folder / "model.response.json", signed.folder)
    files = ("model.response.json", "model.combined.json")
    both = signed.ok("combine", *files, "-o", "model.combined.json", "--force")
    assert (len(both["responses"]), both["imported"]) == (1, True)
    assert len(both["items"][0]["signed"]) == 2
