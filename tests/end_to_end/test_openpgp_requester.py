"""A person asks with their own OpenPGP key: from `prepare --sign-openpgp` to what the station says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.commands import Machine, Ran
from tests.support.controls import make_station, policy_text
from tests.support.gnupg_homes import Person, need_gpg, new_person, with_signing_key

PREPARE = ("prepare", "model.bin", "--artifact", "ML-Model", "--version", "1", "--target", "any")


@pytest.fixture(scope="module")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    need_gpg()
    with new_person(tmp_path_factory.mktemp("g") / "ada", encrypt=None) as made:
        yield with_signing_key(made)


def known(ada: Person, *more: str) -> str:
    key = f"openpgp_key = '''\n{ada.public.decode()}'''"
    person = ('name = "Ada"', f'openpgp = "{ada.fingerprint}"', key)
    return policy_text({"requester": (*person, *more)})


@pytest.fixture
def asked(ada: Person, tmp_path: Path) -> Machine:
    """A request that Ada signed, as it comes to the station."""
    desk = Machine(tmp_path / "desk")
    desk.folder.mkdir()
    desk.write("model.bin", b"Hello, Binary\n")
    desk.write("station.toml", known(ada))
    made = desk.ok(
        *(*PREPARE, "--policy", "station.toml"),
        *("--sign-openpgp", ada.fingerprint, "--gnupg-home", ada.home),
    )
    assert made["openpgp_signature"] == "model.request.json.asc"
    (tmp_path / "vault").mkdir()
    request = (desk.folder / "model.request.json").read_bytes()
    station = make_station(tmp_path / "vault", known(ada), request)
    shutil.copy(desk.folder / "model.request.json.asc", station.folder)
    return station


def sign(station: Machine, *options: str) -> Ran:
    digest = sha256((station.folder / "model.request.json").read_bytes()).hexdigest()
    command = ("sign", "model.request.json", "--key", "prod.pem", "--content", ".", "--yes-to")
    return station.run(*command, digest, *options, "--json")


def test_the_station_knows_who_asks(asked: Machine, ada: Person) -> None:
    ran = sign(asked)
    assert ran.code == 0, ran.err
    assert "asked by 'Ada', known by OpenPGP key" in " ".join(ran.err.split())
    assert ada.fingerprint in ran.err
    assert not ada.agent


def test_a_binary_signature_by_hand_will_do(asked: Machine, ada: Person) -> None:
    data = (asked.folder / "model.request.json").read_bytes()
    (asked.folder / "model.request.json.asc").unlink()
    signature = ada.gpg("--local-user", ada.fingerprint, "--detach-sign", data=data)
    asked.write("model.request.json.sig", signature)
    assert sign(asked).code == 0


def test_without_the_signature(asked: Machine) -> None:
    (asked.folder / "model.request.json.asc").unlink()
    ran = sign(asked)
    assert ran.error["control"] == "SK-POLICY-REQUESTER"
    assert "no OpenPGP signature beside the request: expected that of 'Ada'" in ran.error["error"]
    assert "--sign-openpgp" in ran.error["hint"]


def test_a_signature_of_another_request(asked: Machine, ada: Person) -> None:
    """Attacker: takes Ada's signature of an older request along with a new request."""
    asked.write("model.request.json.asc", ada.gpg("--detach-sign", "--armor", data=b"older"))
    ran = sign(asked)
    assert ran.error["error"] == (
        "SK-POLICY-REQUESTER: the OpenPGP signature beside the request does not hold:"
        " it is of other bytes, or was damaged"
    )
    line = json.loads((asked.home / "ledger.jsonl").read_text().splitlines()[-1])
    assert (line["event"], line["reason"]) == ("refused", ran.error["error"])


def test_two_signatures_a_link_and_one_too_large(asked: Machine) -> None:
    asc, sig = (asked.folder / f"model.request.json.{suffix}" for suffix in ("asc", "sig"))
    shutil.copy(asc, sig)
    assert (sign(asked).code, sign(asked).error["code"]) == (3, "malformed")
    sig.unlink()
    asc.write_bytes(b"x" * (16 * 1024 + 1))
    assert sign(asked).error["code"] == "too-large"
    asc.unlink()
    os.mkfifo(asc)
    assert sign(asked).error["code"] == "file"


def test_a_machine_and_a_person_together(asked: Machine, ada: Person) -> None:
    """An entry with both keys is met by both only."""
    (asked.home / "station.toml").write_text(known(ada, f'keyid = "{"ab" * 32}"'))
    assert sign(asked).error["control"] == "SK-POLICY-REQUESTER"


def test_a_policy_with_another_key_under_the_fingerprint(asked: Machine, ada: Person) -> None:
    text = known(ada).replace(ada.fingerprint, "A" * 40)
    (asked.home / "station.toml").write_text(text)
    ran = sign(asked)
    assert ran.error["code"] == "custody"
    assert "is another: expected that one alone" in ran.error["error"]


def test_the_desk_refuses_what_would_leave_an_old_signature_there(
    ada: Person, tmp_path: Path
) -> None:
    desk = Machine(tmp_path)
    desk.write("model.bin", b"x")
    home = ("--sign-openpgp", ada.fingerprint, "--gnupg-home", ada.home)
    assert desk.run(*PREPARE, *home).code == 0
    ran = desk.run(*PREPARE, "--force", "--json")
    assert (ran.code, ran.error["code"]) == (8, "file")
    assert desk.run(*PREPARE, "--force", *home).code == 0
    desk.write("model.request.json.sig", b"old")
    assert desk.run(*PREPARE, "--force", *home).code == 8


def test_a_key_that_cannot_sign_writes_nothing(ada: Person, tmp_path: Path) -> None:
    desk = Machine(tmp_path)
    desk.write("model.bin", b"x")
    ran = desk.run(*PREPARE, "--sign-openpgp", "A" * 40, "--gnupg-home", ada.home, "--json")
    assert (ran.code, ran.error["code"]) == (5, "custody")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "model.bin"]


def test_gpg_at_the_station_makes_no_network_call(asked: Machine) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    digest = sha256((asked.folder / "model.request.json").read_bytes()).hexdigest()
    command = ["strace", "-f", "-e", "trace=network", "-e", "signal=none", "-o", "calls"]
    command += [sys.executable, "-m", "signkit.cli", "sign", "model.request.json"]
    command += ["--key", "prod.pem", "--content", ".", "--yes-to", digest]
    done = subprocess.run(
        command, cwd=asked.folder, env=asked.environment(), capture_output=True, check=False
    )
    if b"ptrace" in done.stderr:
        pytest.skip("strace cannot trace here")
    assert done.returncode == 0, done.stderr
    # It looks for an agent in the home that was made for it, and there is none.
    calls = [line for line in (asked.folder / "calls").read_text().splitlines() if "(" in line]
    assert all("AF_UNIX" in line for line in calls)
    connected = [line for line in calls if " connect(" in line]
    assert all("/signkit-gnupg-" in line and "ENOENT" in line for line in connected)
