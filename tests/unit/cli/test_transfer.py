"""How a transfer looks at a terminal: a line for each file under way and one for all."""

from __future__ import annotations

import os
import re

from tests.support.terminal import Terminal

PROGRAM = """
import time
from signkit.cli import output
with output.transfer("uploading", 3 * 2**20, count=2) as track:
    with track("a-model-with-a-name-that-is-rather-long-and-ends-with-1.bin", 2**20) as one:
        with track("short.bin", 2 * 2**20) as other:
            for _ in range(8):
                one(2**16)
                other(2**17)
                output.note("a step that is said meanwhile")
                time.sleep(0.1)
"""
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_each_file_and_all_of_them_in_80_columns() -> None:
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    terminal = Terminal(["-c", PROGRAM], environment)
    assert terminal.wait() == 0
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", CODES.sub("", terminal.shown))]
    rate, left = r"[0-9.]+ [kMG]?B/s", r"[0-9-]:[0-9-]{2}:[0-9-]{2}"
    for name, total in (
        ("uploading, 2 files", "3.0"),
        ("  a-model-with...s-with-1.bin", "1.0"),
        ("  short.bin", "2.0"),
    ):
        shown = [line for line in lines if line.startswith(name)]
        assert any(re.search(rf"[0-9.]+/{total} MiB {rate} +{left}$", line) for line in shown), name
    assert max(map(len, lines)) <= 80
    assert "a step that is said meanwhile" in lines
