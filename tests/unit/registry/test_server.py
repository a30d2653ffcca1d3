"""The process: how it starts, what it refuses, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import threading
import time
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest

from signkit.errors import UsageError
from signkit.registry.server import check_host
from tests.support.forked import run_signkit
from tests.support.keys import PUBLISHED
from tests.support.registry import COMMAND, make_token, running_registry
from tests.support.registry_api import calling


def run(*arguments, **more):
    return run_signkit("registry", *arguments, **more)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_quietly(tmp_path, number):
    with running_registry(tmp_path) as registry:
        registry.process.send_signal(number)
        assert registry.process.wait(30) == 0
        assert registry.errors.read_text() == ""


def test_what_is_made_is_private(tmp_path):
    with running_registry(tmp_path) as registry:
        assert stat.S_IMODE(registry.data.stat().st_mode) == 0o700
        assert stat.S_IMODE((registry.data / "secret").stat().st_mode) == 0o600
        assert len((registry.data / "secret").read_bytes()) == 32
        assert stat.S_IMODE(registry.log.stat().st_mode) == 0o600


def test_a_folder_has_one_server(tmp_path):
    with running_registry(tmp_path) as registry:
        second = run("serve", "--data", registry.data, "--port", 0)
        assert second.returncode == 9
        assert f"another registry serves the data folder {registry.data}" in second.stderr
    with running_registry(tmp_path):
        pass


def test_a_port_has_one_server(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--data", tmp_path / "d", "--port", port)
    assert done.returncode == 9
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_leave(host):
    check_host(host, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.test", ""])  # noqa: S104
def test_other_hosts_do(host):
    check_host(host, insecure=True)
    with pytest.raises(UsageError, match="unencrypted"):
        check_host(host, insecure=False)


def test_refuses_to_serve_beyond_this_machine(tmp_path):
    done = run("serve", "--data", tmp_path / "d", "--port", 0, "--host", "0.0.0.0")  # noqa: S104
    assert done.returncode == 2
    assert "--insecure-http" in done.stderr
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://h", "http://", "http://h/path", "http://h?q", "http://u@h", "http://h\n"],
)
def test_public_urls_that_are_none(tmp_path, url):
    done = run("serve", "--data", tmp_path / "d", "--port", 0, "--public-url", url)
    assert done.returncode == 2
    assert "--public-url" in done.stderr


def test_public_url(tmp_path):
    url = "https://registry.test:8443"
    with running_registry(tmp_path, "--public-url", url + "/") as registry:
        assert registry.url == url
        answer = [line for line in registry.errors.read_text().splitlines() if "listen" in line]
        assert answer == []


def test_ipv6(tmp_path):
    with running_registry(tmp_path, "--host", "::1") as registry, calling(registry) as api:
        assert registry.url.startswith("http://[::1]:")
        api.upload(api.binary(b"six"), b"six")


def test_says_where_it_is(tmp_path):
    command = [*COMMAND, "registry", "serve", "--port", "0"]
    home = {"SIGNKIT_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=home
    ) as server:
        assert server.stdout
        assert server.stderr
        line = server.stdout.readline()
        assert line.startswith("registry: http://127.0.0.1:")
        assert httpx.get(f"{line.split()[1]}/users/me").status_code == 401
        server.terminate()
        said = server.stderr.read()
    data = tmp_path / "home" / "registry"
    assert f"get a token: signkit registry token new --data {data}" in said


def test_tokens(tmp_path):
    data = tmp_path / "d"
    token = make_token(data, "ci")
    assert token.startswith("skr_")
    taken = run("token", "new", "--data", data, "--name", "ci")
    assert (taken.returncode, "there is a token named 'ci' already" in taken.stderr) == (9, True)
    plain = run("token", "new", "--data", data, "--name", "other")
    assert plain.stdout.startswith("skr_")
    listed = json.loads(run("token", "list", "--data", data, "--json").stdout)["tokens"]
    assert [(each["name"], each["revoked_at"]) for each in listed] == [
        ("ci", None),
        ("other", None),
    ]
    assert token not in run("token", "list", "--data", data).stdout
    for path in data.rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes()


def test_a_revoked_token_is_refused_at_once(tmp_path):
    with running_registry(tmp_path) as registry, calling(registry) as api:
        name = json.loads(run("token", "list", "--data", registry.data, "--json").stdout)
        assert api.call("GET", "/users/me").status_code == 200
        revoked = run("token", "revoke", name["tokens"][0]["name"], "--data", registry.data)
        assert (revoked.returncode, revoked.stdout.startswith("revoked: ")) == (0, True)
        assert api.call("GET", "/users/me").status_code == 401


@pytest.mark.parametrize("command", [["list"], ["revoke", "x"]])
def test_tokens_of_no_registry(tmp_path, command):
    done = run("token", *command, "--data", tmp_path / "nowhere")
    assert (done.returncode, "there is no registry in" in done.stderr) == (9, True)
    assert not (tmp_path / "nowhere").exists()
    make_token(tmp_path / "d", "a")
    assert run("token", "revoke", "b", "--data", tmp_path / "d").returncode == 9


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb"])
def test_names_that_no_token_has(tmp_path, name):
    assert run("token", "new", "--data", tmp_path / "d", "--name", name).returncode == 3


def test_a_damaged_database_is_refused(tmp_path):
    make_token(tmp_path / "d", "a")
    for path in (tmp_path / "d").glob("registry.sqlite3*"):
        path.unlink()
    (tmp_path / "d" / "registry.sqlite3").write_bytes(b"x" * 8192)
    done = run("serve", "--data", tmp_path / "d", "--port", 0)
    assert (done.returncode, "the database cannot be used" in done.stderr) == (9, True)
    assert "Traceback" not in done.stderr


def test_a_log_file_that_cannot_be_opened(tmp_path):
    done = run("serve", "--data", tmp_path / "d", "--port", 0, "--log-file", tmp_path)
    assert (done.returncode, "log file" in done.stderr) == (9, True)


def test_a_stop_finishes_parts_on_their_way_in(tmp_path):
    data = sha256(b"slow").digest() * 50_000
    with running_registry(tmp_path) as registry, calling(registry) as api:
        binary = api.binary(data)
        url = api.declare(binary, 1, data)["presigned_upload_url"]
        begun, answers = threading.Event(), []

        def drip():
            yield data[:1000]
            begun.set()
            time.sleep(1.0)
            yield data[1000:]

        def send():
            headers = {"content-length": str(len(data))}
            answers.append(httpx.put(url, content=drip(), headers=headers, timeout=30).status_code)

        sender = threading.Thread(target=send)
        sender.start()
        assert begun.wait(20)
        assert registry.stop() == 0
        sender.join()
        assert answers == [200]
    with running_registry(tmp_path) as registry, calling(registry) as api:
        assert [part["state"] for part in api.parts(binary)] == ["valid"]


def test_a_drain_serves_on_and_is_not_ready(tmp_path):
    with running_registry(tmp_path, "--drain", "60") as registry:
        registry.process.terminate()
        until = time.monotonic() + 20
        while httpx.get(f"{registry.url}/readyz").status_code == 200 and time.monotonic() < until:
            time.sleep(0.02)
        answer = httpx.get(f"{registry.url}/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "the server stops"})
        with calling(registry) as api:
            api.upload(api.binary(b"drained"), b"drained")
        assert httpx.get(f"{registry.url}/healthz").status_code == 200
        assert registry.process.poll() is None
        assert registry.stop() == 0  # a second signal ends the drain


def test_published_keys_are_enrolled_only_where_allowed(tmp_path):
    value = b64encode(PUBLISHED.public_key.raw).decode()
    with running_registry(tmp_path) as registry, calling(registry) as api:
        answer = api.call("POST", "/signing_keys", {"value": value, "name": "test"})
        assert answer.status_code == 422
        assert "anybody can sign with it" in answer.text
    with running_registry(tmp_path, "--allow-test-keys") as registry, calling(registry) as api:
        binary = api.signable(b"content")
        assert api.sign(binary, PUBLISHED).status_code == 201
