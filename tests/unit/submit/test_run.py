from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier

import pytest
import typer

from signkit.cli.submit_report import show_outcomes
from signkit.errors import (
    DigestMismatchError,
    StatusError,
    SubmissionError,
    TransportError,
)
from signkit.model.response import ItemError
from tests.support.hostile_registry import TOKEN, Answer, json_answer
from tests.support.keys import PROD
from tests.support.submission import Submitter, make_signed, sign_items


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
    bad: list[str] = []

    def refuse_one_binary(call, answer):
        prn = call.path.split("/")[2]
        bad.extend([] if bad else [prn])
        return refuse if prn in bad else answer

    registry.bend("PUT", "/upload/", refuse_one_binary)
    outcomes = submitter.run(release)
    assert sorted(outcome.error is None for outcome in outcomes) == [False, True, True]


def test_the_report_has_a_result_or_an_error_for_each_item(submitter, release, capsys):
    """One JSON document on stdout, whatever went wrong; the first error is the exit code."""
    items = list(release.response.items)
    error = ItemError(code="policy", message="not today")
    items[1] = replace(items[1], signatures=(), error=error)
    release.answer(replace(release.response, items=tuple(items)))
    with pytest.raises(typer.Exit) as caught:
        show_outcomes(submitter.run(release), as_json=True)
    out, err = capsys.readouterr()
    report = json.loads(out)
    told = [sorted(each.keys() & {"result", "error"}) for each in report["items"]]
    assert told == [["result"], ["error"], ["result"]]
    assert [each["target"] for each in report["items"]] == ["a", "b", "c"]
    assert report["summary"] == {"item_count": 3, "done": 2, "failed": 1}
    assert (caught.value.exit_code, err) == (SubmissionError.exit_code, "")


def test_an_item_that_the_registry_refuses_does_not_stop_the_others(registry, submitter, release):
    no = json_answer({"errors": {"target": ["is too long"]}}, 422)

    def refuse(call, answer):
        if b'"target":"a"' not in call.body:
            return answer
        registry.records["binary"].popitem()
        return no

    registry.bend("POST", "/binaries", refuse)
    first, *others = submitter.run(release)
    assert "target: is too long" in str(first.error)
    assert [outcome.error for outcome in others] == [None, None]


@pytest.mark.parametrize("status", [401, 429, 500, 503, 507])
def test_a_registry_that_fails_does(registry, submitter, release, status):
    registry.bend("PATCH", "/binaries", lambda *_: json_answer({}, status))
    first, second, third = submitter.run(release)
    for begun in (first, second):
        assert isinstance(begun.error, TransportError)
    assert "not tried" in str(third.error)
    assert third.binary is None


def test_items_are_under_way_at_once(registry, submitter, release):
    """Each binary waits for another one that is being made: one after the other, none would be."""
    both = Barrier(2, timeout=10)

    class Meeting(Submitter):
        @contextmanager
        def _track(self, _name, _size):
            both.wait()
            yield self.advance

    submitter.__class__ = Meeting
    one, two, _ = release.open().items
    outcomes = submitter.submit(replace(release.open(), items=(one, two)))
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert not both.broken


def test_ctrl_c_ends_what_is_under_way(registry, submitter, release, monkeypatch):
    """And the client may be used again after."""
    registry.bend("PUT", "/upload/", lambda *_: Answer(silent=True), times=2)

    class Interrupted(ThreadPoolExecutor):
        def map(self, work, *pieces, **_):  # type: ignore[override]
            for piece in pieces[0]:
                self.submit(work, piece)
            while len(registry.made("PUT", "/upload/")) < 2:
                time.sleep(0.01)
            raise KeyboardInterrupt

    monkeypatch.setattr("signkit.submit.run.ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        submitter.run(release)
    assert submitter.client.user() == "tester"


def test_says_each_step(submitter, signed):
    submitter.one(signed)
    said = "\n".join(submitter.said)
    for step in ("answers, as tester", "created, uploadable", "parts to send: 3", "read back"):
        assert step in said


def test_the_deadline_is_that_of_everything(registry, tmp_path, release):
    """The first two are cut in the middle, the third is not begun; each has an error of its own."""
    hasty = Submitter(registry.url, TOKEN, tmp_path, deadline=0.3)
    registry.bend("PUT", "/upload/", lambda *_: Answer(status=503))
    outcomes = hasty.run(release)
    assert all(isinstance(outcome.error, TransportError) for outcome in outcomes[:2])
    assert outcomes[2].error is not None
    assert registry.made("POST", "/binary_signatures") == []
    hasty.http.close()


def test_a_registry_that_hashes_for_longer_than_it_may(registry, submitter, signed):
    def hashing(call, answer):
        registry.binary["state"] = "hashing" if b"hashing" in call.body else "hashable"
        return json_answer({"binary": registry.binary})

    registry.bend("PATCH", "/binaries/", hashing)
    (outcome,) = submitter.submit(signed.open(), verdict_seconds=0.2)
    assert "still hashing after" in str(outcome.error)
