from __future__ import annotations

import pytest

from tests.support.hostile_registry import TOKEN, ScriptedRegistry, scripted_registry
from tests.support.submission import Signed, Submitter, make_signed


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def submitter(registry: ScriptedRegistry, tmp_path):
    made = Submitter(registry.url, TOKEN, tmp_path)
    yield made
    made.http.close()


@pytest.fixture
def signed(tmp_path) -> Signed:
    """Fourteen bytes in three parts, signed by one key."""
    return make_signed(tmp_path)
