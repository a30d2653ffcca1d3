"""Kill `signkit sign` at every call that writes, syncs or names something: `scripts/crash-sign`.

The kernel kills the process at the N-th such call, for every N, on a station that never signed and on
one that did. Afterwards, and after a second run, everything that is there must be whole.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from signkit.formats.response import open_response
from signkit.station.audit import check_responses
from signkit.station.ledger import LedgerLine, read_ledger
from signkit.verify.digest import compute_digest
from signkit.verify.pem import encode_pem
from tests.support.documents import CONTENT, item_value, request_file, request_value
from tests.support.keys import PROD

ROOT = Path(__file__).resolve().parents[2]
MAIN = "import sys; from signkit.cli.start import main; sys.exit(main())"
PRIVATE_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
KILLED = {-9, 137}
# strace counts each of them apart, so each is swept apart.
CALLS = (
    *("write", "pwrite64", "writev", "ftruncate"),
    *("fsync", "fdatasync", "sync_file_range"),
    *("link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat"),
    *("mkdir", "mkdirat"),
)
REQUEST = request_file()
EARLIER = request_file(request_value(item_value(target="earlier")))


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill and what it left.

    Attributes:
        call: A name in CALLS.
        number: At which of these calls.
        fresh: Whether the station had never signed before.
        answered: Whether the response was there when the process died.
        counted: Whether the ledger held the ceremony by then.
    """

    call: str
    number: int
    fresh: bool
    answered: bool
    counted: bool


class CannotInjectError(Exception):
    """strace is missing, or may not trace here."""


def make_station(folder: Path) -> None:
    """Put a key and two requests into an empty folder."""
    (folder / "model.request.json").write_bytes(REQUEST)
    (folder / "earlier.request.json").write_bytes(EARLIER)
    (folder / "model.bin").write_bytes(CONTENT)
    key = folder / "prod.pem"
    key.touch(mode=0o600)
    key.write_bytes(encode_pem("PRIVATE KEY", PRIVATE_PREFIX + PROD.seed))
    done = sign(folder, "used", name="earlier")
    assert done.returncode == 0, done.stderr


def sign(
    folder: Path, home: str, *trace: str, name: str = "model"
) -> subprocess.CompletedProcess[str]:
    """Run one ceremony as a script does."""
    digest = compute_digest((folder / f"{name}.request.json").read_bytes()).hex()
    arguments = ["sign", f"{name}.request.json", "--key", "prod.pem", "--yes-to", digest]
    return subprocess.run(
        [*trace, sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(folder),
            "SIGNKIT_HOME": str(folder / home),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def sweep(folder: Path, call: str, *, fresh: bool, every: int = 1) -> Iterator[Kill]:
    """Kill at every such call, or at every so manieth, until a run comes to its end.

    Raises:
        CannotInjectError: this system does not let strace do it.
        AssertionError: something was not whole.
    """
    if not shutil.which("strace"):
        raise CannotInjectError("needs strace")
    number = 1
    while True:
        home = f"home-{call}-{fresh}-{number}"
        if not fresh:
            shutil.copytree(folder / "used", folder / home)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        killed = sign(folder, home, "strace", "-f", "-q", "-o", "/dev/null", *inject)
        if killed.returncode == 0:
            (folder / "model.response.json").unlink()
            return
        if killed.returncode not in KILLED:
            raise CannotInjectError(killed.stderr.strip()[-200:])
        answered, counted = check_whole(folder, home)
        yield Kill(call=call, number=number, fresh=fresh, answered=answered, counted=counted)
        again = sign(folder, home)
        assert again.returncode == 0, again.stderr
        assert check_whole(folder, home) == (True, True)
        (folder / "model.response.json").unlink()
        shutil.rmtree(folder / home)
        number += every


def check_whole(folder: Path, home: str) -> tuple[bool, bool]:
    """Check all that is there; say whether there is a response, and whether it was counted."""
    lines: list[LedgerLine] = []
    path = folder / home / "ledger.jsonl"
    if path.exists():
        lines, _end = read_ledger(path)
    mine = compute_digest(REQUEST)
    counted = [line for line in lines if line.entry.request == mine and line.entry.signed_count]
    assert len(counted) <= 1, "one request was counted twice"
    response = folder / "model.response.json"
    if response.exists():
        answer = open_response(response.read_bytes())
        assert answer.response.items[0].error is None
        check_responses(lines, {response.name: answer})
        assert answer.response.sequence == counted[0].sequence
    return response.exists(), bool(counted)


def main() -> int:
    """Sweep, and print how often what was there."""
    parser = argparse.ArgumentParser(prog="scripts/crash-sign", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every so manieth call")
    every = parser.parse_args().every
    total = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_station(folder)
        for fresh in (True, False):
            for call in CALLS:
                try:
                    kills = list(sweep(folder, call, fresh=fresh, every=every))
                except CannotInjectError as error:
                    print(f"crash-sign: strace cannot inject here: {error}", file=sys.stderr)
                    return 3
                total += len(kills)
                if kills:
                    print(_summary(kills), flush=True)
    print(
        f"killed {total} times: every response absent or complete, every ledger whole, every second"
        " run ended well, and no request was counted twice"
    )
    return 0 if total else 3


def _summary(kills: list[Kill]) -> str:
    station = "never signed" if kills[0].fresh else "signed before"
    counted = sum(kill.counted for kill in kills)
    answered = sum(kill.answered for kill in kills)
    return (
        f"{station:13}  {kills[0].call:6}  killed {len(kills):3}  not yet counted"
        f" {len(kills) - counted:3}  counted, not answered {counted - answered:3}"
        f"  answered {answered:3}"
    )


if __name__ == "__main__":
    sys.exit(main())
