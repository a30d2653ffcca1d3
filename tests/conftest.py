"""Fixtures for the whole suite belong here; those of one folder in its own conftest.py."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.cheap import make_passphrases_cheap

# One profile everywhere, so that a run is the same for a developer and for CI: no deadline, because
# a busy machine is no defect, and no random seed that only one of them has seen.
settings.register_profile(
    "signkit",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("signkit")

make_passphrases_cheap()

# Whoever runs the suite in the background may have it ignore Ctrl-C, and every process it starts would
# inherit that; the tests of Ctrl-C need processes that listen.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the registry's tests run on either footing (docs/development/testing.md)."""
    parser.addoption("--footing", choices=("folder", "scale"), default="folder")


CORPUS = Path(__file__).parents[2] / "shared" / "security"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of independent security material, which lies beside the checkout."""
    if not CORPUS.is_dir():
        pytest.skip("the security corpus is not beside this checkout, in ../shared/security")
    return CORPUS


@pytest.fixture(autouse=True)
def _keep_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process keep its right to leave a core: given up it is gone, and other tests need it."""
    monkeypatch.setattr("signkit.custody.memory._refuse_core", lambda: True)
