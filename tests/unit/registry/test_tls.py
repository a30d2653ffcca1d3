"""TLS under a given certificate, and what a proxy is believed."""

from __future__ import annotations

import json
import shutil
import signal
import ssl
import subprocess
import threading
import time
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from signkit.errors import RegistryError
from signkit.registry.tls import Certificate, open_tls
from tests.support.forked import run_signkit
from tests.support.registry import running_registry
from tests.support.registry_api import Api
from tests.support.tls import make_authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory, authority):
    """A registry under a certificate of its own, which may be replaced; the last test stops it."""
    folder = tmp_path_factory.mktemp("registry")
    path = folder / "server.pem"
    shutil.copy(authority.server_file(), path)
    with running_registry(folder, "--tls-certificate", str(path)) as running:
        yield running, path


@pytest.fixture(scope="module")
def api(secure, authority):
    trust = ssl.create_default_context(cafile=str(authority.ca_file))
    made = Api(secure[0].url, secure[0].token, trust=trust)
    with made.http, made.bare:
        yield made


def test_the_whole_road_under_tls(secure, api):
    running, _path = secure
    assert running.url.startswith("https://127.0.0.1:")
    parts = [sha256(b"1").digest() * 200_000, b"2"]
    binary = api.signed(*parts)
    url = api.call("GET", f"/binaries/{binary['prn']}/download_url").json()["download_url"]
    assert url.startswith(running.url)
    assert api.bare.get(url).content == b"".join(parts)


@pytest.mark.parametrize(("version", "status"), [("-tls1_1", 1), ("-tls1_2", 0), ("-tls1_3", 0)])
def test_versions(secure, version, status):
    parts = urlsplit(secure[0].url)
    command = ["openssl", "s_client", "-cipher", "ALL:@SECLEVEL=0", version, "-connect"]
    done = subprocess.run(
        [*command, f"{parts.hostname}:{parts.port}"],
        check=False,
        input=b"",
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == status


def serial(registry):
    parts = urlsplit(registry.url)
    return ssl.get_server_certificate((parts.hostname, parts.port))


def test_a_certificate_that_was_renewed(secure, authority):
    """SIGHUP: connections from then on get the new one; a broken one changes nothing."""
    running, path = secure
    before = serial(running)
    shutil.copy(authority.server_file(days=2), path)
    running.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 20
    while serial(running) == before and time.monotonic() < until:
        time.sleep(0.05)
    renewed = serial(running)
    assert renewed != before
    path.write_text("no certificate")
    running.process.send_signal(signal.SIGHUP)
    while "stays in use" not in running.log.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert serial(running) == renewed
    assert json.loads(running.log.read_text().splitlines()[-1])["event"] == "error"


def test_a_stop_under_tls_finishes_parts_on_their_way_in(secure, api, authority):
    running, _path = secure
    data = sha256(b"slow").digest() * 50_000
    url = api.declare(api.binary(data), 1, data)["presigned_upload_url"]
    begun, answers = threading.Event(), []

    def drip():
        yield data[:1000]
        begun.set()
        time.sleep(1.0)
        yield data[1000:]

    def send():
        headers = {"content-length": str(len(data))}
        answers.append(api.bare.put(url, content=drip(), headers=headers).status_code)

    sender = threading.Thread(target=send)
    sender.start()
    assert begun.wait(20)
    assert running.stop() == 0
    sender.join()
    assert answers == [200]


@pytest.mark.parametrize("content", ["", "no certificate"])
def test_files_that_are_no_certificate(tmp_path, content):
    path = tmp_path / "certificate.pem"
    path.write_text(content)
    with pytest.raises(RegistryError, match="cannot be used"):
        open_tls(Certificate(path=path))


def test_a_key_of_another_certificate(tmp_path, authority):
    one = shutil.copy(authority.server_file(), tmp_path / "one.pem")
    other = shutil.copy(authority.server_file(), tmp_path / "other.pem")
    with pytest.raises(RegistryError, match="cannot be used"):
        open_tls(Certificate(path=one, key=other))
    with pytest.raises(RegistryError, match=r"missing\.pem cannot be used"):
        open_tls(Certificate(path=one, key=tmp_path / "missing.pem"))


def test_an_encrypted_key_asks_nobody(tmp_path, authority):
    path = authority.server_file()
    key = tmp_path / "key.pem"
    command = ["openssl", "pkcs8", "-topk8", "-in", path, "-passout", "pass:x", "-out", key]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(RegistryError, match="cannot be used"):
        open_tls(Certificate(path=path, key=key))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls-key", "k"], "--tls-key without --tls-certificate"),
        (["--tls-certificate", "nowhere.pem"], "nowhere.pem cannot be used"),
        (["--trusted-proxy", "proxy.test"], "expected an address or a network"),
        (["--trusted-proxy", "10.0.0.1/8"], "expected an address or a network"),
        (["--trusted-proxy", "*"], "expected an address or a network"),
    ],
)
def test_options_that_make_no_sense(tmp_path, options, said):
    done = run_signkit("registry", "serve", "--data", tmp_path / "d", "--port", "0", *options)
    assert done.returncode in {2, 9}
    assert said in done.stderr
    assert "Traceback" not in done.stderr


FORWARDED = {"x-forwarded-for": "203.0.113.7, 127.0.0.2", "x-forwarded-proto": "https"}


def seen(registry):
    """The address in the log and the scheme of a presigned URL, of a request with headers."""
    api = Api(registry.url, registry.token)
    with api.http, api.bare:
        binary = api.signed(b"seen")
        path = f"/binaries/{binary['prn']}/download_url"
        answer = api.call("GET", path, headers={**FORWARDED, "x-request-id": "the-request"})
    url = answer.json()["download_url"]
    until = time.monotonic() + 20
    while '"the-request"' not in registry.log.read_text() and time.monotonic() < until:
        time.sleep(0.01)
    (line,) = (line for line in registry.log.read_text().splitlines() if '"the-request"' in line)
    return json.loads(line)["client"], urlsplit(url).scheme


def test_a_stranger_is_not_believed(tmp_path):
    """The attacker says that he is somebody else, behind https."""
    with running_registry(tmp_path, "--trusted-proxy", "10.0.0.0/8") as registry:
        assert seen(registry) == ("127.0.0.1", "http")


def test_a_proxy_that_is_named_is_believed(tmp_path):
    """Up to the first address that is no proxy: what stands left of it, anybody may have written."""
    with running_registry(tmp_path, "--trusted-proxy", "127.0.0.0/8") as registry:
        assert seen(registry) == ("203.0.113.7", "https")
