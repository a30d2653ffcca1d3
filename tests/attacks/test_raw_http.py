"""Requests that are none, byte for byte: the corpus of raw HTTP, and senders that never end.

Each file is sent twice: as it is, and with its made-up paths put where such a request does harm,
behind a good token or a presigned URL. The connection that broke a rule is closed, or serves the
next request as if nothing had been; another connection never notices.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import uvicorn

from signkit.registry.wire import WireProtocol
from tests.support.raw_http import Raw, Wire
from tests.support.registry import running_registry
from tests.support.registry_api import Api, calling


class Want(NamedTuple):
    """What a file must get."""

    as_it_is: set[int]
    in_place: set[int]
    closes: bool = False


REFUSED = Want({400}, {400}, closes=True)
WANTED = {
    "abs_uri.txt": Want({404}, {404}),
    "auth_crlf.txt": Want({404}, {401}),
    "auth_two.txt": Want({404}, {401}),
    "bare_lf.txt": REFUSED,
    # Refused before its body is looked at, and closed: none of the 70 KB is kept.
    "chunk_ext.txt": Want({404, 411}, {411}),
    "chunk_lf.txt": REFUSED,
    "chunk_neg.txt": REFUSED,
    "cl_huge.txt": REFUSED,
    "cl_neg.txt": REFUSED,
    "cl_plus.txt": REFUSED,
    "cl_te.txt": REFUSED,
    "cl_underscore.txt": REFUSED,
    "connect.txt": REFUSED,
    "expect_100_hang.txt": Want({404}, {400}),
    "gzip_body_bomb.txt": Want({404}, {415}),
    "half_request.txt": Want({408}, {408}, closes=True),
    "http2_preface.txt": REFUSED,
    "many_headers.txt": Want({431}, {431}, closes=True),
    "method_override.txt": Want({404}, {422}),
    "no_host.txt": REFUSED,
    "nul_path.txt": Want({404}, {404}),
    "overlong_path.txt": Want({404}, {404}),
    "range_many.txt": Want({404}, {200}),
    "surrogate_path.txt": Want({404}, {404}),
    "te_te_obf.txt": REFUSED,
    "te_xchunked.txt": REFUSED,
    "tls_clienthello.txt": REFUSED,
    "trace.txt": Want({405}, {405}),
    "traversal_enc.txt": Want({404}, {404}),
    "two_cl_diff.txt": REFUSED,
    "two_cl_same.txt": REFUSED,
    "two_hosts.txt": REFUSED,
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("raw")) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry):
    with calling(registry) as api:
        yield api


@contextmanager
def impatient() -> Iterator[str]:
    """Run the registry's protocol, which waits half a second for a head, before a small page."""

    async def page(scope, receive, send):
        if scope["type"] == "http":
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

    quick = type("Quick", (WireProtocol,), {"head_seconds": 0.5})
    server = uvicorn.Server(uvicorn.Config(page, http=quick, port=0, ws="none", log_config=None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def in_place(raw: bytes, api: Api) -> bytes:
    """Put a file's made-up paths where there is something, with the leave to go there."""
    part, content = b"in place", b"x" * 100
    if b"/UPLOAD" in raw:
        url = urlsplit(api.declare(api.binary(part), 1, part)["presigned_upload_url"])
        return raw.replace(b"/UPLOAD", f"{url.path}?{url.query}".encode())
    if b"/v1/blob" in raw:
        prn = api.signable(content)["prn"]
        url = urlsplit(api.ask("GET", f"/binaries/{prn}/download_url"))
        return raw.replace(b"/v1/blob", f"{url.path}?{url.query}".encode())
    raw = raw.replace(b"/v1/x", b"/artifacts").replace(b"/v1/", b"/")
    token = b"authorization: " + api.http.headers["authorization"].encode()
    if b"Bearer a\r\n" in raw:  # the first of two is good
        return raw.replace(b"Authorization: Bearer a", token)
    if b"Authorization" not in raw:
        return raw.replace(b"Host: x\r\n", b"Host: x\r\n" + token + b"\r\n")
    return raw


def exchange(url: str, data: bytes, want: set[int], *, closes: bool = False) -> Raw:
    """Send bytes; fail unless there is one answer, in the shape of all refusals where it is one.

    Args:
        url: Whose server.
        data: On a connection of their own.
        want: The statuses that will do.
        closes: Whether the server has to close the connection.
    """
    with closing(Wire(url)) as wire:
        wire.send(data)
        answer = wire.answer()
        assert answer.status in want
        assert answer.answers == 1
        assert not closes or wire.is_closed()
    if answer.status >= 400:
        assert b"content-type: application/json" in answer.head
        assert json.loads(answer.body)["errors"]
    return answer


def test_every_file_of_the_corpus_is_here(corpus: Path) -> None:
    said = {entry["file"] for entry in json.loads((corpus / "http_raw/EXPECT.json").read_text())}
    assert said == WANTED.keys()


@pytest.mark.parametrize("name", WANTED)
def test_r02_raw_request(api, registry, corpus: Path, name: str) -> None:
    raw = (corpus / "http_raw" / name).read_bytes()
    want = WANTED[name]
    if name == "half_request.txt":
        with impatient() as url:
            exchange(url, raw, want.as_it_is, closes=True)
        return
    exchange(registry.url, raw, want.as_it_is, closes=want.closes)
    answer = exchange(registry.url, in_place(raw, api), want.in_place, closes=want.closes)
    if name == "range_many.txt":
        assert answer.body == b"x" * 100  # once
    assert api.call("GET", "/users/me").status_code == 200
    assert "Traceback" not in registry.errors.read_text()


@pytest.mark.parametrize("name", [name for name, want in WANTED.items() if not want.closes])
def test_r02_the_next_request_is_not_poisoned(api, registry, corpus: Path, name: str) -> None:
    """What is left of one request is never the beginning of another."""
    raw = in_place((corpus / "http_raw" / name).read_bytes(), api)
    with closing(Wire(registry.url)) as wire:
        wire.send(raw)
        wire.answer()
        if name in {"expect_100_hang.txt", "chunk_ext.txt"}:
            assert wire.is_closed()  # the next request could be taken for its body
            return
        wire.send(b"GET /users/me HTTP/1.1\r\nHost: x\r\n\r\n")
        assert wire.answer().status == 401  # its own answer: it carries no token


def test_braces_round_a_uuid_as_they_are(api, registry) -> None:
    """The contract's client puts names into a path raw: colons, and braces where they were given."""
    prn = api.ask("POST", "/artifacts", {"name": "braces"})["prn"]
    path = re.sub("([0-9a-f-]{36})", r"{\1}", prn).upper().replace("PRN", "prn")
    path = path.replace("ARTIFACT", "artifact")
    token = api.http.headers["authorization"]
    head = f"GET //artifacts/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n"
    answer = exchange(registry.url, head.encode(), {200})
    assert json.loads(answer.body)["artifact"]["prn"] == prn


def test_p54_a_name_splits_no_answer_and_no_log_line(api, registry) -> None:
    for path in ("/artifacts/%0d%0aset-cookie:%20x=1", "/artifacts/%1b[31m%0a2026%20forged"):
        answer = exchange(
            registry.url, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), {401, 404}
        )
        assert b"set-cookie" not in answer.head
    assert all(ord(letter) >= 0x20 or letter == "\n" for letter in registry.log.read_text())
    assert "\n2026 forged" not in registry.log.read_text()


class TestF48:
    """Many who never finish: closed after a while, and others are served meanwhile."""

    def test_a_head_that_trickles_is_given_up(self):
        with impatient() as url, closing(Wire(url)) as wire:
            for letter in b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ":
                wire.send(bytes([letter]))
            assert wire.answer().status == 408
            assert wire.is_closed()

    def test_a_second_head_has_no_longer(self):
        with impatient() as url, closing(Wire(url)) as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.answer().status == 200
            wire.send(b"GET / HTT")
            assert wire.answer().status == 408
            assert wire.is_closed()

    def test_a_connection_that_says_nothing_is_closed(self):
        with impatient() as url, closing(Wire(url)) as wire:
            assert wire.answer().status == 408
            assert wire.is_closed()

    def test_500_half_open_connections_keep_nobody_out(self, api, registry):
        wires = [Wire(registry.url) for _ in range(500)]
        try:
            for wire in wires:
                wire.send(b"POST /artifacts HTTP/1.1\r\nHost: x\r\n")
            for _ in range(20):
                assert api.call("GET", "/users/me").status_code == 200
        finally:
            for wire in wires:
                wire.close()
