from __future__ import annotations

import json
from typing import Any

import pytest

from signkit.client.address import make_reach
from signkit.client.http import REPLY_SIZE, Http
from signkit.client.protocol import NewBinary, RegistryClient, allowed_seconds
from signkit.client.resources import Attached, BinaryState, PartState
from signkit.client.retry import Patience, Retrier
from signkit.errors import ReceiptMismatchError, StatusError, SubmissionError, TransportError
from signkit.verify import limits
from signkit.verify.digest import compute_digest
from tests.support.hostile_registry import TOKEN, Answer, edited, json_answer, scripted_registry

QUICK = Patience(attempts=3, first_wait=0.001, longest_wait=0.01, total=2.0)
CONTENT = b"content"
DIGEST = compute_digest(CONTENT)


@pytest.fixture
def registry():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def make_client():
    https: list[Http] = []

    def make(url: str, *, token: str = TOKEN, **reach: Any) -> RegistryClient:
        https.append(Http())
        retrier = Retrier(QUICK)
        return RegistryClient(https[-1], make_reach(url, **reach), token=token, retrier=retrier)

    yield make
    for http in https:
        http.close()


@pytest.fixture
def client(registry, make_client):
    return make_client(registry.url)


@pytest.fixture
def binary(client):
    artifact = client.create_artifact("a")
    version = client.create_version(artifact.prn, "1")
    new = NewBinary(
        artifact_version_prn=version.prn,
        target="t",
        digest=DIGEST,
        size=len(CONTENT),
        custom_metadata={},
    )
    return client.create_binary(new)


def declare(client: RegistryClient, binary):
    return client.declare_part(
        binary.prn, index=1, digest=DIGEST, start=0, size=len(CONTENT), binary_size=len(CONTENT)
    )


def test_every_call_is_authorized_and_says_its_version(registry, client):
    assert client.user() == "tester"
    headers = registry.calls[0].headers
    assert headers["authorization"] == f"Token {TOKEN}"
    assert headers["x-api-version"] == "2"


def test_a_wrong_token(registry, make_client):
    with pytest.raises(StatusError, match="unauthenticated") as caught:
        make_client(registry.url, token="wrong").user()
    assert "wrong" not in str(caught.value)


def test_records_are_found_by_their_exact_values(client, binary):
    (artifact,) = client.find_artifacts("a")
    (version,) = client.find_versions(artifact.prn, "1")
    assert client.find_binaries(version.prn, "t") == (binary,)
    assert client.find_artifacts("A") == ()
    assert client.find_versions(artifact.prn, "10") == ()
    assert client.find_binaries(version.prn, "T") == ()


def test_hits_that_were_not_asked_for_are_passed_over(registry, client):
    registry.bend("GET", "/artifacts", edited(_add_artifact))
    assert client.find_artifacts("a") == ()


def _add_artifact(value):
    value["artifacts"].append(
        {
            "prn": "prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41:artifact:"
            "8ced1740-7fbf-407e-9d6e-afec9399cc41",
            "name": "another",
        }
    )


def test_a_part_goes_all_the_way(registry, client, binary):
    client.send_part(declare(client, binary), iter([CONTENT]), what="part 1")
    (part,) = client.list_parts(binary.prn)
    assert (part.state, part.size, part.digest) == (PartState.VALID, len(CONTENT), DIGEST)
    assert registry.made("PUT", "/parts/1")[0].headers["content-range"] == "bytes 0-6/7"


def test_w12_the_content_range_of_a_short_last_part_is_right(registry, client, binary):
    client.declare_part(
        binary.prn, index=3, digest=DIGEST, start=10485760, size=2097152, binary_size=12582912
    )
    (call,) = registry.made("PUT", "/parts/3")
    assert call.headers["content-range"] == "bytes 10485760-12582911/12582912"


