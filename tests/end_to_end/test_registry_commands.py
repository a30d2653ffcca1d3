"""The client's commands as a person types them, against the embedded registry."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.commands import Machine
from tests.support.registry import COMMAND, running_registry
from tests.support.submission import make_signed
from tests.support.terminal import Terminal

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def machine(tmp_path, registry, monkeypatch) -> Machine:
    """A machine that knows the registry as `prod`; its desktop has no keyring."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SIGNKIT_KEYRING", "off")
    made = Machine(tmp_path)
    command = ("registry", "profile", "add", "prod", "--registry", registry.url)
    added = made.run(*command, stdin=registry.token)
    assert added.code == 0, added.err
    assert registry.token.strip() not in added.out + added.err
    return made


def of(machine: Machine, *words: object):
    return machine.ok("registry", *words, "--profile", "prod")


def test_records_from_the_first_to_the_last(machine, tmp_path):
    name = f"it's {tmp_path.name}"
    artifact = of(machine, "artifacts", "create", f"name={name}", 'custom_metadata={"a":1}')
    assert of(machine, "artifacts", "list", f"name={name}")["artifacts"] == [artifact]
    version = of(machine, "versions", "create", f"artifact_prn={artifact['prn']}", "version=1.0.0")
    binary = of(
        machine,
        "binaries",
        "create",
        f"artifact_version_prn={version['prn']}",
        "target=any",
        f"hash={'ab' * 32}",
        "size=5",
    )
    assert of(machine, "binaries", "get", binary["prn"]) == binary
    fields = ("index=1", f"hash={'ab' * 32}", "size=5", "expected_binary_size=5")
    part = of(machine, "parts", "create", f"binary_prn={binary['prn']}", *fields)
    assert part["presigned_upload_url"].startswith("http://127.0.0.1:")
    (listed,) = of(machine, "parts", "list", f"binary_prn={binary['prn']}")["binary_parts"]
    assert (listed["index"], listed["state"]) == (1, "uploadable")
    table = machine.run(
        "registry", "binaries", "list", "state=uploadable", "--limit", "1", "--profile", "prod"
    )
    assert table.out.split()[:5] == ["PRN", "TARGET", "STATE", "SIZE", "HASH"]


def test_what_was_submitted_is_found(machine, tmp_path):
    make_signed(tmp_path, artifact=f"artifact-{tmp_path.name}")
    (item,) = machine.ok("submit", "model.response.json", "--profile", "prod")["items"]
    prn = item["result"]["binary_prn"]
    (signature,) = of(machine, "signatures", "list", f"binary_prn={prn}")["binary_signatures"]
    assert of(machine, "signatures", "get", signature["prn"]) == signature
    keyids = [key["keyid"] for key in of(machine, "keys", "list")["signing_keys"]]
    assert item["result"]["keyids"][0] in keyids
    bundle = of(machine, "bundles", "create", f"name={tmp_path.name}", f"binaries={prn}")
    found = of(machine, "bundles", "list", f"name={tmp_path.name}")["bundles"]
    assert [each["prn"] for each in found] == [bundle["prn"]]


def test_the_token_is_in_no_list_of_processes(machine, registry):
    """Neither the arguments nor the environment of a command that has read it hold it."""
    token = registry.token.strip().encode()
    process = subprocess.Popen(
        [*COMMAND, "registry", "profile", "add", "slow", "--registry", registry.url],
        env=machine.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(token)
    process.stdin.flush()  # and not closed yet: the command waits for more
    proc = Path(f"/proc/{process.pid}")
    seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert token not in seen + out + err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["artifacts", "list"], "expected one of --registry and --profile"),
        (["artifacts", "list", "--profile", "none"], "no profile 'none': there is prod"),
        (["artifacts", "list", "colour=red", "--profile", "prod"], "the fields are name"),
        (["parts", "list", "--profile", "prod"], "expected binary_prn=PRN"),
        (["artifacts", "create", "name", "--profile", "prod"], "expected FIELD=VALUE"),
        (["artifacts", "create", "--profile", "prod"], "Missing argument"),
        (["artifacts", "create", "name=a", "custom_metadata=x", "--profile", "prod"], "JSON"),
        (["profile", "add", "prod", "--registry", "https://r.example"], "already"),
        (["profile", "add", "../x", "--registry", "https://r.example"], "expected letters"),
        (["profile", "add", "x", "--registry", "nonsense"], "expected http"),
        (["profile", "add", "x", "--registry", "http://r.example"], "--insecure-http"),
        (["profile", "remove", "none"], "no profile"),
    ],
)
def test_the_wrong_words(machine, words, said):
    ran = machine.run("registry", *words, stdin="skr_another\n")
    assert ran.code == 2, ran.err
    assert said in ran.err


def test_a_record_that_is_not_there(machine):
    ran = machine.run("registry", "artifacts", "get", "prn:1:x", "--profile", "prod")
    assert ran.code == 6
    assert "404" in ran.err
    assert "what belongs to others is not there for this token" in ran.err


def test_a_profile_whose_roots_are_not_there_is_not_kept(machine):
    command = ("registry", "profile", "add", "x", "--registry", "https://r.example")
    ran = machine.run(*command, "--ca-file", "no.pem", stdin="skr_another\n")
    assert (ran.code, "no.pem cannot be read" in ran.err) == (8, True)
    assert len(machine.ok("registry", "profile", "list")["profiles"]) == 1


def test_a_list_at_a_terminal_of_80_columns(machine, registry):
    of(machine, "artifacts", "create", f"name={machine.folder.name}")
    command = ["-m", "signkit.cli", "registry", "artifacts", "list", "--profile", "prod"]
    terminal = Terminal(command, machine.environment(COLUMNS="80"))
    assert terminal.wait() == 0
    assert f"name         {machine.folder.name}" in terminal.shown


def test_a_profile_that_others_can_write(machine, tmp_path):
    (tmp_path / "config/signkit/profiles.json").chmod(0o622)
    ran = machine.run("registry", "keys", "list", "--profile", "prod")
    assert ran.code == 2
    assert "chmod 600" in ran.err


def test_removed(machine, tmp_path):
    machine.ok("registry", "profile", "remove", "prod")
    assert machine.ok("registry", "profile", "list")["profiles"] == []
    assert list((tmp_path / "config/signkit/tokens").iterdir()) == []
