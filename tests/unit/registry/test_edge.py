"""What every request passes through: who is asking, and how refusals look."""

from __future__ import annotations

import json
import re
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

PATHS = ["/users/me", "/artifacts", "/artifact_versions", "/binaries", "/signing_keys"]


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER"])
def test_both_schemes(api, registry, scheme):
    headers = {"authorization": f"{scheme} {registry.token}"}
    answer = api.bare.get(f"{api.url}/users/me", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["data"].keys() == {"email", "username", "organization_prn"}


@pytest.mark.parametrize(
    "value", [None, "", "Token", "Basic eDp5", "Token x", "Tokenx", "Token " + "x" * 5000]
)
@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_that_counts(api, value, path):
    headers = {} if value is None else {"authorization": value}
    answer = api.bare.get(api.url + path, headers=headers)
    assert answer.status_code == 401
    assert list(answer.json()["errors"]) == ["detail"]
    assert "Bearer" in answer.headers["www-authenticate"]
    assert value is None or len(value) < 7 or value not in answer.text


def test_nothing_is_read_before_the_token(api):
    answer = api.bare.post(f"{api.url}/artifacts", content=b"{")
    assert answer.status_code == 401


@pytest.mark.parametrize(("version", "status"), [("1", 200), ("2", 200), ("3", 422), ("", 422)])
def test_api_versions(api, version, status):
    answer = api.call("GET", "/users/me", headers={"x-api-version": version})
    assert answer.status_code == status


def test_no_api_version_is_the_newest(api, registry):
    headers = {"authorization": f"Token {registry.token}"}
    assert api.bare.get(f"{api.url}/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["//users/me", "///users//me"])
def test_slashes_that_a_base_url_left(registry, path):
    assert raw(registry, f"GET {path} HTTP/1.1").startswith(b"HTTP/1.1 200 OK")


def raw(registry, line, *more):
    parts = urlsplit(registry.url)
    head = [line, f"Host: {parts.netloc}", f"Authorization: Token {registry.token}", *more]
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall("\r\n".join([*head, "Connection: close", "", ""]).encode())
        connection.settimeout(20)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/docs/", 404),
        ("GET", "/redoc", 404),
        ("POST", "/openapi.json", 405),
        ("GET", "/artifacts/", 404),
        ("DELETE", "/users/me", 405),
        ("PUT", "/artifacts", 405),
        ("OPTIONS", "/artifacts", 405),
    ],
)
def test_what_is_not_there(api, method, path, status):
    answer = api.call(method, path)
    assert answer.status_code == status
    expected = {404: "not found", 405: "method not allowed"}[status]
    assert answer.json() == {"errors": {"detail": expected}}


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/artifacts", "GET, POST"),
        ("/artifacts/x", "DELETE, GET, PATCH"),
        ("/binaries/x/parts/1", "PUT"),
        ("/content/x/y", "GET, HEAD"),
        ("/docs", "GET"),
    ],
)
def test_a_method_that_is_not_there_names_those_that_are(api, path, methods):
    answer = api.call("TRACE", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_headers(api):
    ids = set()
    for path in ("/users/me", "/nowhere", "/artifacts"):
        headers = api.call("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in headers
        ids.add(headers["peridio-request-id"])
    assert len(ids) == 3
    assert all(re.fullmatch("[A-Za-z0-9]{20}", identity) for identity in ids)


def test_head_of_a_request_is_bounded(registry):
    answer = raw(registry, "GET /users/me HTTP/1.1", "X: " + "y" * 70_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert raw(registry, f"GET /{'y' * 70_000} HTTP/1.1").startswith(b"HTTP/1.1 431 ")
    assert raw(registry, "GET / HTTP/1.1", *["X: y"] * 101).startswith(b"HTTP/1.1 431 ")
    assert raw(registry, "nonsense").startswith(b"HTTP/1.1 400 ")


def test_without_a_host(registry):
    parts = urlsplit(registry.url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(
            f"GET /users/me HTTP/1.0\r\nAuthorization: Token {registry.token}\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")


def logged(registry, answer):
    """The requests in the log, once the last answer is there: it goes out before its line."""
    identity = answer.headers["peridio-request-id"]
    until = time.monotonic() + 20
    while identity not in registry.log.read_text().splitlines()[-1] and time.monotonic() < until:
        time.sleep(0.01)
    lines = [json.loads(line) for line in registry.log.read_bytes().decode("ascii").splitlines()]
    return [line for line in lines if line["event"] == "request"]


def test_a_line_of_the_log_for_each_request(api, registry):
    data = b"logged"
    binary = api.binary(data)
    url = api.declare(binary, 1, data)["presigned_upload_url"]
    api.send(url, data)
    api.call("GET", "/artifacts/%0a%1b[31m%20x\u00e4")
    answer = api.call("GET", "/users/me?secret=query")
    lines = logged(registry, answer)
    names = ["time", "event", "id", "client", "organization", "token", "method", "path"]
    names += ["status", "in", "out", "ms"]
    path = urlsplit(url).path
    (sent,) = (line for line in lines if line["path"] == path)
    assert list(sent) == [name for name in names if name not in {"organization", "token"}]
    assert (sent["method"], sent["status"], sent["in"], sent["out"]) == ("PUT", 200, len(data), 0)
    assert list(lines[-1]) == names
    assert lines[-1]["id"] == answer.headers["peridio-request-id"]
    assert lines[-1]["organization"] == binary["organization_prn"].removeprefix("prn:1:")
    assert lines[-2]["path"] == "/artifacts/\n\x1b[31m x\u00e4"
    everything = registry.log.read_text() + registry.errors.read_text()
    for secret in (registry.token, "signature=", "secret=query"):
        assert secret not in everything


@pytest.mark.parametrize("header", ["peridio-request-id", "x-request-id"])
@pytest.mark.parametrize(
    "given", ["12345678", "a-b.c_d-" * 8, "8ced1740-7fbf-407e-9d6e-afec9399cc41"]
)
def test_the_id_that_a_client_gave(api, registry, header, given):
    answer = api.call("GET", "/nowhere", headers={header: given})
    assert answer.headers["peridio-request-id"] == given
    assert logged(registry, answer)[-1]["id"] == given


@pytest.mark.parametrize(
    "given", ["", "1234567", "x" * 65, "1234 5678", '12345678"', "12345678\u00e4"]
)
def test_an_id_that_is_none_is_passed_over(api, given):
    headers = {"x-request-id": given.encode()}
    answer = api.call("GET", "/users/me", headers=headers)
    assert re.fullmatch("[A-Za-z0-9]{20}", answer.headers["peridio-request-id"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_token(registry, path):
    assert registry.metrics is None  # nothing is listened on that was not asked for
    answer = httpx.get(registry.url + path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
