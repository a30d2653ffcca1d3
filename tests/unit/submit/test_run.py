from __future__ import annotations

from dataclasses import replace

import pytest

from signkit.errors import (
    DigestMismatchError,
    StatusError,
    SubmissionError,
    TransportError,
)
from signkit.model.response import ItemError
from tests.support.hostile_registry import Answer, json_answer
from tests.support.keys import PROD
from tests.support.submission import make_signed, sign_items


@pytest.fixture
def release(tmp_path):
    """Three binaries of one file, for three targets."""
    one = make_signed(tmp_path)
    (item,) = one.request.request.items
    items = [item._replace(target=target) for target in ("a", "b", "c")]
    return sign_items(tmp_path, items, [one.plan.items[0]] * 3, (PROD,))


def test_publishes_a_binary(registry, submitter, signed):
    outcome = submitter.one(signed)
    assert (outcome.binary.state, outcome.error) == ("signed", None)
    assert registry.binary["hash"] == signed.plan.items[0].digest.hex()
    assert registry.binary["custom_metadata"]["peridiod"] == {"installer": "file"}
    assert submitter.advanced == 14


def test_a_second_run_changes_nothing(registry, submitter, signed):
    first = submitter.one(signed)
    before = len(registry.calls)
    assert submitter.one(signed).binary == first.binary
    assert {call.method for call in registry.calls[before:]} == {"GET"}
    assert submitter.advanced == 2 * 14


def test_a_release_shares_its_records(registry, submitter, release):
    outcomes = submitter.run(release)
    assert [outcome.binary.target for outcome in outcomes] == ["a", "b", "c"]
    assert len(registry.made("POST", "/artifacts")) == 1
    assert len(registry.made("POST", "/artifact_versions")) == 1
    assert len(registry.made("POST", "/signing_keys")) == 1


def test_f16_changed_content_is_refused_before_the_registry_hears_of_it(
    registry, submitter, release
):
    release.content.write_bytes(b"Hello, Binarz\n")
    with pytest.raises(DigestMismatchError, match="changed since it was prepared"):
        submitter.run(release)
    assert registry.calls == []


def test_a_wrong_token_ends_it(registry, submitter, signed):
    registry.bend("GET", "/users", lambda *_: json_answer({}, 401))
    with pytest.raises(StatusError) as caught:
        submitter.run(signed)
    assert "--token-file" in str(caught.value.hint)
    assert len(registry.calls) == 1


def test_an_item_that_the_station_refused_does_not_stop_the_others(submitter, release):
    items = list(release.response.items)
    error = ItemError(code="policy", message="not today")
    items[1] = replace(items[1], signatures=(), error=error)
    release.answer(replace(release.response, items=tuple(items)))
    first, second, third = submitter.run(release)
    assert (first.error, third.error) == (None, None)
    assert isinstance(second.error, SubmissionError)
    assert "the station did not sign it: not today" in str(second.error)
    assert second.binary is None


def test_an_item_that_fails_does_not_stop_the_others(registry, submitter, release):
    refuse = Answer(status=400, body=b"<Error><Code>BadDigest</Code></Error>")
    registry.bend("PUT", "/upload/", lambda *_: refuse, times=8)
    outcomes = submitter.run(release)
    assert [outcome.error is None for outcome in outcomes] == [False, True, True]


def test_a_registry_that_fails_does(registry, submitter, release):
    registry.bend("GET", "/binaries", lambda *_: json_answer({}, 500))
    first, second, third = submitter.run(release)
    assert isinstance(first.error, TransportError)
    for later in (second, third):
        assert "not tried" in str(later.error)
        assert later.binary is None


def test_says_each_step(submitter, signed):
    submitter.one(signed)
    said = "\n".join(submitter.said)
    for step in ("answers, as tester", "created, uploadable", "parts to send: 3", "read back"):
        assert step in said
