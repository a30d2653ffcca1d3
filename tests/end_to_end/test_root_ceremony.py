"""The whole life of a trust root, run from its how-to: Show 2 of the ground floor.

Three of five custodians, each with a folder and home of their own; only documents are carried. Two
root keys are rotated and a release key is revoked; a device goes from version 1 to 4.
"""

from __future__ import annotations

import re
import shlex
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.errors import RollbackError, TrustError
from signkit.formats.trust import parse_draft
from signkit.verify.encoding import encode_json, parse_json
from signkit.verify.trust import Trust, follow_trust, load_trust
from tests.support.commands import PASSPHRASE, Machine
from tests.support.keys import STRANGER
from tests.support.trust_roots import signed, value_of

HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "rotate-root.md"
COMMAND = re.compile(r"    (\w+)\$ signkit (.*?)(?:   # exit (\d+))?")
CARRY = re.compile(r"    \((\w+) -> ([\w ]+): (.+)\)")
CUSTODIANS = ("alice", "bob", "carol", "dave", "erin", "frank", "gina")


class Ceremony:
    """Machines that share no file but those carried between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""

    def machine(self, name: str) -> Machine:
        made = Machine(self.folder / name)
        if not made.folder.exists():
            made.folder.mkdir()
            made.write("pw", PASSPHRASE + "\n", mode=0o600)
        return made

    def follow(self, line: str) -> None:
        """Do what one line of the how-to says."""
        if command := COMMAND.fullmatch(line):
            self._run(*command.groups())
        elif carried := CARRY.fullmatch(line):
            giver, takers, names = carried.groups()
            for name in names.split():
                for taker in takers.split():
                    shutil.copy(self._find(giver, name), self.machine(taker).folder)
        elif line.startswith("      "):
            said = " ".join(line.split())
            assert said in self.said, f"expected {said!r} in\n{self.said}"

    def _run(self, who: str, text: str, code: str | None) -> None:
        machine, arguments = self.machine(who), shlex.split(text)
        if arguments[:2] == ["keys", "new"]:
            arguments += ["--passphrase-file", "pw"]
        if arguments[0] == "sign":
            digest = sha256((machine.folder / arguments[1]).read_bytes()).hexdigest()
            arguments += ["--passphrase-file", "pw", "--yes-to", digest]
        ran = machine.run(*arguments)
        assert ran.code == int(code or 0), (text, ran.err)
        self.said = "\n".join(" ".join(line.split()) for line in ran.out.splitlines())

    def _find(self, giver: str, name: str) -> Path:
        machine = self.machine(giver)
        kept = machine.home / "keys" / name
        return kept if kept.exists() else machine.folder / name


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory: pytest.TempPathFactory) -> Ceremony:
    made = Ceremony(tmp_path_factory.mktemp("ceremony"))
    for line in HOWTO.read_text().splitlines():
        made.follow(line)
    return made


def version(ceremony: Ceremony, number: int) -> bytes:
    return (ceremony.folder / "desk" / f"trust.{number}.json").read_bytes()


@pytest.fixture
def first(ceremony: Ceremony) -> Trust:
    """The device as it was provisioned."""
    return load_trust(version(ceremony, 1))


def test_nothing_but_documents_was_carried(ceremony: Ceremony) -> None:
    allowed = re.compile(r"home|pw|trust\.request\.json|\w+\.\d\.response\.json")
    for name in CUSTODIANS:
        machine = ceremony.machine(name)
        assert all(allowed.fullmatch(path.name) for path in machine.folder.iterdir())
        keys = {path.name for path in (machine.home / "keys").iterdir()}
        assert keys == {f"{name}.pem", f"{name}.pub.pem"}
    desk = ceremony.folder / "desk"
    assert not any(b"PRIVATE" in path.read_bytes() for path in desk.iterdir() if path.is_file())
    assert not (desk / "home" / "keys").exists()


def test_a_device_at_version_1_reaches_version_4(ceremony: Ceremony, first: Trust) -> None:
    trust = first
    for number in (2, 3, 4):
        trust = follow_trust(trust, version(ceremony, number))
    assert trust.version == 4
    names = sorted(trust.names[keyid] for keyid in trust.root.keys)
    assert (names, trust.root.threshold) == (["carol", "dave", "erin", "frank", "gina"], 3)
    assert [trust.names[keyid] for keyid in trust.roles["release"].keys] == ["spare"]
    assert version(ceremony, 4) == (ceremony.folder / "desk" / "trust.json").read_bytes()


def test_a_version_out_of_order(ceremony: Ceremony, first: Trust) -> None:
    for number in (3, 4):
        with pytest.raises(TrustError, match="version 2 is missing") as caught:
            follow_trust(first, version(ceremony, number))
        assert caught.value.reason == "version-gap"


def test_a_forged_version(ceremony: Ceremony, first: Trust) -> None:
    """Attacker: has version 2 as it is, and a key of his own."""
    second = parse_draft(version(ceremony, 2)).trust
    with pytest.raises(TrustError) as caught:
        follow_trust(first, signed(value_of(second), STRANGER))
    assert caught.value.reason == "unknown-key"
    value = parse_json(version(ceremony, 2), limit=1_000_000, what="x")
    assert isinstance(value, dict)
    other = parse_json(version(ceremony, 1), limit=1_000_000, what="x")
    assert isinstance(other, dict)
    with pytest.raises(TrustError) as caught:
        follow_trust(first, encode_json({**value, "signatures": other["signatures"]}))
    assert caught.value.reason == "signature-invalid"


def test_the_same_version_again(ceremony: Ceremony, first: Trust) -> None:
    with pytest.raises(RollbackError):
        follow_trust(first, version(ceremony, 1))
    second = follow_trust(first, version(ceremony, 2))
    for number in (1, 2):
        with pytest.raises(RollbackError):
            follow_trust(second, version(ceremony, number))


def test_signed_twice_by_one_key(ceremony: Ceremony, first: Trust) -> None:
    value = parse_json(version(ceremony, 2), limit=1_000_000, what="x")
    assert isinstance(value, dict)
    one = value["signatures"][0]
    with pytest.raises(TrustError, match="one key signed twice") as caught:
        follow_trust(first, encode_json({**value, "signatures": [one] * 3}))
    assert caught.value.reason == "malformed"
    with pytest.raises(TrustError) as caught:
        follow_trust(first, encode_json({**value, "signatures": [one]}))
    assert caught.value.reason == "threshold"


@pytest.mark.parametrize(
    ("old", "new", "code", "name"),
    [
        (1, 2, 0, None),
        (3, 4, 0, None),
        (1, 3, 14, "version-gap"),
        (2, 2, 16, None),
        (4, 1, 16, None),
    ],
)
def test_each_refusal_has_its_code(
    ceremony: Ceremony, old: int, new: int, code: int, name: str | None
) -> None:
    desk = ceremony.machine("desk")
    ran = desk.run("trust", "check", f"trust.{old}.json", f"trust.{new}.json", "--json")
    assert ran.code == code
    if code:
        assert ran.error.get("reason") == name


def test_what_the_revoked_key_signed_stops(ceremony: Ceremony, tmp_path: Path) -> None:
    """The vault signs one release with each key; a device at version 4 takes the other only."""
    vault = ceremony.machine("vault")
    desk = ceremony.machine("desk")
    for key in ("prod", "spare"):
        vault.write(f"{key}.bin", key)
        where = ("--artifact", "ML-Model", "--version", "1", "--target", "t", "--json")
        vault.run("prepare", f"{key}.bin", *where)
        digest = sha256((vault.folder / f"{key}.request.json").read_bytes()).hexdigest()
        options = ("--key", key, "--passphrase-file", "pw", "--yes-to", digest)
        assert vault.run("sign", f"{key}.request.json", *options).code == 0
        shutil.copy(vault.folder / f"{key}.bin", tmp_path)
        shutil.copy(vault.folder / f"{key}.response.json", tmp_path)
    for number, expected in ((1, {"prod": 0, "spare": 0}), (4, {"prod": 11, "spare": 0})):
        for key, code in expected.items():
            response = ("--response", tmp_path / f"{key}.response.json")
            trust = ("--trust", f"trust.{number}.json")
            ran = desk.run("verify", tmp_path / f"{key}.bin", *response, *trust)
            assert ran.code == code, ran.err
    checked = desk.run(
        *("trust", "check", "trust.3.json", "trust.4.json", "--released", tmp_path, "--json")
    )
    effects = {each["name"]: each["effect"] for each in checked.json["released"]}
    assert effects == {"prod.bin": "stops", "spare.bin": "stays"}
