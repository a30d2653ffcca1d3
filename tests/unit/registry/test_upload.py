"""Senders that pause, come too many at once, or arrive while the server ends."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.registry import make_token
from tests.support.registry_api import Api

# One thread for whole bodies, and as much patience as a test says.
IMPATIENT = """
import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path
from signkit.registry import server, upload
from signkit.registry.server import serve
from signkit.registry.settings import Settings

upload._LENT_THREADS = 1
server._GRACE_SECONDS = 1
settings = Settings(data=Path(sys.argv[1]), idle_seconds=float(sys.argv[2]))
announce = lambda ready: print(dumps(asdict(ready)), flush=True)
serve(settings, host="127.0.0.1", port=0, announce=announce)
"""
DATA = b"x" * 2_000_000


@contextmanager
def impatient(folder, seconds):
    """Run a registry that waits so long for the next byte, and yield it with its API."""
    token = make_token(folder / "d", "test")
    with (
        (folder / "err").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, str(folder / "d"), str(seconds)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as server,
    ):
        line = server.stdout.readline() if server.stdout else ""
        api = Api(json.loads(line)["url"], token)
        with api.http, api.bare:
            yield server, api
        server.terminate()
        assert server.wait(30) == 0


@pytest.fixture
def api(tmp_path):
    with impatient(tmp_path, 1.0) as (_, api):
        yield api


def begin(url, size):
    """Send the head and a piece of the body, then pause."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += f"Content-Length: {len(DATA)}\r\n\r\n"
    connection.sendall(head.encode() + DATA[:size])
    return connection


def read_all(connection):
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def test_senders_that_pause_are_given_up(api, tmp_path):
    """One on the thread for whole bodies, the others on the ordinary way."""
    binary = api.binary(DATA)
    url = api.declare(binary, 1, DATA)["presigned_upload_url"]
    connections = [begin(url, size) for size in (0, 1, 300_000)]
    for connection in connections:
        with connection:
            answer = read_all(connection)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"nothing arrived for 1 seconds" in answer
            assert b"connection: close" in answer
    assert [part["state"] for part in api.parts(binary)] == ["uploadable"]
    assert list((tmp_path / "d" / "content" / "incoming").iterdir()) == []
    assert api.send(url, DATA).status_code == 200


def test_more_senders_than_threads(api):
    binary = api.binary(DATA * 6)
    urls = [api.declare(binary, index, DATA)["presigned_upload_url"] for index in range(1, 7)]
    answers: list[int] = []

    def send(url):
        with httpx.Client(timeout=30) as client:
            answers.extend(client.put(url, content=DATA).status_code for _ in range(2))

    threads = [threading.Thread(target=send, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 12
    assert api.hashed(binary)["state"] == "signable"


def test_a_sender_that_goes_away_on_either_way(api, tmp_path):
    binary = api.binary(DATA)
    url = api.declare(binary, 1, DATA)["presigned_upload_url"]
    with begin(url, 10):
        for size in (1, 700_000):
            begin(url, size).close()
    assert api.send(url, DATA).status_code == 200
    assert [part["state"] for part in api.parts(binary)] == ["valid"]
    assert "Traceback" not in (tmp_path / "err").read_text()


def test_a_stop_does_not_wait_for_ever(tmp_path):
    """Senders that hang, one on each way, are cut off after the time of grace."""
    with impatient(tmp_path, 60) as (server, api):
        binary = api.binary(DATA)
        url = api.declare(binary, 1, DATA)["presigned_upload_url"]
        with begin(url, 300_000), begin(url, 300_000):
            wait_until(lambda: len(list((tmp_path / "d" / "content" / "incoming").iterdir())) == 2)
            server.terminate()
            assert server.wait(30) == 0
    assert list((tmp_path / "d" / "content" / "incoming").iterdir()) == []


def wait_until(true):
    pause = threading.Event()
    for _ in range(400):
        if true():
            return
        pause.wait(0.05)
    raise AssertionError
