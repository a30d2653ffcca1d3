from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from datetime import UTC, datetime

import pytest

from signkit.client.address import make_reach
from signkit.client.http import REPLY_SIZE, Http, Timeouts, read_retry_after
from signkit.errors import (
    ConnectError,
    DeadlineError,
    FileError,
    ReplyTooLargeError,
    TransportError,
)
from tests.support.hostile_registry import Answer, ScriptedRegistry, scripted_registry
from tests.support.tls import make_authority

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server():
    with scripted_registry() as running:
        yield running


@pytest.fixture
def http():
    made = Http(timeouts=Timeouts(connect=0.4, read=0.4, write=0.4))
    yield made
    made.close()


def get(http: Http, url: str, path: str = "/x", *, seconds: float = 5.0, query: str = ""):
    address = make_reach(url).registry.at(path, query)
    return http.send("GET", address, headers={}, seconds=seconds, what=f"GET {path}")


def answering(server: ScriptedRegistry, **answer: object) -> str:
    server.bend("GET", "/x", lambda _call, _answer: Answer(**answer))  # type: ignore[arg-type]
    return server.url


def test_reads_an_answer_whatever_its_status(server, http):
    kind = {"content-type": "Text/HTML; charset=x", "retry-after": "3"}
    reply = get(http, answering(server, status=418, body=b"tea", headers=kind))
    assert (reply.status, reply.body, reply.kind, reply.retry_after) == (
        418,
        b"tea",
        "text/html",
        3,
    )


def test_sends_pieces_with_their_length(server, http):
    server.bend("PUT", "/x", lambda call, _answer: Answer(body=call.body))
    reply = http.send(
        "PUT",
        make_reach(server.url).registry.at("/x", "X-Signature=a%2Fb%3D&n=%27"),
        headers={"content-length": "6"},
        content=iter([b"abc", b"def"]),
        seconds=5,
        what="PUT",
    )
    (call,) = server.calls
    assert reply.body == b"abcdef"
    assert "transfer-encoding" not in call.headers
    assert call.query == {"X-Signature": "a/b=", "n": "'"}