def test_f54_the_token_stays_with_the_registry(registry, client, binary):
    client.send_part(declare(client, binary), iter([CONTENT]), what="part 1")
    (call,) = registry.made("PUT", "/upload/")
    assert "authorization" not in call.headers
    assert TOKEN not in str(call)


def test_parts_may_go_to_a_host_that_is_listed(registry, make_client):
    with scripted_registry() as store:
        client = make_client(registry.url, upload_hosts=["localhost"])
        elsewhere = store.url.replace("127.0.0.1", "localhost")
        registry.bend("PUT", "/parts/", edited(_send_to(f"{elsewhere}/p?X-Signature=1")))
        store.bend("PUT", "/p", lambda _call, _answer: Answer())
        artifact = client.create_artifact("a")
        version = client.create_version(artifact.prn, "1")
        new = NewBinary(
            artifact_version_prn=version.prn,
            target="t",
            digest=DIGEST,
            size=7,
            custom_metadata=None,
        )
        made = client.create_binary(new)
        client.send_part(declare(client, made), iter([CONTENT]), what="part 1")
        assert store.calls[0].body == CONTENT
        assert "authorization" not in store.calls[0].headers


def _send_to(address: str):
    def edit(value):
        value["binary_part"]["presigned_upload_url"] = address

    return edit


