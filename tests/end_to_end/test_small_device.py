"""F82: a device with 64 MB of memory, a read-only root, no clock and nothing but PyNaCl: one file.

The verifier runs as the file that is carried there, in a fresh virtual environment into which only
PyNaCl was put.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from signkit.device.state import encode_state, new_state
from signkit.verify.encoding import encode_json
from signkit.verify.pem import encode_pem
from signkit.verify.public_key import encode_public_der
from tests.support.documents import statement_envelope, trust_file
from tests.support.keys import PROD

ROOT = Path(__file__).resolve().parents[2]
SIZE = 2 << 30
# Makes every file system under / read-only, and leaves no /tmp.
READ_ONLY = """
mount --make-rprivate / && for at in $(cut -d' ' -f2 /proc/mounts); do
  mount -o remount,bind,ro "$at" 2>/dev/null; done
if touch "$PWD/x" 2>/dev/null; then echo cannot be made read-only >&2; exit 99; fi
ulimit -v 65536; exec env -i "$@"
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh virtual environment that holds PyNaCl and nothing else."""
    folder = tmp_path_factory.mktemp("device") / "venv"
    venv.create(folder, with_pip=False)
    ours = Path(sysconfig.get_path("platlib"))
    (theirs,) = folder.glob("lib/python*/site-packages")
    for path in [ours / "nacl", *ours.glob("_cffi_backend*"), *ours.glob("pynacl.libs")]:
        if path.is_dir():
            shutil.copytree(path, theirs / path.name)
        else:
            shutil.copy(path, theirs)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / "signkit-verify.pyz"
    subprocess.run([sys.executable, ROOT / "scripts/build-pyz", "--output", path], check=True)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 GiB of content, its statement, a key, and a state."""
    made = tmp_path_factory.mktemp("content")
    with (made / "model.bin").open("wb") as file:
        file.truncate(SIZE)
    state = hashlib.sha256()
    for _ in range(SIZE >> 20):
        state.update(bytes(1 << 20))
    said = statement_envelope(size=SIZE, digest={"sha256": state.hexdigest()})
    (made / "model.bin.statement.json").write_bytes(encode_json(said))
    der = encode_public_der(PROD.public_key)
    (made / "public.pem").write_bytes(encode_pem("PUBLIC KEY", der))
    (made / "state").write_bytes(encode_state(new_state(trust_file(), now=None)))
    (made / "state").chmod(0o644)
    return made


def read_only(folder: Path, *command: object) -> subprocess.CompletedProcess[str]:
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    prefix = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "--net",
        "sh",
        "-c",
        READ_ONLY,
        "sh",
    ]
    done = subprocess.run(
        [*prefix, *map(str, command)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode == 99 or "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no name spaces here: {done.stderr.strip()[-200:]}")
    return done


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--key", "public.pem", "--now", "none"],
        ["--state", "state", "--keep-floor", "--now", "none"],
    ],
)
def test_a_verdict_on_2_gib(python: Path, pyz: Path, folder: Path, options: list[str]) -> None:
    done = read_only(folder, python, "-I", "-B", pyz, "model.bin", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("verified: model.bin\n")


@pytest.mark.slow
def test_without_a_state_that_can_be_written_there_is_no_verdict(
    python: Path, pyz: Path, folder: Path
) -> None:
    done = read_only(folder, python, "-I", "-B", pyz, "model.bin", "--state", "state")
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr.startswith("error: state cannot be written: Read-only file system")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_content(python: Path, pyz: Path, folder: Path) -> None:
    command = [str(python), "-I", str(pyz), "model.bin", "--key", "public.pem"]
    peak = 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        # What wait4 says begins with the peak of the process that started it, this one.
        while process.poll() is None:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) * 1024)
            time.sleep(0.02)
    assert process.returncode == 0
    assert 0 < peak <= 40 << 20
