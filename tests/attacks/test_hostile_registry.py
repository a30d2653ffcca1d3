"""Whole submissions against a registry, a store or a network that misbehaves at one call.

The attacker is the registry itself, or whoever sits between it and the client. What they must never
get: a success that is none, a second record, the token, bytes sent to a host that nobody named, an
endless wait, or text on the terminal that is not escaped.
"""

from __future__ import annotations

import json
import time

import pytest

from signkit.errors import SignkitError, SubmissionError, TransportError
from tests.support.hostile_registry import (
    TOKEN,
    Answer,
    ScriptedRegistry,
    edited,
    json_answer,
    scripted_registry,
)
from tests.support.submission import Submitter, make_signed

# Every call of a submission, by what tells it apart.
CALLS = [
    ("GET", "/users/me"),
    ("GET", "/artifacts"),
    ("POST", "/artifacts"),
    ("GET", "/artifact_versions"),
    ("POST", "/artifact_versions"),
    ("GET", "/binaries"),
    ("POST", "/binaries"),
    ("GET", "/parts"),
    ("PUT", "/parts/2"),
    ("PUT", "/upload/"),
    ("PATCH", "/binaries/"),
    ("GET", "/signing_keys"),
    ("POST", "/signing_keys"),
    ("POST", "/binary_signatures"),
    ("GET", "/binaries/prn"),
]
EVERY_CALL = pytest.mark.parametrize("place", CALLS, ids="".join)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture(autouse=True)
def artifact_from_before(request: pytest.FixtureRequest, registry: ScriptedRegistry) -> None:
    """The versions of a new artifact are not asked for: it has none."""
    place = getattr(request.node, "callspec", None) and request.node.callspec.params.get("place")
    if place == ("GET", "/artifact_versions"):
        registry.hold("artifact", name="ML-Model")


@pytest.fixture
def submitter(registry: ScriptedRegistry, tmp_path):
    made = Submitter(registry.url, TOKEN, tmp_path)
    yield made
    made.http.close()


@pytest.fixture
def signed(tmp_path):
    return make_signed(tmp_path)


def answer_with(answer: Answer):
    return lambda _call, _answer: answer


def assert_published_once(registry: ScriptedRegistry) -> None:
    for kind, records in registry.records.items():
        assert len(records) == 1, kind
    assert registry.binary["state"] == "signed"
    assert len(registry.binary["signatures"]) == 1


@EVERY_CALL
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(status=503, headers={"retry-after": "0"}),
        Answer(status=429, body=b"too many"),
        Answer(raw=b""),
        Answer(raw=OK + b"content-length: 900\r\n\r\n{"),
    ],
    ids=["500", "503", "429", "cut", "short-body"],
)
def test_f37_one_fault_at_one_call_changes_nothing(registry, submitter, signed, place, answer):
    """The network loses one answer, after the registry did what was asked."""
    registry.bend(*place, answer_with(answer), times=1)
    submitter.one(signed)
    assert_published_once(registry)


@EVERY_CALL
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_f37_a_fault_for_ever_ends_in_time(registry, submitter, signed, place, status):
    """The registry is down at one call and stays down."""
    registry.refuse(*place, Answer(status=status, headers={"retry-after": "0"}))
    begun = time.monotonic()
    with pytest.raises(TransportError) as caught:
        submitter.one(signed)
    assert str(status) in str(caught.value)
    assert time.monotonic() - begun < 3


@EVERY_CALL
def test_f57_a_giant_retry_after_is_not_waited_for(registry, submitter, signed, place):
    """The registry asks for patience until long after the client's own deadline."""
    registry.refuse(*place, Answer(status=503, headers={"retry-after": "315360000"}))
    begun = time.monotonic()
    with pytest.raises(TransportError):
        submitter.one(signed)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("head", [b"", OK, OK + b"content-length: 9\r\n\r\n{"])
@pytest.mark.parametrize("place", [CALLS[0], CALLS[9], CALLS[10]], ids=lambda place: place[1])
def test_f38_silence_ends_in_time(registry, submitter, signed, place, head):
    """The registry accepts a call and then says nothing more, at one point of the answer."""
    registry.refuse(*place, Answer(raw=head, silent=True))
    begun = time.monotonic()
    with pytest.raises(TransportError, match=r"waiting for the answer|reading the answer"):
        submitter.one(signed)
    assert time.monotonic() - begun < 6


@EVERY_CALL
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>please log in</html>", headers={"content-type": "text/html"}),
        Answer(status=307, headers={"location": "http://127.0.0.1:1/evil"}),
        Answer(status=204),
        Answer(raw=OK + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}"),
    ],
    ids=["captive-portal", "redirect", "204", "gzip"],
)
def test_f40_what_is_no_answer_is_no_success(registry, submitter, signed, place, answer):
    """A portal, a redirect or a proxy answers in the registry's place."""
    registry.refuse(*place, answer)
    with pytest.raises((TransportError, SubmissionError)):
        submitter.one(signed)


@EVERY_CALL
def test_f40_an_empty_answer_is_no_success(registry, submitter, signed, place):
    """200 and nothing else. From a store that is all there is to say: so the parts are listed."""
    registry.refuse(*place, Answer())
    with pytest.raises((TransportError, SubmissionError)):
        submitter.one(signed)


