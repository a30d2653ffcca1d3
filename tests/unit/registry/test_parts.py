"""Declaring parts and sending them: what is checked, and what a presigned URL allows."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from hashlib import sha256
from urllib.parse import urlsplit

import httpx
import pytest

MIB = 1024 * 1024
DATA = b"0123456789" * 100


def url_of(api, data=DATA, content=None):
    binary = api.binary(content or data)
    return binary, api.declare(binary, 1, data)["presigned_upload_url"]


def state_of(api, binary):
    return [part["state"] for part in api.parts(binary)]


def test_sent_twice_is_fine(api):
    binary, url = url_of(api)
    assert [api.send(url, DATA).status_code for _ in range(2)] == [200, 200]
    assert state_of(api, binary) == ["valid"]


@pytest.mark.folder
def test_declared_again_alike_stays_valid(api):
    binary, url = url_of(api)
    api.send(url, DATA)
    again = api.declare(binary, 1, DATA)
    assert (again["state"], again["prn"]) == ("valid", api.parts(binary)[0]["prn"])
    assert api.send(again["presigned_upload_url"], DATA).status_code == 200


@pytest.mark.folder
def test_declared_again_otherwise_begins_anew(api):
    binary, url = url_of(api)
    api.send(url, DATA)
    other = DATA[::-1]
    again = api.declare(binary, 1, other)
    assert again["state"] == "uploadable"
    assert api.send(url, DATA).status_code == 409
    assert state_of(api, binary) == ["uploadable"]
    assert api.send(again["presigned_upload_url"], other).status_code == 200
    assert api.hashed(api.binary(b""))["state"] == "signable"


@pytest.mark.folder
def test_w20_wrong_content(api):
    binary, url = url_of(api)
    wrong = bytes(len(DATA))
    right = b64encode(sha256(DATA).digest()).decode()
    answer = api.send(url, wrong, **{"x-amz-checksum-sha256": right})
    assert (answer.status_code, state_of(api, binary)) == (400, ["invalid_hash"])
    assert api.send(url, DATA).status_code == 200
    assert state_of(api, binary) == ["valid"]


@pytest.mark.folder
def test_wrong_checksum_header(api):
    binary, url = url_of(api)
    answer = api.send(url, DATA, **{"x-amz-checksum-sha256": "nonsense"})
    assert (answer.status_code, state_of(api, binary)) == (400, ["invalid_hash"])


@pytest.mark.folder
@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"x"])
def test_w20_wrong_length(api, data):
    binary, url = url_of(api)
    answer = api.send(url, data)
    assert (answer.status_code, state_of(api, binary)) == (400, ["invalid_size"])
    assert "content-length: expected 1000" in answer.json()["errors"]["detail"]


@pytest.mark.folder
def test_a_valid_part_cannot_be_spoiled(api):
    binary, url = url_of(api)
    api.send(url, DATA)
    assert api.send(url, bytes(len(DATA))).status_code == 400
    assert api.send(url, b"").status_code == 400
    assert state_of(api, binary) == ["valid"]


@pytest.mark.folder
def test_without_length(api):
    binary, url = url_of(api)
    answer = api.bare.put(url, content=iter([DATA]))
    assert (answer.status_code, state_of(api, binary)) == (411, ["uploadable"])


@pytest.mark.folder
def test_checksum_header_may_be_left_out(api):
    _, url = url_of(api)
    assert api.bare.put(url, content=DATA).status_code == 200


@pytest.mark.folder
def test_large_part_over_one_connection(api):
    """The socket is lent for the body and given back for what follows."""
    data = sha256(b"large").digest() * (9 * MIB // 32)
    binary, url = url_of(api, data)
    with httpx.Client() as client:
        assert [client.put(url, content=data).status_code for _ in range(3)] == [200] * 3
        assert client.put(url, content=data[:-1] + b"x").status_code == 400
        assert client.get(f"{api.url}/users/me").status_code == 401
    assert state_of(api, binary) == ["valid"]


@pytest.mark.folder
def test_expect_continue(api):
    _, url = url_of(api)
    answer, rest = talk(url, DATA, "Expect: 100-continue\r\nConnection: close\r\n", wait=True)
    assert answer.startswith(b"HTTP/1.1 100 Continue")
    assert b"HTTP/1.1 200 OK" in rest


def talk(url, body, headers, *, wait=False, leave=False):
    """Speak HTTP by hand; returns what came before and after the body was sent."""
    parts = urlsplit(url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += f"Content-Length: {len(DATA)}\r\n{headers}\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.settimeout(20)
        connection.sendall(head.encode())
        before = connection.recv(65536) if wait else b""
        connection.sendall(body)
        if leave:
            connection.shutdown(socket.SHUT_WR)
        after = b""
        while piece := connection.recv(65536):
            after += piece
    return before, after


def nothing_arrives(registry):
    """Wait until nothing is on its way in: the server clears up after the connection is gone."""
    incoming = registry.data / "content" / "incoming"
    until = time.monotonic() + 20
    while list(incoming.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    return not list(incoming.iterdir())


@pytest.mark.folder
def test_sender_goes_away(api, registry):
    binary, url = url_of(api)
    talk(url, DATA[:100], "", leave=True)
    assert state_of(api, binary) == ["uploadable"]
    assert nothing_arrives(registry)
    assert api.send(url, DATA).status_code == 200


@pytest.mark.folder
@pytest.mark.parametrize("end", ["uploadable", "DELETE"])
def test_a_part_of_a_binary_that_was_reset_meanwhile_leaves_nothing(api, registry, end):
    binary, url = url_of(api)
    parts = urlsplit(url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += f"Content-Length: {len(DATA)}\r\nConnection: close\r\n\r\n"
    incoming = registry.data / "content" / "incoming"
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.settimeout(20)
        connection.sendall(head.encode() + DATA[:100])
        while not list(incoming.iterdir()):
            time.sleep(0.01)
        if end == "DELETE":
            assert api.call("DELETE", f"/binaries/{binary['prn']}").status_code == 204
        else:
            assert api.move(binary, end).status_code == 200
        connection.sendall(DATA[100:])
        status = connection.recv(65536).split()[1]
    assert status == b"404"
    identity = binary["prn"].rpartition(":")[2]
    assert list((registry.data / "content").glob(f"*/{identity}")) == []
    assert nothing_arrives(registry)


@pytest.mark.folder
def test_two_requests_in_one_piece(api):
    """What follows the body in the same packets is the next request, not lost."""
    binary, url = url_of(api)
    parts = urlsplit(url)
    following = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    _, answers = talk(url, DATA + following, "")
    assert answers.count(b"HTTP/1.1 ") == 2
    assert answers.index(b" 200 OK") < answers.index(b" 404 ")
    assert parts.path.startswith("/upload/")
    assert state_of(api, binary) == ["valid"]


@pytest.mark.folder
def test_many_at_once(api):
    """More senders than threads that take a whole part: the others take the ordinary way."""
    pieces = [bytes([index]) * (300 * 1024) for index in range(48)]
    binary = api.binary(b"".join(pieces))
    urls = [
        api.declare(binary, index, data)["presigned_upload_url"]
        for index, data in enumerate(pieces, 1)
    ]
    statuses: list[int] = []

    def send(url, data):
        statuses.append(httpx.put(url, content=data, timeout=60).status_code)

    threads = [threading.Thread(target=send, args=pair) for pair in zip(urls, pieces, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 48
    assert api.hashed(binary)["state"] == "signable"


def test_two_senders_of_one_part(api):
    binary, url = url_of(api, sha256(b"both").digest() * (MIB // 8))
    data = sha256(b"both").digest() * (MIB // 8)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(api.send(url, data).status_code))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 6
    assert api.hashed(binary)["state"] == "signable"


TAMPERED = [
    ("revision=0", "revision=1"),
    ("size=1000", "size=1001"),
    ("hash=", "hash=0"),
    ("expires=", "expires=9"),
    ("signature=", "signature=0"),
    ("&signature=", "&other="),
    ("?", "?size=5&"),
    ("/1?", "/2?"),
    ("/1?", "/0001?"),
    ("/upload/", "/content/"),
]


@pytest.mark.folder
@pytest.mark.parametrize(("old", "new"), TAMPERED)
def test_a_url_allows_what_it_was_made_for_only(api, old, new):
    binary, url = url_of(api)
    assert old in url
    answer = api.send(url.replace(old, new, 1), DATA)
    # A second field of the same name does not count, whichever the server looks at.
    expected = {403, 404, 405} if old != "?" and new != "/0001?" else {200, 403}
    assert answer.status_code in expected
    if answer.status_code != 200:
        assert state_of(api, binary) == ["uploadable"]


def test_a_url_is_of_one_binary(api):
    _, url = url_of(api)
    other, _ = url_of(api)
    identity = other["prn"].rpartition(":")[2]
    parts = urlsplit(url)
    segments = parts.path.split("/")
    segments[3] = identity
    assert api.send(url.replace(parts.path, "/".join(segments)), DATA).status_code == 403


@pytest.mark.folder
def test_a_url_does_not_outlive_the_state(api):
    binary, url = url_of(api)
    api.send(url, DATA)
    assert api.hashed(binary)["state"] == "signable"
    answer = api.send(url, DATA)
    assert answer.status_code == 409
    assert answer.json()["errors"]["detail"] == "the binary is signable, expected uploadable"
    assert (
        api.call(
            "PUT",
            f"/binaries/{binary['prn']}/parts/1",
            {"expected_binary_size": 1000, "hash": "0" * 64, "size": 1000},
        ).status_code
        == 409
    )


@pytest.mark.folder
def test_the_url_follows_the_host_header(api):
    binary = api.binary(DATA)
    body = {"expected_binary_size": 1000, "hash": sha256(DATA).hexdigest(), "size": 1000}
    path = f"/binaries/{binary['prn']}/parts/1"
    answer = api.call("PUT", path, body, headers={"host": "registry.test:8443"})
    url = answer.json()["binary_part"]["presigned_upload_url"]
    assert url.startswith("http://registry.test:8443/upload/")
    for host in ("a b", "user@host", "host/path", "h:70000000", ""):
        assert api.call("PUT", path, body, headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expected_binary_size": 999}, "expected_binary_size"),
        ({"size": 1001}, "size"),
        ({"size": 0}, "size"),
        ({"hash": "0" * 63}, "hash"),
        ({"hash": "A" * 64}, "hash"),
        ({"hash": "0" * 64 + "\n"}, "hash"),
    ],
)
def test_declarations_that_do_not_fit(api, change, field):
    binary = api.binary(DATA)
    body = {"expected_binary_size": 1000, "hash": "0" * 64, "size": 1000, **change}
    answer = api.call("PUT", f"/binaries/{binary['prn']}/parts/1", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


@pytest.mark.parametrize("index", ["0", "10001", "-1", "x", "1.5"])
def test_indexes_that_do_not_exist(api, index):
    binary = api.binary(DATA)
    body = {"expected_binary_size": 1000, "hash": "0" * 64, "size": 1000}
    answer = api.call("PUT", f"/binaries/{binary['prn']}/parts/{index}", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["index"])


@pytest.mark.folder
def test_all_parts_are_listed_at_once(api):
    binary = api.binary(bytes(150))
    for index in range(150, 0, -1):
        api.declare(binary, index, b"\0")
    assert [part["index"] for part in api.parts(binary)] == list(range(1, 151))
