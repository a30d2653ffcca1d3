"""The demonstration of the shared footing, small."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.sweep
def test_one_server_and_one_worker_are_killed_in_the_middle():
    command = [sys.executable, "-m", "tests.support.scale_demo", "--binaries", "30"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
