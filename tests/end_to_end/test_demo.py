"""The demo is what a newcomer runs first: it works, and says what it says it does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _parts(line: str) -> int:
    found = re.search(r"(\d+) (missing )?parts", line)
    assert found, line
    return int(found[1])


def test_demo_walks_the_whole_road() -> None:
    command = [sys.executable, "scripts/demo.py", "--size", "160"]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    steps = [line.split()[0] for line in ran.stdout.splitlines()]
    assert steps[-4:] == ["refused", "verified", "keyid", "binary"]
    cut, sent = (_parts(ran.stdout.splitlines()[steps.index(step)]) for step in ("cut", "submit"))
    assert 0 < cut < 10
    assert cut + sent == 10
    assert ran.stdout.rstrip().endswith("state signed")