def test_an_address_goes_out_as_it_was_signed(http):
    """The query of a presigned address is under a signature: no character may change."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen: list[bytes] = []

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(4096))
                connection.sendall(OK + b"content-length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        query = "X-Sig=%2f%2F%7E~a+b%20c'd;e,f:g@h/i?j=k!l*m(n)"
        get(http, f"http://127.0.0.1:{listener.getsockname()[1]}", "/p/prn:1:x%3ay", query=query)
        thread.join()
    assert seen[0].startswith(b"GET /p/prn:1:x%3ay?" + query.encode() + b" HTTP/1.1\r\n")


def test_f54_a_redirect_is_not_followed(server, http):
    url = answering(server, status=307, headers={"location": f"{server.url}/elsewhere"})
    assert get(http, url).status == 307
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (OK + b"content-length: 10\r\n\r\nshort", ConnectError),
        (OK + b"transfer-encoding: chunked\r\n\r\n5\r\nab", ConnectError),
        (OK + b"content-length: -1\r\n\r\n", ConnectError),
        (OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(bytes(10**6)), TransportError),
        (b"SSH-2.0-OpenSSH\r\n", ConnectError),
        (b"", ConnectError),
        (OK + b"x: " + b"y" * 200_000, ConnectError),
    ],
    ids=["short", "chunk-cut", "negative", "gzip", "not-http", "nothing", "endless-header"],
)
def test_f40_broken_answers(server, http, raw, error):
    with pytest.raises(error):
        get(http, answering(server, raw=raw))


def test_f57_an_endless_answer_is_cut_off(server, http):
    with pytest.raises(ReplyTooLargeError):
        get(http, answering(server, raw=OK + b"\r\n" + bytes(REPLY_SIZE + 1)))


@pytest.mark.parametrize(
    ("raw", "phase"),
    [
        (None, "waiting for the answer"),
        (OK, "waiting for the answer"),
        (OK + b"content-length: 5\r\n\r\nab", "reading the answer"),
    ],
)
def test_f38_silence_is_named_by_its_phase(server, http, raw, phase):
    with pytest.raises(DeadlineError, match=phase) as caught:
        get(http, answering(server, raw=raw, silent=True))
    assert caught.value.retryable


def test_f38_silence_before_tls(http):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(DeadlineError, match="TLS handshake"):
            get(http, url)


def test_f38_a_peer_that_does_not_take_the_body(http):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = make_reach(f"http://127.0.0.1:{listener.getsockname()[1]}").registry.at("/x")
        size = 64 * 1024 * 1024
        with pytest.raises(DeadlineError, match="sending the request"):
            http.send(
                "PUT",
                address,
                headers={"content-length": str(size)},
                content=(bytes(1024 * 1024) for _ in range(64)),
                seconds=5,
                what="PUT",
            )


@pytest.mark.parametrize("head", [OK + b"x: ", OK + b"\r\n"], ids=["headers", "body"])
def test_f38_a_trickle_ends_at_the_deadline(http, head):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_trickle, args=(listener, head))
        thread.start()
        begun = time.monotonic()
        with pytest.raises(DeadlineError, match=r"not done after 0\.6 s"):
            get(http, f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.6)
        assert time.monotonic() - begun < 2
        thread.join()


def _trickle(listener: socket.socket, head: bytes, first: bytes = b"") -> None:
    """Answer one request byte by byte; before it another one, whole, where there is an answer."""
    connection, _ = listener.accept()
    with connection:
        if first:
            connection.recv(4096)
            connection.sendall(first)
        connection.recv(4096)
        connection.sendall(head)
        try:
            for _ in range(100):
                time.sleep(0.05)
                connection.sendall(b"x")
        except OSError:
            return


def test_a_trickle_on_a_used_connection_ends_at_the_deadline(http):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        first = OK + b"content-length: 0\r\n\r\n"
        thread = threading.Thread(target=_trickle, args=(listener, OK + b"x: ", first))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert get(http, url).status == 200
        with pytest.raises(DeadlineError, match=r"not done after 0\.6 s"):
            get(http, url, seconds=0.6)
        thread.join()


def test_nobody_listens(http):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ConnectError, match="connection refused, connecting") as caught:
        get(http, url)
    assert caught.value.retryable


def test_a_host_that_does_not_exist(http):
    with pytest.raises(ConnectError) as caught:
        get(http, "https://nosuchhost.invalid")
    assert not caught.value.retryable


def test_abort_breaks_what_is_in_flight(server):
    http = Http()
    url = answering(server, silent=True)
    threading.Timer(0.2, http.abort).start()
    begun = time.monotonic()
    with pytest.raises(ConnectError, match="GET /x: stopped"):
        get(http, url, seconds=60)
    assert time.monotonic() - begun < 5
    with pytest.raises(ConnectError, match="stopped"):
        get(http, url)
    http.resume()
    server.bend("GET", "/y", lambda _call, _answer: Answer())
    assert get(http, server.url, "/y").status == 200
    http.close()


def test_f53_the_environment_is_not_asked(server, http, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    answering(server, body=b"direct")
    assert get(http, server.url).body == b"direct"
    assert "authorization" not in server.calls[0].headers


class TestTls:
    def test_a_root_of_ones_own(self, tmp_path):
        authority = make_authority(tmp_path)
        http = Http(ca_file=authority.ca_file)
        with scripted_registry(tls=authority.server_context()) as server:
            assert get(http, answering(server, body=b"safe")).body == b"safe"
        http.close()

    @pytest.mark.parametrize(
        ("context", "reason"),
        [
            ({"address": "127.0.0.2"}, "IP address mismatch"),
            ({"days": -1}, "certificate has expired"),
        ],
    )
    def test_f53_certificates_that_do_not_fit(self, tmp_path, context, reason):
        authority = make_authority(tmp_path)
        http = Http(ca_file=authority.ca_file)
        with (
            scripted_registry(tls=authority.server_context(**context)) as server,
            pytest.raises(ConnectError, match=reason) as caught,
        ):
            get(http, server.url)
        assert not caught.value.retryable
        http.close()

    def test_f53_an_unknown_root(self, tmp_path, http):
        authority = make_authority(tmp_path)
        with (
            scripted_registry(tls=authority.server_context()) as server,
            pytest.raises(ConnectError, match="not authentic") as caught,
        ):
            get(http, server.url)
        assert "--ca-file" in str(caught.value.hint)

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
    def test_f53_an_old_tls(self, tmp_path):
        authority = make_authority(tmp_path)
        http = Http(ca_file=authority.ca_file)
        context = authority.server_context(newest=ssl.TLSVersion.TLSv1_1)
        with (
            scripted_registry(tls=context) as server,
            pytest.raises(ConnectError, match=r"does not speak TLS 1\.2 or newer") as caught,
        ):
            get(http, server.url)
        assert not caught.value.retryable
        http.close()

    def test_no_tls_at_all(self, server, http):
        with pytest.raises(ConnectError, match="does not speak TLS") as caught:
            get(http, server.url.replace("http:", "https:"))
        assert not caught.value.retryable
        assert "begin with http://" in (caught.value.hint or "")

    def test_f53_no_key_log(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
        authority = make_authority(tmp_path)
        http = Http(ca_file=authority.ca_file)
        with scripted_registry(tls=authority.server_context()) as server:
            get(http, answering(server))
        http.close()
        assert not (tmp_path / "keys").exists()

    def test_a_file_without_certificates(self, tmp_path):
        (tmp_path / "ca.pem").write_text("nothing\n")
        with pytest.raises(FileError, match="no PEM certificate"):
            Http(ca_file=tmp_path / "ca.pem")
        with pytest.raises(FileError, match="no such file"):
            Http(ca_file=tmp_path / "gone.pem")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("999999999999999999999", 999999999.0),
        ("-5 bananas", None),
        ("1.5", None),
        ("٣", None),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 12:00:30", 30.0),
        ("Fri, 30 Jan 2026 12:00:00 GMT", 0.0),
        ("Sat, 99 Foo 2026", None),
        (f"Sat, 31 Jan 2026 7:{'1' * 20}", None),  # more than a date can hold
        (f"Sat, 31 Jan 2026 12:00:00 +{'9' * 12}", None),
    ],
)
def test_retry_after(text, seconds):
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert read_retry_after(text, now=now) == seconds
