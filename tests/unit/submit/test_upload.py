from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from signkit.client.resources import Part, PartState
from signkit.errors import (
    ConnectError,
    DigestMismatchError,
    PartConflictError,
    StatusError,
    SubmissionError,
)
from signkit.formats.plan import parse_plan
from signkit.submit.content import OpenContent, confirm_content, plan_parts
from signkit.submit.lanes import Lanes
from signkit.submit.records import Records
from signkit.submit.upload import Upload, find_missing, list_missing
from signkit.verify.digest import compute_digest
from tests.support.hostile_registry import Answer, edited

EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


@pytest.fixture
def lanes():
    made = Lanes(2)
    yield made
    made.close()


@pytest.fixture
def upload(submitter, signed, lanes):
    (item,) = signed.open().items
    binary, _ = Records(submitter.client).binary(item)
    with OpenContent(item.planned) as content:
        yield Upload(
            client=submitter.client,
            prn=binary.prn,
            content=content,
            parts=plan_parts(item.planned),
            size=item.item.size,
            name="model.bin",
            lanes=lanes,
            advance=submitter.advance,
        )


def sent(registry) -> list[int]:
    return sorted(int(call.path.rpartition("/")[2]) for call in registry.made("PUT", "/upload/"))


def test_sends_every_part(registry, upload, submitter):
    upload.send(list_missing(upload))
    assert registry._content(upload.prn) == b"Hello, Binary\n"
    assert submitter.advanced == 14
    assert list_missing(upload) == []


def test_w25_parts_are_under_way_at_once(upload):
    """Each part waits for another one that is being sent: one after the other, neither would go."""

    class Meeting(OpenContent):
        def read(self, part):
            both.wait()
            return super().read(part)

    both = Barrier(2, timeout=10)
    with Meeting(confirm_content(_planned(upload), advance=lambda _count: None)) as content:
        replace(upload, content=content).send(upload.parts[:2])
    assert [part.index for part in list_missing(upload)] == [3]


def _planned(upload):
    return parse_plan(Path(upload.content.path).with_name("model.plan.json").read_bytes()).items[0]


def test_w25_the_headers_of_a_part(registry, upload):
    upload.send(upload.parts[:1])
    (call,) = registry.made("PUT", "/upload/")
    assert call.headers["content-length"] == "5"
    assert call.headers["content-type"] == "application/octet-stream"
    digest = b64encode(compute_digest(b"Hello")).decode()
    assert call.headers["x-amz-checksum-sha256"] == digest


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, [1, 3]),
        ({"state": PartState.UPLOADABLE}, [1, 2, 3]),
        ({"state": PartState.INVALID_HASH}, [1, 2, 3]),
        ({"state": PartState.INVALID_SIZE}, [1, 2, 3]),
        ({"size": 4}, [1, 2, 3]),
        ({"digest": compute_digest(b"other")}, [1, 2, 3]),
        ({"index": 1}, [1, 2, 3]),
    ],
)
def test_w12_a_part_is_there_only_with_its_size_and_digest(upload, change, missing):
    second = upload.parts[1]
    fields = {
        "index": 2,
        "size": second.size,
        "digest": second.digest,
        "state": PartState.VALID,
        **change,
    }
    found = find_missing(upload.parts, [Part(**fields)])
    assert [part.index for part in found] == missing


def test_w12_another_cut_is_thrown_away(registry, upload):
    leftover = {"index": 4, "hash": "00" * 32, "size": 3, "state": "valid", "content": b"abc"}
    registry.parts[upload.prn][4] = leftover
    assert list_missing(upload) == list(upload.parts)
    assert registry.parts[upload.prn] == {}


def test_w12_leftovers_that_come_back_are_an_error(registry, upload):
    leftover = {"index": 4, "hash": "00" * 32, "size": 3, "state": "valid"}
    registry.bend("GET", "/parts", edited(lambda value: value["binary_parts"].append(leftover)))
    with pytest.raises(PartConflictError, match="not of this content"):
        list_missing(upload)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=403, body=EXPIRED),
        Answer(status=400, body=b"<Error><Code>RequestTimeout</Code></Error>"),
        Answer(status=404, body=b"<Error><Code>NoSuchUpload</Code></Error>"),
        Answer(status=503, headers={"retry-after": "-5 bananas"}),
        Answer(status=500),
        Answer(raw=b""),
    ],
)
def test_f43_a_failed_part_is_declared_anew_and_nothing_else_is(
    registry, upload, submitter, answer
):
    registry.bend("PUT", f"/upload/{upload.prn}/2", lambda *_: answer, times=2)
    upload.send(list_missing(upload))
    assert sent(registry) == [1, 2, 2, 2, 3]
    assert len(registry.made("PUT", "/parts/2")) == 3
    assert submitter.advanced == 14


def test_f41_a_flipped_bit_is_sent_again(registry, upload, submitter):
    """The checksum in the header refuses what a proxy changed, once."""
    refused = Answer(status=400, body=b"<Error><Code>BadDigest</Code></Error>")
    registry.bend("PUT", f"/upload/{upload.prn}/3", lambda *_: refused, times=1)
    upload.send(list_missing(upload))
    assert sent(registry) == [1, 2, 3, 3]
    assert submitter.advanced == 14


def test_w08_a_part_that_is_refused_for_ever(registry, upload, submitter):
    refused = Answer(status=400, body=b"<Error><Code>BadDigest</Code></Error>")
    registry.bend("PUT", f"/upload/{upload.prn}/2", lambda *_: refused)
    with pytest.raises(PartConflictError, match=r"part 2 of model.bin .*BadDigest"):
        upload.send(list_missing(upload))
    assert len(registry.made("PUT", "/parts/2")) == 4


def test_f17_a_refused_part_is_hashed_again(registry, upload, signed):
    with signed.content.open("r+b") as file:
        file.write(b"J")
    with pytest.raises(DigestMismatchError, match="changed while it was sent"):
        upload.send(list_missing(upload))
    assert sent(registry).count(1) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(body=b"<html>Captive portal</html>"), StatusError),
        (Answer(status=204), StatusError),
        (Answer(status=307, headers={"location": "http://127.0.0.1:1/evil"}), StatusError),
        (Answer(status=407), StatusError),
        (
            Answer(status=403, body=b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
            StatusError,
        ),
    ],
)
def test_f44_answers_that_no_second_try_mends(registry, upload, answer, error):
    registry.bend("PUT", "/upload/", lambda *_: answer)
    with pytest.raises(error) as caught:
        upload.send(upload.parts[:1])
    assert sent(registry) == [1]
    assert "secret-of-part" not in str(caught.value)


def test_w08_the_first_failure_ends_the_upload(registry, upload):
    """And the client may be used again after."""
    elsewhere = edited(
        lambda value: value["binary_part"].update(presigned_upload_url="http://localhost:1/x")
    )
    registry.bend("PUT", "/parts/", elsewhere)
    with pytest.raises(SubmissionError, match="another host"):
        upload.send(list_missing(upload))
    assert upload.client.user() == "tester"


def test_a_silent_store_is_given_up(registry, upload):
    registry.bend("PUT", "/upload/", lambda *_: Answer(silent=True))
    with pytest.raises(Exception, match="waiting for the answer"):
        upload.send(upload.parts[:1])


def test_halted_clients_send_nothing(upload):
    upload.client.halt()
    with pytest.raises(ConnectError, match="stopped"):
        upload.client.user()
    upload.client.resume()
