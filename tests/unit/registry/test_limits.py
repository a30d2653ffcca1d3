"""How often a caller may ask."""

from __future__ import annotations

import httpx
import pytest

from signkit.registry.limits import RateLimit
from signkit.registry.problems import RefusedError
from tests.support.registry import running_registry


class Clock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def granted(limit, key):
    """Whether a request is granted; it then counts."""
    try:
        limit.check(key)
    except RefusedError:
        return False
    limit.count(key)
    return True


def test_two_seconds_at_once_then_the_rate():
    clock = Clock()
    limit = RateLimit(10, clock=clock)
    assert [granted(limit, "a") for _ in range(21)] == [True] * 20 + [False]
    assert granted(limit, "b")
    clock.seconds += 0.5
    assert [granted(limit, "a") for _ in range(6)] == [True] * 5 + [False]
    clock.seconds += 1000
    assert [granted(limit, "a") for _ in range(21)] == [True] * 20 + [False]


def test_less_than_one_a_second():
    clock = Clock()
    limit = RateLimit(0.1, clock=clock)
    assert granted(limit, "a")
    with pytest.raises(RefusedError) as refused:
        limit.check("a")
    assert refused.value.headers == {"retry-after": "10"}
    clock.seconds += 9
    assert not granted(limit, "a")
    clock.seconds += 1
    assert granted(limit, "a")


def test_no_limit_remembers_nobody():
    limit = RateLimit(0)
    assert all(granted(limit, "a") for _ in range(1000))
    assert not limit._buckets


def test_memory_is_bounded():
    limit = RateLimit(1000, clock=Clock())
    for number in range(12_000):
        limit.count(str(number))
    assert len(limit._buckets) == 10_000


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    options = ("--rate-limit", "5", "--trusted-proxy", "127.0.0.0/8")
    with running_registry(tmp_path_factory.mktemp("limits"), *options) as running:
        yield running


def ask(registry, token, client):
    headers = {"authorization": f"Token {token}", "x-forwarded-for": client}
    return httpx.get(f"{registry.url}/users/me", headers=headers)


def until_refused(registry, token, client):
    answers = [ask(registry, token, client) for _ in range(40)]
    return next(answer for answer in answers if answer.status_code == 429)


def test_a_token_that_asks_too_often(limited):
    refused = until_refused(limited, limited.token, "192.0.2.1")
    assert int(refused.headers["retry-after"]) == 1
    (detail,) = refused.json()["errors"].values()
    assert detail.startswith("too_many_requests: at most 5 a second")
    assert httpx.get(f"{limited.url}/healthz").status_code == 200


def test_guessing_is_slowed_down_by_address(limited):
    """A good token from the same address is turned away as well; from another one it is not."""
    assert until_refused(limited, "skr_guess", "192.0.2.66").headers["retry-after"]
    assert ask(limited, limited.token, "192.0.2.66").status_code == 429
    assert ask(limited, "skr_guess", "192.0.2.67").status_code == 401
