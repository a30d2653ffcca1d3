"""`keys backup` and `keys restore`, as people run them, with the real gpg."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from signkit.formats.private_key import parse_private_key
from tests.support.commands import PASSPHRASE, Machine
from tests.support.gnupg_homes import Person, need_gpg, new_person

PW = ("--passphrase-file", "pw")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Person]]:
    """Two custodians and somebody else."""
    need_gpg()
    folder = tmp_path_factory.mktemp("g")
    with ExitStack() as stack:
        yield [stack.enter_context(new_person(folder / name)) for name in "abc"]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, people: list[Person]) -> Machine:
    """A machine with the key prod, backed up to the first two."""
    made = Machine(tmp_path_factory.mktemp("station"))
    made.new_key()
    for number, person in enumerate(people[:2]):
        made.write(f"{number}.asc", person.public)
    made.ok("keys", "backup", "prod", *options(people[:2]), *PW)
    return made


def options(people: list[Person]) -> list[str]:
    to = [part for person in people for part in ("--to", person.fingerprint)]
    return [*to, "--recipient-keys", "0.asc", "--recipient-keys", "1.asc"]


def backup_for(machine: Machine, person: Person) -> Path:
    return machine.folder / f"prod.{person.fingerprint}.backup.asc"


def test_each_of_two_restores_alone_and_a_third_does_not(
    machine: Machine, people: list[Person], tmp_path: Path
) -> None:
    keyid = machine.ok("keys", "show", "prod")["keyid"]
    for person in people[:2]:
        path = backup_for(machine, person)
        assert path.stat().st_mode & 0o777 == 0o600
        other = Machine(tmp_path / person.home.name)
        other.folder.mkdir()
        other.write("new", "another passphrase\n", mode=0o600)
        where = ("--name", "prod", "--keyid", keyid, "--gnupg-home", person.home)
        written = other.ok("keys", "restore", path, *where, "--passphrase-file", "new")
        restored = Path(written["written"])
        opened = parse_private_key(restored.read_bytes(), passphrase=lambda: b"another passphrase")
        assert opened.key.public_key.keyid == keyid
    for place, person in ((0, people[2]), (1, people[2]), (0, people[1]), (1, people[0])):
        ran = machine.run(
            *("keys", "restore", backup_for(machine, people[place]), "--drill", "--name", "prod"),
            *("--gnupg-home", person.home, "--json"),
        )
        assert ran.code == 5
        assert "no OpenPGP key in this GnuPG home opens it" in ran.error["error"]
    assert not any(person.agent for person in people)


def test_a_drill_writes_nothing(machine: Machine, people: list[Person]) -> None:
    before = sorted(os.walk(machine.folder))
    where = ("--drill", "--name", "prod", "--gnupg-home", people[0].home)
    drilled = machine.ok("keys", "restore", backup_for(machine, people[0]), *where)
    assert drilled["written"] is None
    assert sorted(os.walk(machine.folder)) == before


def test_somebody_elses_key_in_a_backup_is_refused(
    machine: Machine, people: list[Person], tmp_path: Path
) -> None:
    """An attacker encrypts a key of his own to a custodian and swaps the files: it is noticed."""
    mallory = Machine(tmp_path)
    mallory.new_key("prod")
    for number, person in enumerate(people[:2]):
        mallory.write(f"{number}.asc", person.public)
    mallory.ok("keys", "backup", "prod", *options(people[:1]), *PW)
    ran = machine.run(
        *("keys", "restore", backup_for(mallory, people[0]), "--drill", "--name", "prod"),
        *("--gnupg-home", people[0].home, "--json"),
    )
    assert ran.code == 5
    assert "another key than the expected" in ran.error["error"]


def test_nothing_secret_in_arguments_or_environment(
    machine: Machine, people: list[Person], tmp_path: Path
) -> None:
    """What every process of the machine can read of gpg holds no key, no passphrase, no name."""
    log, real = tmp_path / "log", shutil.which("gpg")
    wrapper = tmp_path / "gpg"
    wrapper.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; }} >>{log}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    made = machine.run(
        *("keys", "backup", "prod", *options(people[:1]), *PW, "-o", tmp_path), env=environment
    )
    assert made.code == 0, made.err
    machine.write("theirs", "owner's own\n", mode=0o600)
    where = ("--drill", "--name", "prod", "--gnupg-home", people[0].home)
    path = backup_for(machine, people[0])
    done = machine.run(
        *("keys", "restore", path, *where, "--gnupg-passphrase-file", "theirs"), env=environment
    )
    assert done.code == 0, done.err
    private = (machine.home / "keys" / "prod.pem").read_bytes()
    seed = parse_private_key(private, passphrase=PASSPHRASE.encode).key.seed
    logged = log.read_text()
    assert "--decrypt" in logged
    assert "--encrypt" in logged
    for secret in (PASSPHRASE, "owner's own", seed.hex(), "PRIVATE KEY", "prod.", str(path)):
        assert secret not in logged


def test_an_encrypted_key_that_gpg_itself_wrapped(machine: Machine, people: list[Person]) -> None:
    """A backup by hand, of the encrypted file: restored all the same, with both secrets."""
    private = (machine.home / "keys" / "prod.pem").read_bytes()
    person = people[0]
    by_hand = ("--trust-model", "always", "--encrypt", "-r", person.fingerprint)
    machine.write("by-hand", person.gpg(*by_hand, data=private))
    ran = machine.run(
        *("keys", "restore", "by-hand", "--drill", "--name", "prod"),
        *("--gnupg-home", person.home, *PW, "--json"),
    )
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--to", "-o", "--recipient-keys", "0.asc"], 3, "expected 40 hex digits"),
        (["--to", "A" * 40, "--to", "a" * 40, "--recipient-keys", "0.asc"], 2, "fingerprint twice"),
        (["--to", "A" * 40, "--recipient-keys", "0.asc"], 5, "no OpenPGP key with the fingerprint"),
        (["--to", "A" * 40, "--recipient-keys", "none"], 8, "none cannot be read"),
        (["--to", "A" * 40, "--recipient-keys", "0.asc", "-o", "none"], 8, "cannot be read"),
        (["--to", "A" * 40], 2, "--recipient-keys"),
    ],
)
def test_backups_that_are_refused(
    machine: Machine, arguments: list[str], code: int, said: str
) -> None:
    ran = machine.run("keys", "backup", "prod", *arguments, *PW, "--json")
    assert (ran.code, said in ran.error["error"]) == (code, True), ran.err


def test_a_backup_is_never_overwritten(machine: Machine, people: list[Person]) -> None:
    ran = machine.run("keys", "backup", "prod", *options(people[:1]), *PW, "--json")
    assert ran.code == 8
    assert "never overwritten" in ran.error["error"]


def test_restores_that_are_refused(machine: Machine) -> None:
    for arguments, said in (
        (("pw",), "no NAME to restore the key under"),
        (("pw", "--name", "prod"), "never overwritten"),
        (("pw", "--drill"), "nothing says which key it must be"),
        (("pw", "--drill", "--name", "prod"), "backup pw is no encrypted OpenPGP message"),
        (("none", "--drill", "--name", "prod"), "backup none cannot be read"),
    ):
        assert said in machine.run("keys", "restore", *arguments).err
