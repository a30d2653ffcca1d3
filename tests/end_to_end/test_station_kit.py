"""From a bare Debian without any network to a release, by the how-to: Show 1 of the station."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from signkit.formats.response import open_response
from tests.support.bare_machine import BareMachine, CannotEnterError, make_bare_machine
from tests.support.commands import Machine
from tests.support.registry import running_registry
from tests.support.station_page import StationPage

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def station() -> Iterator[BareMachine]:
    with tempfile.TemporaryDirectory(prefix="signkit-station-") as folder:
        try:
            yield make_bare_machine(Path(folder) / "root")
        except CannotEnterError as error:
            pytest.skip(f"no bare machine here: {error}")


@pytest.fixture(scope="module")
def page(station: BareMachine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StationPage]:
    folder = tmp_path_factory.mktemp("desk")
    desk = Machine(folder)
    desk.home.mkdir()
    desk.write("model.bin", b"weights " * 100_000)
    trace = folder / "trace" if shutil.which("strace") else None
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        desk.write("home/token", registry.token, mode=0o600)
        made = StationPage(desk=desk, station=station, url=registry.url, trace=trace)
        made.follow_all()
        yield made


def test_the_page_leads_to_a_release(page: StationPage) -> None:
    """Every line of it ran, and said what the page says; the registry has what was signed."""
    data = (page.desk.folder / "model.response.json").read_bytes()
    (item,) = open_response(data).response.items
    assert [each.scheme for each in item.signatures] == ["peridio", "statement"]
    assert page.said == "Signature Verified Successfully"
    again = page.desk.ok("submit", "model.response.json", "--registry", page.url)
    assert again["items"][0]["result"]["state"] == "signed"


def test_the_station_has_no_interface_and_asked_for_no_socket(page: StationPage) -> None:
    assert page.station.run("ls /sys/class/net").out == "lo\n"
    if page.trace is None:
        pytest.skip("needs strace")
    assert len(page.calls) > 10
    assert page.network_calls() == []
    # Whatever its kind: the installer and the ceremonies ask for none at all.
    watched = [text for text in page.calls if re.match(r"sh |signkit sign ", text)]
    assert [page.calls[text] for text in watched] == [[], [], []]


def test_strace_would_have_seen_a_socket(page: StationPage) -> None:
    if page.trace is None:
        pytest.skip("needs strace")
    text = "python3 -c 'import socket; socket.socket()'"
    page._at_station(text)
    assert page.network_calls()[0].startswith("socket(AF_INET, ")
    del page.calls[text]


def test_the_machine_had_nothing_that_the_kit_did_not_bring(page: StationPage) -> None:
    for module in ("pip", "ensurepip", "nacl", "cryptography", "typer"):
        assert page.station.run(f"/usr/bin/python3 -c 'import {module}'").code == 1, module


def test_the_self_hash_is_that_of_the_kit(page: StationPage) -> None:
    line = "cd /opt/signkit/current && find . -type f -print0 | LC_ALL=C sort -z"
    found = page.station.run(f"{line} | xargs -0 sha256sum | sha256sum").out.split()[0]
    (kit,) = page.desk.folder.glob("signkit-kit-*.tar")
    said = page.station.run(f"cat {kit.stem}/KIT").out
    assert f"tree={found}\n" in said


def test_what_is_optional_elsewhere_is_there(page: StationPage) -> None:
    split = "signkit keys split prod --threshold 2 --shares 3 --out set --passphrase-file pw"
    assert page.station.run(f"{split} --json").code == 0
    path = "import sys; sys.path.append('/opt/signkit/current/lib')"
    assert page.station.run(f'/usr/bin/python3 -ISB -c "{path}; import bcrypt"').code == 0
    assert len(json.loads(page.station.run("signkit keys list --json").out)["keys"]) == 1


def test_network_drivers_are_not_loaded_any_more(page: StationPage) -> None:
    written = (page.station.root / "etc" / "modprobe.d" / "no-network.conf").read_text()
    assert sorted(written.splitlines()) == [
        "install btusb /bin/false",
        "install cfg80211 /bin/false",
        "install e1000e /bin/false",
    ]
