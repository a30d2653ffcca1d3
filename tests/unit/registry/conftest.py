"""One registry for each module of tests; what a test makes has a name of its own."""

from __future__ import annotations

import pytest

from tests.support.registry import running_registry
from tests.support.registry_api import calling


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry):
    with calling(registry) as api:
        yield api
