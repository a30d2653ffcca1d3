"""What an object store answers to the registry, byte for byte: the corpus of S3 replies, at its store.

`test_s3_answers.py` gives the replies to a client that sends parts; these are the calls that the
registry makes by itself: create, list, complete, head, get. What must never come of one: content that
is not what the store holds, a success that is none, or a wait without end.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from signkit.registry.footing_file import Bucket
from signkit.registry.s3_store import S3Store
from signkit.registry.store import (
    ContentKey,
    PartKey,
    StoreUnavailableError,
    UploadGoneError,
    UrlTerms,
)
from tests.support.shared_footing import KEY, SECRET

CONTENT = ContentKey(organization=UUID(int=1), binary=UUID(int=2), revision=0)
PART = PartKey(content=CONTENT, index=1, digest="0" * 64)
TERMS = UrlTerms(base="http://x", secret=b"s" * 32, seconds=60)
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ONE_PART = b"""<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>\
<ETag>&quot;x&quot;</ETag><Size>5</Size></Part></ListPartsResult>"""
Reply = Callable[[str], bytes | None]


def _kind(line: str) -> str:
    """Say which call of S3 a request line is."""
    method, target, _ = line.split(" ", 2)
    if method == "POST":
        return "create" if "uploads" in target else "complete"
    if method == "GET":
        return "list" if "uploadId" in target else "get"
    return method.lower()


def _page(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@contextmanager
def answering(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[S3Store, list[str]]]:
    """Run a store whose every answer is bytes; what reply does not answer is honest, and empty."""
    # Those of every store of the tests: boto3 keeps for the whole process what it finds first.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    calls: list[str] = []
    honest = {"list": _page(ONE_PART), "head": GONE}

    def answer(connection: socket.socket) -> None:
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            kind = _kind(data.partition(b"\r\n")[0].decode())
            calls.append(kind)
            connection.sendall(reply(kind) or honest.get(kind, GONE))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        store = S3Store(Bucket(name="bucket", endpoint=endpoint))
        try:
            yield store, calls
        finally:
            store.client.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def replying(name: str, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """Run a store that gives one file of the corpus to the call that the file is named after."""
    raw = (corpus / "s3_responses" / name).read_bytes()
    asked = name.partition("_")[0]
    with answering(lambda kind: raw if kind == asked else None, monkeypatch) as (store, _):
        yield store


@pytest.mark.parametrize(
    ("name", "error"),
    [
        # Said to be done, and not there: asked with HEAD before anybody believes it.
        ("complete_200_empty.http", StoreUnavailableError),
        ("complete_404_nosuchupload.http", UploadGoneError),
        ("complete_400_invalidpart.http", StoreUnavailableError),
        ("complete_400_invalidpartorder.http", StoreUnavailableError),
        ("complete_409_conditional.http", StoreUnavailableError),
        ("complete_412.http", StoreUnavailableError),
    ],
)
def test_r03_complete(corpus, monkeypatch, name, error):
    with replying(name, corpus, monkeypatch) as store, pytest.raises(error):
        store.finish(CONTENT, "upload", size=5)


def test_r03_complete_that_another_finished(corpus, monkeypatch):
    raw = (corpus / "s3_responses" / "complete_404_nosuchupload.http").read_bytes()
    there = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
    replies = {"complete": raw, "head": there}
    with answering(replies.get, monkeypatch) as (store, calls):
        store.finish(CONTENT, "upload", size=5)
        assert calls[-1] == "head"
        with pytest.raises(UploadGoneError):
            store.finish(CONTENT, "upload", size=6)


@pytest.mark.sweep  # tried four times, with the waits of boto3
@pytest.mark.parametrize("name", ["create_200_xxe.http", "create_200_billion_laughs.http"])
def test_r03_create_with_a_dtd(corpus, monkeypatch, name):
    with replying(name, corpus, monkeypatch) as store, pytest.raises(StoreUnavailableError):
        store.begin_upload(CONTENT)


def test_r03_an_upload_id_is_opaque(corpus, monkeypatch):
    with replying("create_200_uploadid_weird.http", corpus, monkeypatch) as store:
        upload = store.begin_upload(CONTENT)
        url = store.part_url(PART, size=5, upload=upload, terms=TERMS)
    assert upload == "a/../b?x=1&y=A %0d%0a"
    assert parse_qs(urlsplit(url).query)["uploadId"] == [upload]
    assert urlsplit(url).path.endswith("/0")


def test_r03_head_of_another_size(corpus, monkeypatch):
    empty = (corpus / "s3_responses" / "complete_200_empty.http").read_bytes()
    raw = (corpus / "s3_responses" / "head_200_size_mismatch.http").read_bytes()
    replies = {"complete": empty, "head": raw}
    with answering(replies.get, monkeypatch) as (store, _):
        store.finish(CONTENT, "upload", size=5)
        with pytest.raises(StoreUnavailableError, match="does not hold"):
            store.finish(CONTENT, "upload", size=6)


def test_r03_a_list_that_leads_nowhere(corpus, monkeypatch):
    with replying("list_parts_loop.http", corpus, monkeypatch) as store:
        assert store.arrived(CONTENT, "upload") == {}


@pytest.mark.parametrize(
    "name",
    [
        "get_200_instead_of_206.http",
        "get_206_wrong_range.http",
        "get_etag_changed.http",
        "get_short_body.http",
    ],
)
def test_r03_get_of_a_range(corpus, monkeypatch, name):
    """Other bytes than those asked for would pass for the content's own."""
    got: list[Any] = []
    with replying(name, corpus, monkeypatch) as store, pytest.raises(StoreUnavailableError):
        got.extend(store.read(CONTENT, (), start=50, end=100))
    assert got == []
