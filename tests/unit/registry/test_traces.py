"""The contract's section 4, request by request (`scripts/contract-traces` prints the table)."""

from __future__ import annotations

import pytest

from tests.support.traces.client import Client
from tests.support.traces.traces import TRACES


@pytest.mark.parametrize("name", TRACES)
def test_trace(registry, name):
    client = Client(url=registry.url, token=registry.token, place=name)
    TRACES[name](client)
    assert client.steps
    assert [step for step in client.steps if step.wrong] == []


def test_both_spellings_of_a_token_and_a_slash_too_many(registry):
    client = Client(url=f"{registry.url}/", token=registry.token, scheme="Bearer")
    TRACES["4.8"](client)
    assert [step for step in client.steps if step.wrong] == []


def test_a_wrong_answer_is_told(registry):
    client = Client(url=registry.url, token=registry.token)
    client.ask("GET", "/users/me", status=(204,))
    client.ask("GET", "/users/me", also=lambda _data: False)
    client.fetch(f"{registry.url}/docs", b"other")
    assert all(step.wrong for step in client.steps)
