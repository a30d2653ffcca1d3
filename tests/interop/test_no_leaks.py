"""After a ceremony, a search for the seed finds nothing: with every kind of key there is.

What is searched: everything that the process wrote (its folder, its home, the temporary folder), what
it printed, its arguments and environment, and the core it would leave when it is killed while the
key is open. What cannot be searched for is said in docs/design/limitations.md.
"""

from __future__ import annotations

import base64
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.custody.sealed import LEAST_COST, Sealing, seal_key
from signkit.formats.private_key import PrivateKey
from signkit.model.purpose import Purpose
from tests.support.commands import PASSPHRASE, Machine
from tests.support.gnupg_homes import need_gpg, need_new_gpg, new_person
from tests.support.key_files import cheap_pem
from tests.support.softhsm import PIN, make_softhsm

ROOT = Path(__file__).resolve().parents[2]
SEED = sha256(b"TEST ONLY: the seed that must not be found").digest()
# A whole command, and then what a crash with the key still open would leave: the process says what
# the kernel shows others of it, and aborts.
KEEP_OPEN = """
from signkit.custody import reference
opened = []
real = reference.open_signer
def keep(*arguments):
    opened.append(real(*arguments))
    return opened[0]
reference.open_signer = keep
"""
COMMAND = """
import os, sys
from signkit.cli.start import main
sys.argv = ["signkit", *sys.argv[1:]]
try:
    code = main()
except SystemExit as ended:
    code = ended.code
for name in ("cmdline", "environ"):
    with open(f"/proc/self/{name}", "rb") as file:
        sys.stdout.buffer.write(file.read())
print("ended", code, "", flush=True)
os.abort()
"""
CEREMONY = KEEP_OPEN + COMMAND.replace('""', "repr(opened[0]), opened[0].purpose")


def needles(seed: bytes) -> Iterator[bytes]:
    """Every spelling of a seed; base64 also in the middle of more, at each of three places."""
    yield seed
    yield seed[::-1]
    yield from (seed.hex().encode(), seed.hex().upper().encode(), seed.hex(" ").encode())
    for place in range(3):
        text = base64.b64encode(bytes(place) + seed)[4 if place else 0 : -4]
        yield text[:40]
        yield base64.urlsafe_b64encode(bytes(place) + seed)[4 if place else 0 : -4][:40]
    yield repr(seed)[2:-1].encode()


def allow_core() -> None:
    """Undo what an earlier test of this process gave up, where the system lets it."""
    most = (
        resource.RLIM_INFINITY if os.geteuid() == 0 else resource.getrlimit(resource.RLIMIT_CORE)[1]
    )
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def prepare_key(kind: str, folder: Path) -> tuple[list[str], dict[str, str], bytes]:
    """Put the seed where this kind of key lies; returns options of `sign`, its environment, the seed."""
    key = folder / "key.file"
    if kind == "gpg":
        need_new_gpg()
        with new_person(folder / "gnupg", use="sign", encrypt=None) as person:
            seed = seed_of_gnupg(person.home)
        return ["--key", f"gpg:{person.fingerprint}", "--gnupg-home", str(person.home)], {}, seed
    if kind == "token":
        hsm = make_softhsm(folder / "hsm")
        _plain(key)
        hsm.put(key, "prod")
        key.unlink()
        (folder / "pw").write_text(PIN)
        module = str(hsm.module)
        named = ["--key", "pkcs11:token=vault;object=prod", "--pkcs11-module", module]
        return named, hsm.environment, SEED
    if kind == "sealed":
        sealing = Sealing(
            purpose=Purpose(), predecessor=None, created="2026-01-01T00:00:00Z", cost=LEAST_COST
        )
        key.write_bytes(seal_key(PrivateKey(SEED), sealing, passphrase=PASSPHRASE.encode()))
    elif kind == "encrypted":
        key.write_bytes(cheap_pem(SEED, PASSPHRASE.encode()))
    else:
        _plain(key)
    key.chmod(0o600)
    return ["--key", f"file:{key}"], {}, SEED


def seed_of_gnupg(home: Path) -> bytes:
    """Return the seed of the only key of a home, which has no passphrase."""
    (path,) = (home / "private-keys-v1.d").iterdir()
    found = re.search(rb"\(d#([0-9A-F]{64})#\)", b"".join(path.read_bytes().split()))
    assert found is not None
    return bytes.fromhex(found[1].decode())


def _plain(path: Path) -> None:
    der = bytes.fromhex("302e020100300506032b657004220420") + SEED
    text = base64.b64encode(der).decode()
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize("kind", ["plain", "encrypted", "sealed", "token", "gpg"])
def test_a_ceremony_leaves_no_trace_of_the_seed(tmp_path: Path, kind: str) -> None:
    keys, machine = make_folders(tmp_path)
    machine.write("model.bin", b"Hello, Binary\n")
    machine.prepare()
    options, environment, seed = prepare_key(kind, keys)
    work = machine.folder
    digest = sha256((work / "model.request.json").read_bytes()).hexdigest()
    command = ["sign", "model.request.json", *options, "--passphrase-file", str(keys / "pw")]
    done = run_and_abort(CEREMONY, machine, [*command, "--yes-to", digest, "--json"], environment)
    assert b"ended 0 " in done.stdout, done.stderr.decode()
    found = written(tmp_path, keys, done)
    assert any(name.endswith(".response.json") for name in found)
    assert_not_in(found, seed)


