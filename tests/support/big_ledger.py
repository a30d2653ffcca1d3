"""How long the ledger takes to answer at 100,000 items: `scripts/bench-ledger`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from signkit.formats.chain import EMPTY_HEAD
from signkit.station.ledger import Entry, LedgerKey, line_fields
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.ledgers import KEYID, ledger_entry, ledger_item

RARE = "ab" * 32
_RUNS = 5
_EVERY = 100


def big_entry(number: int, item_count: int) -> Entry:
    """One ceremony; each hundredth is signed with the key RARE."""
    items = [
        ledger_item(
            name=f"model-{number}-{place}.bin",
            version=f"1.{number}.{place}",
            target=f"t{place}-unknown-linux",
            sequence=number,
            digest=compute_digest(b"%d %d" % (number, place)),
        )
        for place in range(item_count)
    ]
    key = LedgerKey("rare", RARE) if number % _EVERY == 1 else LedgerKey("prod", KEYID)
    return ledger_entry(*items, key=key, request=compute_digest(b"%d" % number))


def write_big(path: Path, ceremony_count: int, item_count: int) -> None:
    """Write a ledger at once, without syncing each line."""
    head = EMPTY_HEAD
    with path.open("wb") as file:
        for number in range(1, ceremony_count + 1):
            start = {"sequence": number, "previous": {"sha256": head.hex()}}
            line = encode_json({**start, **line_fields(big_entry(number, item_count))})
            file.write(line + b"\n")
            head = compute_digest(line)


def measure(path: Path, *arguments: str) -> float:
    """Return the seconds that a command takes as a process, the median of some runs."""
    took = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "signkit.cli", "ledger", *arguments, "--ledger", str(path)],
            stdout=subprocess.DEVNULL,
            check=True,
            env={**os.environ, "SIGNKIT_HOME": str(path.parent)},
        )
        took.append(time.perf_counter() - start)
    return median(took)


def main() -> None:
    """Print a table."""
    print(f"seconds as a process, median of {_RUNS}: a key that signed 1 in {_EVERY}, one that")
    print("signed the rest, and every line verified")
    with tempfile.TemporaryDirectory() as folder:
        for ceremonies, items in ((1_000, 100), (100_000, 1)):
            path = Path(folder, f"{ceremonies}.jsonl")
            write_big(path, ceremonies, items)
            size = path.stat().st_size / 1_000_000
            rare = measure(path, "search", "--key", RARE)
            most = measure(path, "search", "--key", KEYID)
            whole = measure(path, "verify")
            print(
                f"{ceremonies:7,} ceremonies of {items:3} items, {size:4.0f} MB:"
                f"  {rare:.2f}  {most:.2f}  {whole:.2f}"
            )


if __name__ == "__main__":
    main()
