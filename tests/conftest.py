"""Fixtures for the whole suite belong here; those of one folder in its own conftest.py."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# One profile everywhere, so that a run is the same for a developer and for CI: no deadline, because
# a busy machine is no defect, and no random seed that only one of them has seen.
settings.register_profile(
    "signkit",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("signkit")

# Whoever runs the suite in the background may have it ignore Ctrl-C, and every process it starts would
# inherit that; the tests of Ctrl-C need processes that listen.
signal.signal(signal.SIGINT, signal.default_int_handler)
