"""keys publish as a process of its own, against the embedded registry as another."""

from __future__ import annotations

import pytest

from signkit.verify import limits
from tests.support.commands import Machine
from tests.support.registry import running_registry
from tests.support.registry_api import calling

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry):
    with calling(registry) as api:
        yield api


@pytest.fixture
def machine(tmp_path, registry) -> Machine:
    """A machine with a key, and the token in its default place."""
    made = Machine(tmp_path)
    made.new_key("prod")
    made.write("home/token", registry.token, mode=0o600)
    return made


def test_a_key_of_the_store(api, machine, registry, tmp_path):
    name = f"prod-{tmp_path.name}"
    options = ("--registry", registry.url, "--name", name)
    made = machine.ok("keys", "publish", "prod", *options)
    assert made["created"]
    there = api.ask("GET", f"/signing_keys/{made['prn']}")
    raw = machine.ok("keys", "show", "prod")["raw_base64"]
    assert (there["name"], there["value"], there["keyid"]) == (name, raw, made["keyid"])

    again = machine.ok("keys", "publish", "prod", *options)
    assert again == made | {"created": False}

    other = machine.run("keys", "publish", "prod", "--registry", registry.url, "--name", "x")
    assert other.code == 0
    assert f"the registry calls this key {name}, not x" in other.err

    machine.new_key("next")
    refused = machine.run("keys", "publish", "next", *options, "--json")
    assert refused.error["code"] == "state"
    assert raw in refused.error["error"]


def test_only_the_public_file_is_opened(machine, registry):
    """Whoever reads a private file of this size fails."""
    (machine.home / "keys" / "prod.pem").write_bytes(bytes(limits.KEY_FILE_SIZE + 1))
    assert machine.run("keys", "show", "./home/keys/prod.pem").code != 0
    assert machine.ok("keys", "publish", "prod", "--registry", registry.url)["created"]


def test_a_public_key_file(machine, registry):
    machine.ok("keys", "convert", "prod", "--public", "--to", "der", "--out", "key.der")
    made = machine.ok(
        "keys", "publish", "key.der", "--name", "from a file", "--registry", registry.url
    )
    assert (made["created"], made["name"]) == (True, "from a file")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nobody"], "key-not-found", "no public key 'nobody'"),
        (["pkcs11:token=a;object=b"], "key-not-found", "no public key 'pkcs11:"),
        (["key.pem"], "usage", "expected --name"),
        (["home/keys/prod.pem", "--name", "x"], "unsupported-version", "private"),
        (["prod", "--name", "a\tb"], "malformed", "--name"),
        (["prod", "--token-file", "pw2"], "usage", "can be read by others"),
    ],
)
def test_what_is_refused_before_the_registry_hears_of_it(machine, registry, arguments, code, said):
    machine.ok("keys", "convert", "prod", "--public", "--to", "pem", "--out", "key.pem")
    machine.write("pw2", "token", mode=0o644)
    before = registry.log.read_text() if registry.log.exists() else ""
    ran = machine.run("keys", "publish", *arguments, "--registry", registry.url, "--json")
    assert (ran.error["code"], said in ran.error["error"]) == (code, True), ran.err
    assert (registry.log.read_text() if registry.log.exists() else "") == before
