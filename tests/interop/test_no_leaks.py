"""After a ceremony, a search for the seed finds nothing: with every kind of key there is.

What is searched: everything that the process wrote (its folder, its home, the temporary folder), what
it printed, its arguments and environment, and the core it would leave when it is killed while the
key is open. What cannot be searched for is said in docs/design/limitations.md.
"""

from __future__ import annotations

import base64
import os
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
from tests.support.key_files import cheap_pem
from tests.support.softhsm import PIN, make_softhsm

ROOT = Path(__file__).resolve().parents[2]
SEED = sha256(b"TEST ONLY: the seed that must not be found").digest()
# A whole command, and then what a crash with the key still open would leave: the process says what
# the kernel shows others of it, and aborts.
CEREMONY = """
import os, sys
from signkit.cli import sign as command
from signkit.custody import reference
opened = []
real = reference.open_signer
def keep(*arguments):
    opened.append(real(*arguments))
    return opened[0]
reference.open_signer = keep
from signkit.cli.start import main
sys.argv = ["signkit", *sys.argv[1:]]
try:
    code = main()
except SystemExit as ended:
    code = ended.code
for name in ("cmdline", "environ"):
    with open(f"/proc/self/{name}", "rb") as file:
        sys.stdout.buffer.write(file.read())
print("ended", code, repr(opened[0]), opened[0].purpose, flush=True)
os.abort()
"""


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
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def prepare_key(kind: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Put the seed where this kind of key lies; returns options of `sign` and its environment."""
    key = folder / "key.file"
    if kind == "token":
        hsm = make_softhsm(folder / "hsm")
        _plain(key)
        hsm.put(key, "prod")
        key.unlink()
        (folder / "pw").write_text(PIN)
        module = str(hsm.module)
        return ["--key", "pkcs11:token=vault;object=prod", "--pkcs11-module", module], (
            hsm.environment
        )
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
    return ["--key", f"file:{key}"], {}


def _plain(path: Path) -> None:
    der = bytes.fromhex("302e020100300506032b657004220420") + SEED
    text = base64.b64encode(der).decode()
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize("kind", ["plain", "encrypted", "sealed", "token"])
def test_a_ceremony_leaves_no_trace_of_the_seed(tmp_path: Path, kind: str) -> None:
    keys, work, temporary = (tmp_path / name for name in ("keys", "work", "tmp"))
    for folder in (keys, work, temporary):
        folder.mkdir(mode=0o700)
    machine = Machine(work)
    machine.write("model.bin", b"Hello, Binary\n")
    machine.prepare()
    (keys / "pw").write_text(PASSPHRASE)
    (keys / "pw").chmod(0o600)
    options, environment = prepare_key(kind, keys)
    digest = sha256((work / "model.request.json").read_bytes()).hexdigest()
    done = subprocess.run(
        [
            sys.executable, "-c", CEREMONY, "sign", "model.request.json", *options,
            "--passphrase-file", str(keys / "pw"), "--yes-to", digest, "--json",
        ],
        cwd=work,
        env=machine.environment(
            PYTHONPATH=str(ROOT), TMPDIR=str(temporary), **environment
        ),
        capture_output=True,
        check=False,
        preexec_fn=allow_core,
    )  # fmt: skip
    assert b"ended 0 " in done.stdout, done.stderr.decode()
    assert done.returncode == -6  # it was killed with the key open
    found = {"stdout": done.stdout, "stderr": done.stderr}
    found |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if searched(path, keys)}
    assert any(name.endswith(".response.json") for name in found)
    assert not [name for name in found if "core" in Path(name).name]
    for name, data in found.items():
        assert not [needle for needle in needles(SEED) if needle in data], name


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
