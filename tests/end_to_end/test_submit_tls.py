"""A registry and its store behind TLS, under a root of one's own."""

from __future__ import annotations

import pytest

from tests.support.commands import Machine
from tests.support.hostile_registry import TOKEN, scripted_registry
from tests.support.submission import make_signed
from tests.support.tls import make_authority

pytestmark = pytest.mark.server


@pytest.fixture
def machine(tmp_path) -> Machine:
    made = Machine(tmp_path)
    made.home.mkdir()
    made.write("home/token", TOKEN, mode=0o600)
    make_signed(tmp_path)
    return made


@pytest.fixture
def registry(tmp_path):
    (tmp_path / "ca").mkdir()
    authority = make_authority(tmp_path / "ca")
    with scripted_registry(tls=authority.server_context()) as running:
        yield running


def test_w24_the_root_holds_for_uploads_too(machine, registry):
    command = ("submit", "model.response.json", "--registry", registry.url)
    machine.ok(*command, "--ca-file", "ca/ca.pem")
    assert len(registry.made("PUT", "/upload/")) == 3


def test_f53_without_the_root_nothing_is_said(machine, registry):
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert (ran.code, registry.calls) == (6, [])
    assert "not authentic" in ran.err
    assert "--ca-file" in ran.err


def test_f53_proxies_and_key_logs_of_the_environment_are_ignored(machine, registry):
    log = machine.folder / "keys.log"
    proxy = "http://127.0.0.1:1"
    ran = machine.run(
        "submit",
        "model.response.json",
        "--registry",
        registry.url,
        "--ca-file",
        "ca/ca.pem",
        env={"HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "SSLKEYLOGFILE": str(log)},
    )
    assert ran.code == 0, ran.err
    assert not log.exists()