@pytest.mark.parametrize("kind", ["store", "shares", "backup"])
def test_keeping_a_key_leaves_no_trace_of_the_seed(tmp_path: Path, kind: str) -> None:
    """Shares are words, and not the seed; a backup is encrypted. The drills restore the whole key."""
    keys, machine = make_folders(tmp_path)
    options, _environment, _seed = prepare_key("encrypted", keys)
    key = [options[1].removeprefix("file:"), "--passphrase-file", str(keys / "pw")]
    commands = {"store": store(keys), "shares": shares(machine), "backup": backup(keys)}
    for command in commands[kind]:
        arguments = [each for word in command for each in (key if word == "KEY" else [word])]
        done = run_and_abort(COMMAND, machine, ["keys", *arguments], {})
        assert b"ended 0 " in done.stdout, done.stderr.decode()
        assert_not_in(written(tmp_path, keys, done), SEED)


def store(keys: Path) -> Iterator[list[str]]:
    """The commands that take the key into the store, and out again for another tool."""
    old, new = (f"--{each}passphrase-file" for each in ("", "new-"))
    yield ["import", "KEY", "--name", "prod", new, str(keys / "pw")]
    yield [
        "export",
        "prod",
        "--to",
        "pem",
        "--out",
        "out.pem",
        old,
        str(keys / "pw"),
        new,
        str(keys / "pw"),
    ]


def shares(machine: Machine) -> Iterator[list[str]]:
    """The commands that split the key and restore it."""
    pytest.importorskip("shamir_mnemonic", reason="needs shamir-mnemonic (signkit[shares])")
    yield ["split", "KEY", "--threshold", "2", "--shares", "3", "--out", "sheets"]
    sheets = sorted(machine.folder.glob("sheets/share-*/sheet.html"))
    named = [option for sheet in sheets[:2] for option in ("--share", str(sheet))]
    yield ["recover", *named, "--drill", "--keyid", PrivateKey(SEED).public_key.keyid]


def backup(keys: Path) -> Iterator[list[str]]:
    """The commands that back the key up to somebody, and restore it as they."""
    need_gpg()
    with new_person(keys / "c") as custodian:
        (keys / "custodian.asc").write_bytes(custodian.public)
        to = ["--to", custodian.fingerprint, "--recipient-keys", str(keys / "custodian.asc")]
        yield ["backup", "KEY", *to, "--out", "."]
        (made,) = keys.parent.glob("work/*.asc")
        as_them = ["--gnupg-home", str(custodian.home), "--keyid"]
        yield ["restore", str(made), "--drill", *as_them, PrivateKey(SEED).public_key.keyid]


def make_folders(folder: Path) -> tuple[Path, Machine]:
    """Make a folder for the key, which is not searched, one to work in, and one for what is brief."""
    for name in ("keys", "work", "tmp"):
        (folder / name).mkdir(mode=0o700)
    path = folder / "keys" / "pw"
    path.write_text(PASSPHRASE)
    path.chmod(0o600)
    return folder / "keys", Machine(folder / "work")


def run_and_abort(
    code: str, machine: Machine, arguments: list[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Run a command, and abort its process with the key still in its memory."""
    temporary = str(machine.folder.parent / "tmp")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=machine.folder,
        env=machine.environment(PYTHONPATH=str(ROOT), TMPDIR=temporary, **environment),
        capture_output=True,
        check=False,
        preexec_fn=allow_core,
    )
    assert done.returncode == -6, done.stderr.decode()  # it was killed with the key open
    return done


def written(folder: Path, keys: Path, done: subprocess.CompletedProcess[bytes]) -> dict[str, bytes]:
    """Return all that a process wrote, by name; there is no core."""
    found = {"stdout": done.stdout, "stderr": done.stderr}
    found |= {str(path): path.read_bytes() for path in folder.rglob("*") if searched(path, keys)}
    assert not [name for name in found if Path(name).name.startswith("core")]
    return found


def assert_not_in(found: dict[str, bytes], seed: bytes) -> None:
    for name, data in found.items():
        assert not [needle for needle in needles(seed) if needle in data], name


def searched(path: Path, keys: Path) -> bool:
    """Say whether a file was there for the ceremony to write: all but the key itself."""
    return path.is_file() and keys not in path.parents


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """It would be worth nothing if it did not find the seed in a plain key file."""
    _plain(tmp_path / "k")
    der = base64.b64decode("".join((tmp_path / "k").read_text().splitlines()[1:-1]))
    for data in (
        (tmp_path / "k").read_bytes(),
        der,
        base64.b64encode(SEED),
        b"x" + SEED.hex().encode(),
        repr(SEED).encode(),
    ):
        assert [needle for needle in needles(SEED) if needle in data]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc of Linux")
def test_others_cannot_read_a_process_that_opened_a_key(tmp_path: Path) -> None:
    """As another user of the same machine sees it; the superuser sees everything."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("needs root and setpriv, to become somebody who is not")
    code = (
        "import os, sys\n"
        "from signkit.custody.memory import protect_process\n"
        "assert protect_process().private\n"
        "print(open('/proc/self/status').read() and os.stat('/proc/self/mem').st_uid)"
    )
    command = [setpriv, "--reuid=65534", "--clear-groups", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd="/"
    )
    if "Permission denied" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip("nobody else can run this checkout")
    assert done.stdout == "0\n", done.stderr  # root's, although nobody's process
