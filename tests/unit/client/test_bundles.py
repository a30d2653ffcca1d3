"""Records under ids that an archive gives them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from signkit.client.bundles import ARTIFACT, BundleRegistry
from signkit.errors import StatusError
from tests.support.hostile_registry import TOKEN, json_answer, scripted_registry
from tests.support.submission import Submitter


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def bundles(registry, tmp_path):
    made = Submitter(registry.url, TOKEN, tmp_path)
    yield BundleRegistry(made.client)
    made.http.close()


@pytest.mark.parametrize("status", [400, 401, 403, 409, 500])
def test_w15_only_what_is_not_there_is_created(registry, bundles, status):
    """Any other error of the look-up ends it: a text with 404 in it says nothing."""
    answer = json_answer({"errors": {"detail": "404 not found"}}, status)
    registry.refuse("GET", "/artifacts/", answer)
    with pytest.raises(StatusError) as caught:
        bundles.ensure(ARTIFACT, str(uuid4()), {"name": "a"})
    assert caught.value.status == status
    assert registry.made("POST") == []