def test_f54_parts_do_not_go_elsewhere(registry, client, binary):
    registry.bend("PUT", "/parts/", edited(_send_to("http://localhost:1/p?X-Signature=secret")))
    with pytest.raises(SubmissionError, match="another host, localhost") as caught:
        client.send_part(declare(client, binary), iter([CONTENT]), what="part 1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("field", ["index", "size", "hash"])
def test_f55_the_answer_for_another_part_is_refused(registry, client, binary, field):
    other = {"index": 2, "size": 8, "hash": "00" * 32}[field]
    registry.bend(
        "PUT", "/parts/", edited(lambda value: value["binary_part"].update({field: other}))
    )
    with pytest.raises(ReceiptMismatchError, match="another part"):
        declare(client, binary)


def _other_prn(value):
    record = value["binary"]
    record["prn"] = record["prn"][:-4] + "0000"


@pytest.mark.parametrize("call", ["get", "move"])
def test_f55_the_answer_for_another_binary_is_refused(registry, client, binary, call):
    registry.bend("GET", "/binaries/", edited(_other_prn))
    registry.bend("PATCH", "/binaries/", edited(_other_prn))
    calls = {
        "get": lambda: client.get_binary(binary.prn),
        "move": lambda: client.move_binary(binary.prn, BinaryState.UPLOADABLE),
    }
    with pytest.raises(ReceiptMismatchError, match="another binary"):
        calls[call]()


@pytest.mark.parametrize(
    ("path", "kind", "field"),
    [
        ("/artifacts", "artifact", "name"),
        ("/artifact_versions", "artifact_version", "version"),
        ("/binaries", "binary", "target"),
        ("/signing_keys", "signing_key", "value"),
    ],
)
def test_f55_another_record_than_was_created_is_refused(
    registry, client, binary, path, kind, field
):
    registry.bend("POST", path, edited(lambda value: value[kind].update({field: "other"})))
    calls = {
        "artifact": lambda: client.create_artifact("b"),
        "artifact_version": lambda: client.create_version(client.find_artifacts("a")[0].prn, "2"),
        "signing_key": lambda: client.create_key("k", bytes(32)),
        "binary": lambda: client.create_binary(
            NewBinary(
                artifact_version_prn=binary.artifact_version_prn,
                target="u",
                digest=DIGEST,
                size=7,
                custom_metadata=None,
            )
        ),
    }
    with pytest.raises(ReceiptMismatchError, match="for another"):
        calls[kind]()


def test_f55_another_signature_than_was_sent_is_refused(registry, client, binary):
    registry.binary["state"] = "signable"
    registry.bend(
        "POST", "/binary_signatures", edited(lambda v: v["binary_signature"].update(signature="00"))
    )
    key = client.create_key("k", bytes(32))
    with pytest.raises(ReceiptMismatchError, match="another signature"):
        client.create_signature(binary.prn, Attached(signing_key_prn=key.prn, signature="AB"))


def test_f55_a_part_listed_twice_is_refused(registry, client, binary):
    declare(client, binary)
    registry.bend("GET", "/parts", edited(lambda v: v["binary_parts"].extend(v["binary_parts"][:])))
    with pytest.raises(ReceiptMismatchError, match="one part twice"):
        client.list_parts(binary.prn)


def _pages(count: int):
    """A rule: so many pages, each with its own cursor; the last one ends."""

    def rule(call, answer):
        page = int(call.query.get("page", "1"))
        value = json.loads(answer.body)
        return json_answer({**value, "next_page": str(page + 1) if page < count else None})

    return rule


def test_w26_pages_are_followed(registry, client, binary):
    registry.bend("GET", "/artifacts", _pages(5))
    assert len(client.find_artifacts("a")) == 5
    assert [call.query.get("page") for call in registry.made("GET", "/artifacts")] == [
        None,
        "2",
        "3",
        "4",
        "5",
    ]


def test_w26_a_page_of_the_largest_binaries_can_be_read(registry, client, binary):
    """Destroyed binaries stay on record with their metadata: many of them must not end it."""
    client.find_binaries(binary.artifact_version_prn, binary.target)
    length = int(registry.made("GET", "/binaries")[-1].query["limit"])
    assert 2 * length * limits.CUSTOM_METADATA_SIZE > REPLY_SIZE
    assert length * (limits.CUSTOM_METADATA_SIZE + 100_000) < REPLY_SIZE


def test_f57_endless_pages_end(registry, client):
    registry.bend("GET", "/artifacts", _pages(10**9))
    with pytest.raises(TransportError, match="do not end"):
        client.find_artifacts("a")
    assert len(registry.calls) == 100


def test_f57_a_cursor_that_comes_again_ends_it(registry, client):
    registry.bend("GET", "/artifacts", edited(lambda value: value.update(next_page="same")))
    with pytest.raises(TransportError, match="do not end"):
        client.find_artifacts("a")
    assert len(registry.calls) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"<html>", headers={"content-type": "text/html"}), "it is text/html"),
        (Answer(), "cannot be read"),
        (json_answer({"artifacts": {}}), "something else than its contract"),
        (json_answer({"artifacts": [None]}), "something else than its contract"),
        (json_answer({"artifacts": [], "next_page": 7}), "something else than its contract"),
        (json_answer({"artifacts": [{}] * 101}), "too long"),
        (json_answer([]), "something else than its contract"),
    ],
)
def test_f40_answers_that_are_not_the_contracts(registry, client, answer, said):
    registry.bend("GET", "/artifacts", lambda _call, _answer: answer)
    with pytest.raises(TransportError, match=said):
        client.find_artifacts("a")
    assert len(registry.calls) == 1


def test_reads_are_tried_again_and_creations_are_not(registry, client):
    registry.bend("GET", "/users", lambda _call, _answer: Answer(status=503), times=2)
    assert client.user() == "tester"
    registry.bend("POST", "/artifacts", lambda _call, _answer: Answer(status=503), times=1)
    with pytest.raises(StatusError):
        client.create_artifact("b")
    assert len(registry.made("POST")) == 1


def test_large_uploads_have_more_time():
    assert allowed_seconds(0, 120) == 120
    assert allowed_seconds(64 * 1024 * 1024, 120) > 1000


def test_a_name_that_no_search_can_say_is_looked_for_among_all(registry, client):
    made = client.create_artifact("\\")
    client.create_artifact("another")
    assert client.find_artifacts("\\") == (made,)
    assert "search" not in registry.made("GET", "/artifacts")[0].query
