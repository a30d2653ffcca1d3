"""Client and registry killed while an upload is on its way: a sample of scripts/kill-sweep."""

from __future__ import annotations

import pytest

from tests.support.kill_sweep import PARTS_A_KILL, KillSweep


@pytest.mark.server
def test_f03_killed_at_random_moments(tmp_path):
    """SIGKILL for client, registry or both: no acknowledged part is lost, one record in the end."""
    sweep = KillSweep(tmp_path, kills=3, seed=1, say=print)
    sweep.run()
    assert sweep.counts["client"] + sweep.counts["registry"] + sweep.counts["both"] == 3
    assert sweep.counts["uploads"] >= 1
    assert sweep.counts["acknowledged"] > PARTS_A_KILL
