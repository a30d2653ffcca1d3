"""The power fails at any instant of a ceremony: what is there is whole, and it can be run again.

The kernel kills the process at the N-th call that makes something durable or gives it its name, for
every N, on a station that has never signed before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.formats.response import open_response
from signkit.station.ledger import open_ledger
from signkit.verify.digest import compute_digest
from signkit.verify.pem import encode_pem
from tests.support.documents import CONTENT, request_file
from tests.support.keys import PROD

ROOT = Path(__file__).resolve().parents[2]
MAIN = "import sys; from signkit.cli.start import main; sys.exit(main())"
PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
KILLED = -9


@pytest.fixture
def station(tmp_path: Path) -> Path:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    (tmp_path / "model.request.json").write_bytes(request_file())
    (tmp_path / "model.bin").write_bytes(CONTENT)
    key = tmp_path / "prod.pem"
    key.touch(mode=0o600)
    key.write_bytes(encode_pem("PRIVATE KEY", PRIVATE_PREFIX + PROD.seed))
    return tmp_path


def sign(folder: Path, home: str, *trace: str) -> subprocess.CompletedProcess[str]:
    digest = compute_digest(request_file()).hex()
    arguments = ["sign", "model.request.json", "--key", "prod.pem", "--yes-to", digest]
    return subprocess.run(
        [*trace, sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "SIGNKIT_HOME": str(folder / home),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def whole(folder: Path, home: str) -> int:
    """Check that whatever is there is whole, and return how many ceremonies the ledger holds."""
    response = folder / "model.response.json"
    with open_ledger(folder / home / "ledger.jsonl") as ledger:
        sequence, head = ledger.found.sequence, ledger.found.head
    if response.exists():
        said = open_response(response.read_bytes()).response
        assert said.items[0].error is None
        assert (said.sequence, said.ledger_after) == (sequence, head)
    return sequence


@pytest.mark.slow
@pytest.mark.parametrize("calls", ["fsync", "link,linkat,rename,renameat,renameat2,unlink"])
def test_killed_at_every_durable_step(station: Path, calls: str) -> None:
    for number in range(1, 40):
        home = f"home{number}"
        (station / "model.response.json").unlink(missing_ok=True)
        trace = ["strace", "-f", "-q", "-o", "/dev/null", "-e", f"trace={calls}"]
        inject = ["-e", f"inject={calls}:signal=KILL:when={number}"]
        killed = sign(station, home, *trace, *inject)
        if number == 1 and killed.returncode not in {KILLED, 137}:
            pytest.skip(f"strace cannot inject here: {killed.stderr.strip()[-200:]}")
        if killed.returncode == 0:
            break
        assert killed.returncode in {KILLED, 137}, killed.stderr
        (station / home).mkdir(exist_ok=True)
        before = whole(station, home)
        again = sign(station, home)
        assert again.returncode == 0, again.stderr
        assert whole(station, home) == before + 1
    else:
        pytest.fail("it never came to an end")
    assert number > 2
