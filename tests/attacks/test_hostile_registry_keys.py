"""A key registered with a registry, or over a network, that misbehaves at one call.

The attacker is the registry or whoever sits in between. What they must never get: a success that is
none, a second record, an endless wait, or another key taken for the one that was sent.
"""

from __future__ import annotations

import uuid

import pytest

from signkit.errors import SubmissionError, TransportError
from signkit.submit.publish_key import publish_key
from signkit.verify.encoding import encode_base64
from tests.support.hostile_registry import ORGANIZATION, TOKEN, Answer, edited, scripted_registry
from tests.support.keys import PROD, STRANGER
from tests.support.submission import Submitter

CALLS = [("GET", "/signing_keys"), ("POST", "/signing_keys"), ("GET", "/signing_keys/prn")]
EVERY_CALL = pytest.mark.parametrize("place", CALLS, ids="".join)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def publish(registry, tmp_path):
    submitter = Submitter(registry.url, TOKEN, tmp_path)
    yield lambda: publish_key(submitter.client, "prod", PROD.public_key)
    submitter.http.close()


@EVERY_CALL
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=429, headers={"retry-after": "0"}),
        Answer(raw=b""),
        Answer(raw=OK + b"content-length: 900\r\n\r\n{"),
    ],
    ids=["500", "429", "cut", "short-body"],
)
def test_one_fault_at_one_call_makes_no_second_record(registry, publish, place, answer):
    """The network loses one answer, after the registry did what was asked."""
    registry.bend(*place, lambda _call, _answer: answer, times=1)
    record = publish().record
    assert list(registry.records["signing_key"]) == [record.prn]


@EVERY_CALL
def test_a_fault_for_ever_ends(registry, publish, place):
    """The registry is down at one call and stays down."""
    registry.refuse(*place, Answer(status=503, headers={"retry-after": "0"}))
    with pytest.raises(TransportError, match="503"):
        publish()
    assert 2 <= len(registry.made(*place)) <= 8


@EVERY_CALL
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>please log in</html>", headers={"content-type": "text/html"}),
        Answer(status=307, headers={"location": "http://127.0.0.1:1/evil"}),
        Answer(status=204),
        Answer(),
    ],
    ids=["captive-portal", "redirect", "204", "empty"],
)
def test_what_is_no_answer_is_no_success(registry, publish, place, answer):
    """A portal, a redirect or a proxy answers in the registry's place."""
    registry.refuse(*place, answer)
    with pytest.raises(TransportError):
        publish()


@pytest.mark.parametrize("place", CALLS[1:], ids="".join)
def test_another_key_in_an_answer_is_never_taken(registry, publish, place):
    """The registry puts a key of its own in the place of the one that was sent."""
    theirs = encode_base64(STRANGER.public_key.raw)
    registry.bend(*place, edited(lambda it: it["signing_key"].update(value=theirs)))
    with pytest.raises(SubmissionError):
        publish()


def test_a_record_of_another_key_is_not_taken_for_this_one(registry, publish):
    """The registry answers the search for the key with a stranger's record, under its name."""
    theirs = encode_base64(STRANGER.public_key.raw)
    prn = f"{ORGANIZATION}:signing_key:{uuid.UUID(int=1)}"
    record = {"prn": prn, "name": "prod", "value": theirs}
    registry.bend("GET", "/signing_keys", edited(lambda it: it.update(signing_keys=[record])))
    with pytest.raises(SubmissionError, match="another key of the name 'prod'"):
        publish()
    assert registry.made("POST") == []
