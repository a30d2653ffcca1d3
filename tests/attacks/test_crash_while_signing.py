"""The power fails at any instant of a ceremony: what is there is whole, and it can be run again.

A sample: `scripts/crash-sign` kills at every call.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from signkit.station.ledger import read_ledger
from tests.support.crash_sign import (
    ROOT,
    CannotInjectError,
    Kill,
    check_whole,
    make_station,
    sign,
    sweep,
)


@pytest.fixture
def station(tmp_path: Path) -> Path:
    make_station(tmp_path)
    return tmp_path


def swept(station: Path, call: str, *, fresh: bool, every: int) -> list[Kill]:
    try:
        return list(sweep(station, call, fresh=fresh, every=every))
    except CannotInjectError as error:
        pytest.skip(f"strace cannot inject here: {error}")


@pytest.mark.slow
@pytest.mark.parametrize("call", ["rename", "unlink"])
def test_killed_at_every_name(station: Path, call: str) -> None:
    """Between the line and the response lies the instant that matters."""
    kills = swept(station, call, fresh=False, every=1)
    assert len(kills) > 1
    seen = {(kill.counted, kill.answered) for kill in kills}
    assert seen == {(False, False), (True, call == "unlink")}


@pytest.mark.slow
@pytest.mark.parametrize(("call", "every"), [("write", 3), ("fsync", 4)])
def test_killed_at_some_calls_of_a_first_ceremony(station: Path, call: str, every: int) -> None:
    assert len(swept(station, call, fresh=True, every=every)) > 1


FULL = """
set -e
mount -t tmpfs -o size=$1 none "$2"
cp -r "$3"/. "$2"
cd "$2"
shift 3
exec "$@"
"""


def on_a_small_disk(station: Path, tmp_path: Path, *, size: int) -> tuple[int, str, Path]:
    """Sign on a disk of so many bytes, and copy back what is there afterwards."""
    left = tmp_path / "left"
    disk = tmp_path / "disk"
    disk.mkdir()
    inner = (
        f"{sys.executable} -c 'import sys; from signkit.cli.start import main; sys.exit(main())'"
        " sign model.request.json --key prod.pem --yes-to"
        " $(sha256sum model.request.json | cut -c1-64); code=$?;"
        f" cp -r . {left}; exit $code"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL, "sh", str(size), disk, station, "sh", "-c", inner],
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SIGNKIT_HOME": "used",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if not left.exists():
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()[-200:]}")
    return done.returncode, done.stderr, left


def test_a_disk_that_fills_at_every_page(
    station: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The disk has room for less and less of what a ceremony writes; then there is room again."""
    pages = sum(-(-path.stat().st_size // 4096) for path in station.rglob("*") if path.is_file())
    ended: set[tuple[int, bool]] = set()
    for free in range(4):
        tmp_path = tmp_path_factory.mktemp("full")
        code, said, left = on_a_small_disk(station, tmp_path, size=4096 * (pages + free))
        answered, counted = check_whole(left, "used")
        ended.add((code, counted))
        assert answered == (code == 0)
        assert code == 0 or "cannot be written: no space left on device" in said.lower()
        again = sign(left, "used")
        assert again.returncode == 0, again.stderr
        assert check_whole(left, "used") == (True, True)
        assert read_ledger(left / "used" / "ledger.jsonl")[1].torn == 0
    assert ended == {(8, False), (8, True), (0, True)}