@pytest.mark.parametrize(
    ("place", "member", "change"),
    [
        (("POST", "/binaries"), "binary", {"hash": "00" * 32}),
        (("POST", "/binaries"), "binary", {"size": 15}),
        (("POST", "/binaries"), "binary", {"target": "another"}),
        (("PATCH", "/binaries/"), "binary", {"hash": "00" * 32}),
        (("PATCH", "/binaries/"), "binary", {"size": None}),
        (("PUT", "/parts/2"), "binary_part", {"index": 1}),
        (("PUT", "/parts/2"), "binary_part", {"size": 2**63}),
        (("PUT", "/parts/2"), "binary_part", {"hash": "00" * 32}),
        (("GET", "/binaries/prn"), "binary", {"hash": "00" * 32}),
        (("GET", "/binaries/prn"), "binary", {"custom_metadata": {}}),
        (("GET", "/binaries/prn"), "binary", {"state": "published"}),
        (("GET", "/binaries/prn"), "binary", {"prn": "prn:1:x/../../users"}),
        (("POST", "/binary_signatures"), "binary_signature", {"signature": "00" * 64}),
    ],
)
def test_f55_the_registry_says_something_else(registry, submitter, signed, place, member, change):
    """The registry stores or reports another digest, size, id or signature than it was given."""

    def edit(value):
        if member in value:
            value[member].update(change)

    registry.bend(*place, edited(edit))
    with pytest.raises((TransportError, SubmissionError)):
        submitter.one(signed)


def test_w01_never_signs_and_never_sends_a_digest_that_the_registry_said(
    registry, submitter, signed
):
    """The registry answers with the digest of its own firmware, in the hope of a signature for it.

    peridio-cli 1.7.0 signs the `hash` that the server returns. Here every digest that leaves is one
    that was signed on the station, and the answer ends the submission.
    """
    evil = "e1" * 32
    for method in ("POST", "PATCH", "GET"):
        registry.bend(method, "/binaries", edited(lambda value: _put_hash(value, evil)))
    with pytest.raises(SignkitError):
        submitter.one(signed)
    assert registry.made("POST", "/binary_signatures") == []
    assert not [call for call in registry.calls if evil.encode() in call.body]


def _put_hash(value, digest):
    if "binary" in value:
        value["binary"]["hash"] = digest


def test_w08_a_store_that_keeps_nothing_is_noticed(registry, submitter, signed):
    """The store answers 200 to every part and throws the bytes away."""

    def forget(call, _answer):
        for part in registry.parts[registry.binary["prn"]].values():
            part["state"] = "uploadable"
        return Answer()

    registry.bend("PUT", "/upload/", forget)
    with pytest.raises(SubmissionError, match="does not hold"):
        submitter.one(signed)
    assert registry.made("PATCH") == []


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data?X-Signature=secret",
        "http://localhost:1/part?X-Signature=secret",
        "http://0.0.0.0/part?X-Signature=secret",
        "file:///etc/passwd",
        "https://127.0.0.1@evil.example/part",
        "//127.0.0.1/part",
        "",
    ],
)
def test_f54_bytes_go_to_no_other_host(registry, submitter, signed, address):
    """The registry names an upload address elsewhere, to have the client attack or leak for it."""
    registry.bend(
        "PUT",
        "/parts/",
        edited(lambda value: value["binary_part"].update(presigned_upload_url=address)),
    )
    with pytest.raises((TransportError, SubmissionError)) as caught:
        submitter.one(signed)
    assert "secret" not in str(caught.value)
    assert registry.made("PUT", "/upload/") == []


def test_f54_the_token_goes_only_to_the_registry(registry, submitter, signed):
    """The store is another party: it sees bytes and its own signature, never the token."""
    submitter.one(signed)
    for call in registry.calls:
        assert ("authorization" in call.headers) is not call.path.startswith("/upload/")


def test_f43_nothing_that_is_said_holds_a_secret(registry, submitter, signed):
    """Each part is refused once, so that every message about it is said."""
    registry.bend("PUT", "/upload/", answer_with(Answer(status=403)), times=3)
    submitter.one(signed)
    said = "\n".join(submitter.said)
    assert "trying again" in said
    assert "secret-of-part" not in said
    assert TOKEN not in said


def test_f57_endless_pages_end(registry, submitter, signed):
    """Each page names another one, for ever."""

    def endless(call, answer):
        page = int(call.query.get("page", "0")) + 1
        return json_answer({**json.loads(answer.body), "next_page": str(page)})

    registry.bend("GET", "/artifacts", endless)
    with pytest.raises(TransportError, match="do not end"):
        submitter.one(signed)
    assert len(registry.calls) < 110


def test_f57_an_endless_error_is_cut_short(registry, submitter, signed):
    """The registry's own words go into the message, but not all of them."""
    words = {"errors": {"detail": "x" * 1_000_000}}
    registry.bend("GET", "/users", answer_with(json_answer(words, 403)))
    with pytest.raises(TransportError) as caught:
        submitter.run(signed)
    assert len(str(caught.value)) < 400


def test_f55_a_billion_parts_are_refused(registry, submitter, signed):
    """A list of parts far beyond the contract's 10,000."""
    part = {"index": 1, "hash": "00" * 32, "size": 1, "state": "valid"}
    many = {"binary_parts": [part] * 10_001}
    registry.bend("GET", "/parts", answer_with(json_answer(many)))
    with pytest.raises(TransportError, match="too long"):
        submitter.one(signed)


def test_f45_an_upload_that_the_store_dropped_begins_anew(registry, submitter, signed):
    """A lifecycle rule throws the parts away while the client is down for a week."""
    registry.bend("PUT", "/upload/", answer_with(Answer(status=407)), times=1)
    with pytest.raises(TransportError):
        submitter.one(signed)
    prn = registry.binary["prn"]
    registry.parts[prn].clear()
    assert submitter.one(signed).binary.prn == prn
    assert_published_once(registry)
