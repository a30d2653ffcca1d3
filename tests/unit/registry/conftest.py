"""One registry for each module of tests; what a test makes has a name of its own.

With --footing scale the same tests run on PostgreSQL and a store that speaks S3, but for those of
what only a folder has (marked folder).
"""

from __future__ import annotations

import pytest

from tests.support.registry import running_registry, running_shared
from tests.support.registry_api import calling
from tests.support.shared_footing import running_footing


@pytest.fixture(scope="session")
def shared_footing(tmp_path_factory):
    with running_footing(tmp_path_factory.mktemp("shared")) as shared:
        yield shared


@pytest.fixture(scope="module")
def registry(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("registry")
    if request.config.getoption("--footing") == "scale":
        shared = request.getfixturevalue("shared_footing")
        with running_shared(shared, folder) as running:
            yield running
        return
    with running_registry(folder) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry):
    with calling(registry) as api:
        yield api


@pytest.fixture(autouse=True)
def _only_in_a_folder(request):
    scale = request.config.getoption("--footing") == "scale"
    if scale and request.node.get_closest_marker("folder"):
        pytest.skip("of the folder alone")
