"""The proxy of docs/howto/run-a-registry.md, as it stands there, in a real nginx."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from uuid import uuid4

import pytest

from tests.support.commands import Machine
from tests.support.registry import RunningRegistry, running_registry
from tests.support.registry_api import Api
from tests.support.submission import make_signed
from tests.support.tls import make_authority

pytestmark = [pytest.mark.server, pytest.mark.sweep]

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "run-a-registry.md"
LARGE = bytes(range(256)) * 100_000  # 25.6 MB: more than any buffer on the way


def shown_file() -> str:
    """The file that the page shows."""
    text = PAGE.read_text()
    begin = text.index("    log_format")
    return dedent(text[begin : text.index("\n\n", begin)])


@dataclass(frozen=True)
class Proxied:
    """A registry and the proxy before it."""

    registry: RunningRegistry
    url: str
    folder: Path
    ca_file: Path

    @contextmanager
    def calling(self, token: str) -> Iterator[Api]:
        trust = ssl.create_default_context(cafile=self.ca_file)
        api = Api(self.url, token, trust=trust)
        with api.http, api.bare:
            yield api

    def log(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    if NGINX is None:
        pytest.skip("needs nginx (Debian: apt-get install nginx-light)")
    folder = tmp_path_factory.mktemp("nginx")
    authority = make_authority(folder)
    certificate = authority.server_file()
    with (
        running_registry(folder, "--trusted-proxy", "127.0.0.1") as registry,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        port = free.getsockname()[1]
        shown = shown_file()
        for there, here in (
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("/etc/ssl/registry.pem", str(certificate)),
            ("/etc/ssl/registry.key", str(certificate)),
            ("/var/log/nginx/registry.log", f"{folder}/registry.log"),
            ("http://127.0.0.1:8377", registry.url),
        ):
            assert shown.count(there) == 1, there
            shown = shown.replace(there, here)
        (folder / "registry.conf").write_text(shown)
        (folder / "nginx.conf").write_text(
            f"{'user root; ' if os.geteuid() == 0 else ''}daemon off; pid {folder}/pid;"
            f" error_log {folder}/error.log info; events {{}} http {{"
            + "".join(
                f" {name}_temp_path {folder}/{name};"
                for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            + f" include {folder}/registry.conf; }}"
        )
        free.close()
        command = [
            NGINX,
            "-p",
            str(folder),
            "-e",
            f"{folder}/error.log",
            "-c",
            f"{folder}/nginx.conf",
        ]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _await_port(port, process)
            yield Proxied(registry, f"https://127.0.0.1:{port}", folder, authority.ca_file)
        finally:
            process.terminate()
            process.wait()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    pytest.fail("nginx does not start")


def test_a_release_goes_through(proxied: Proxied, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.home.mkdir()
    machine.write("home/token", proxied.registry.token, mode=0o600)
    make_signed(tmp_path, content=LARGE, part_size=len(LARGE) - 5)
    command = ("submit", "model.response.json", "--registry", proxied.url)
    ran = machine.ok(*command, "--ca-file", str(proxied.ca_file))
    prn = ran["items"][0]["result"]["binary_prn"]
    with proxied.calling(proxied.registry.token) as api:
        address = api.ask("GET", f"/binaries/{prn}/download_url")
        assert address.startswith(proxied.url)
        assert api.bare.get(address).content == LARGE
        part = api.bare.get(address, headers={"range": "bytes=9-"})
        assert (part.status_code, part.content) == (206, LARGE[9:])


def test_what_is_refused_early_is_said(proxied: Proxied) -> None:
    """The registry answers and closes before it has the part: the answer must arrive, each time."""
    with proxied.calling("skr_nobody") as stranger:
        for _ in range(4):
            path = f"/upload/{uuid4()}/1?signature=00&expires=9999999999"
            assert stranger.bare.put(f"{proxied.url}{path}", content=LARGE).status_code == 404
            assert stranger.http.post("/artifacts", content=LARGE).status_code == 401


def test_nothing_is_written_down_on_the_way(proxied: Proxied) -> None:
    errors, access = proxied.log("error.log"), proxied.log("registry.log")
    assert "temporary file" not in errors
    assert "/upload/" in access
    assert "?" not in access
    for line in access.splitlines():
        if "/upload/" in line and " 200 " in line:
            assert line.rpartition(" ")[2] in proxied.registry.log.read_text()
