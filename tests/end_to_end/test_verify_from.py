"""signkit verify --from: from a registry that is real, and from hosts that lie."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from signkit.cli import start
from signkit.client import download
from tests.support import trust_roots
from tests.support.bundle_world import METADATA, TARGET, make_bundle, make_release
from tests.support.commands import Machine, Ran
from tests.support.content_host import Asked, ContentHost, Said, content_host
from tests.support.documents import statement_envelope
from tests.support.keys import PROD, SPARE, STRANGER
from tests.support.registry import RunningRegistry, running_registry
from tests.support.registry_api import Api, Value, calling

pytestmark = pytest.mark.server

CONTENT = bytes(range(256)) * 40_000  # 10.24 MB: two ranges
SMALL = b"Hello, Binary\n"


@dataclass(frozen=True)
class World:
    """A registry and a release in it."""

    registry: RunningRegistry
    api: Api
    release: Value

    def manifest(self, **more: str) -> str:
        query = {"artifact": self.release["artifact"], "target": TARGET, **more}
        return f"{self.registry.url}/manifest?{urlencode(query)}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The registry."""
    with (
        running_registry(tmp_path_factory.mktemp("registry")) as registry,
        calling(registry) as api,
    ):
        yield World(registry, api, make_release(api, CONTENT, sequence=5))


class Desk(Machine):
    """A machine in whose process the command runs, as `signkit` begins."""

    capsys: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def run(self, *arguments: object, **_more: Any) -> Ran:
        self.capsys.readouterr()
        self.patch.setattr("sys.argv", ["signkit", *map(str, arguments)])
        code = start.main()
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)

    def verify(self, url: str, *arguments: object) -> Ran:
        return self.run("verify", "--from", url, *arguments)

    def left(self) -> set[str]:
        """What is in the folder beside what was there from the beginning."""
        given = {"home", "trust.json", "token", "prod.pem"}
        return {path.name for path in self.folder.iterdir()} - given


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A machine with the devices' trust root."""
    made = Desk(tmp_path)
    _equip(made)
    object.__setattr__(made, "capsys", capsys)
    object.__setattr__(made, "patch", monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNKIT_HOME", str(made.home))
    return made


def _equip(made: Machine) -> None:
    trust = trust_roots.first(threshold=1)
    made.write("trust.json", trust_roots.signed_file(trust, *trust_roots.CUSTODIANS))
    made.write("prod.pem", PROD.public_key.raw.hex())


@pytest.fixture
def online(desk: Desk, world: World) -> Desk:
    """The same with the registry's token."""
    desk.write("token", world.registry.token, mode=0o600)
    return desk


TRUST = ("--trust", "trust.json")
TOKEN = ("--token-file", "token")


def test_a_device_gets_its_release(tmp_path: Path, world: World) -> None:
    """Processes of their own: the registry, and the command as a device runs it."""
    machine = Machine(tmp_path)
    _equip(machine)
    machine.write("token", world.registry.token, mode=0o600)
    ran = machine.run(
        *("verify", "--from", world.manifest(), *TOKEN, *TRUST, "--target", TARGET),
        *("--output", "model.bin", "--json"),
    )
    assert ran.code == 0, ran.err
    assert (tmp_path / "model.bin").read_bytes() == CONTENT
    said = ran.json
    assert (said["verified"], said["artifact"], said["sequence"]) == (
        True,
        world.release["artifact"],
        5,
    )
    assert said["file"] == f"{world.registry.url}/manifest"
    assert said["registry_keyids"] == [PROD.public_key.keyid]
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.bin",
        "prod.pem",
        "token",
        "trust.json",
    }


def test_without_an_output_nothing_stays(online: Desk, world: World) -> None:
    ran = online.verify(world.manifest(), *TOKEN, *TRUST)
    assert ran.code == 0, ran.err
    assert f"verified: {world.registry.url}/manifest" in ran.out
    assert list((online.home / "from").iterdir()) == []
    assert online.left() == set()


def test_out_of_a_bundle(online: Desk, world: World) -> None:
    other = make_release(world.api, SMALL, target="aarch64-none")
    bundle = make_bundle(world.api, world.release, other)
    url = f"{world.registry.url}/bundles/{bundle['prn']}/manifest"
    several = online.verify(url, *TOKEN, *TRUST, "--json")
    assert (several.code, several.error["code"]) == (4, "context")
    assert "offers 2 contents" in several.error["error"]
    none = online.verify(url, *TOKEN, *TRUST, "--target", "x86", "--json")
    assert "offers 0 contents" in none.error["error"]
    chosen = online.verify(url, *TOKEN, *TRUST, "--target", "aarch64-none", "--output", "m")
    assert chosen.code == 0, chosen.err
    assert (online.folder / "m").read_bytes() == SMALL


def test_a_state_rises_and_refuses_what_is_older(online: Desk, world: World) -> None:
    """What is too old is not even fetched."""
    older = make_release(world.api, SMALL, sequence=4)
    state = ("--state", "state")
    assert online.run("verify", *state, "--init", "trust.json").code == 0
    assert online.verify(world.manifest(), *TOKEN, *state).code == 0
    path = f"/binaries/{older['prn']}"
    statement = statement_envelope(
        artifact=world.release["artifact"],
        size=len(SMALL),
        digest={"sha256": sha256(SMALL).hexdigest()},
        custom_metadata=METADATA,
        sequence=4,
    )
    world.api.ask("PATCH", path, {"custom_metadata": {**METADATA, "signkit": statement}})
    before = world.registry.log.read_text()
    params = urlencode({"artifact": older["artifact"], "target": TARGET})
    ran = online.verify(f"{world.registry.url}/manifest?{params}", *TOKEN, *state, "--json")
    assert (ran.code, ran.error["code"]) == (16, "rollback")
    assert "/content/" not in world.registry.log.read_text()[len(before) :]


def test_signed_by_others(online: Desk, world: World) -> None:
    """What nobody here trusts is not even fetched."""
    online.write("other.pem", STRANGER.public_key.raw.hex())
    before = world.registry.log.read_text()
    ran = online.verify(world.manifest(), *TOKEN, "--key", "other.pem", "--output", "m", "--json")
    assert (ran.code, ran.error["code"]) == (11, "statement-refused")
    assert "/content/" not in world.registry.log.read_text()[len(before) :]
    assert online.left() == {"other.pem"}


def test_blind(online: Desk, world: World) -> None:
    url = world.manifest()
    ran = online.verify(url, *TOKEN, "--key", "prod.pem", "--no-statement", "--output", "m")
    assert ran.code == 0, ran.err
    assert (online.folder / "m").read_bytes() == CONTENT
    online.write("spare.pem", SPARE.public_key.raw.hex())
    refused = online.verify(url, *TOKEN, "--key", "spare.pem", "--no-statement", "--json")
    assert (refused.code, refused.error["code"]) == (4, "signature-invalid")


def test_an_output_that_is_there_is_said_before_anything_is_fetched(
    online: Desk, world: World
) -> None:
    online.write("m", b"old")
    before = world.registry.log.read_text()
    options = (*TOKEN, *TRUST, "--output", "m")
    assert online.verify(world.manifest(), *options).code == 8
    assert "/content/" not in world.registry.log.read_text()[len(before) :]
    assert online.verify(world.manifest(), *options, "--force").code == 0
    assert (online.folder / "m").read_bytes() == CONTENT


def test_no_token_is_sent_unasked(online: Desk, world: World) -> None:
    (online.home).mkdir()
    online.write("home/token", world.registry.token, mode=0o600)
    ran = online.verify(world.manifest(), *TRUST, "--json")
    assert (ran.code, ran.error["code"]) == (6, "status")
    assert "401" in ran.error["error"]


def test_a_release_that_is_not_there(online: Desk, world: World) -> None:
    ran = online.verify(world.manifest(version="9"), *TOKEN, *TRUST, "--json")
    assert (ran.code, ran.error["code"]) == (6, "status")
    assert "404" in ran.error["error"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--from", "http://127.0.0.1/", *TRUST, "model.bin"), "expected no FILE beside --from"),
        (("--from", "http://127.0.0.1/", *TRUST, "--files-from", "x"), "no FILE beside --from"),
        (("--from", "http://127.0.0.1/", *TRUST, "--manifest", "x"), "expected one of --from"),
        (("--from", "http://127.0.0.1/", *TRUST, "--statement", "x"), "expected one of"),
        (("--from", "http://127.0.0.1/", "--state", "s", "--init"), "no FILE beside --from"),
        (("--from", "http://127.0.0.1/"), "expected --key, --trust or --state"),
        (("model.bin", *TRUST, "--token-file", "x"), "expected --from beside the options"),
        (("--from", *TRUST), "expected a value after --from"),
        (("--from", "registry.example", *TRUST), "expected http:// or https://"),
        (("--from", "http://registry.example/m", *TRUST), "expected https"),
        (("--from", "https://registry.example/m?a=b c", *TRUST), "printable ASCII"),
        (("--from", "https://registry.example/m?a#b", *TRUST), "printable ASCII"),
        (("--from", "https://x@registry.example/m", *TRUST), "no user name"),
        (("--from", "http://127.0.0.1/", *TRUST, "--timeout", "1.5"), "--timeout: expected"),
        (("--from", "http://127.0.0.1/", *TRUST, "--token-env", "NOBODYS"), "is not set"),
        (("--from", "http://127.0.0.1/", *TRUST, "--download-host", "a/b"), "expected a host"),
    ],
)
def test_usage(arguments: tuple[str, ...], text: str, desk: Desk) -> None:
    ran = desk.run("verify", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert text in ran.err


def test_a_token_that_others_can_read(desk: Desk) -> None:
    desk.write("token", "x", mode=0o644)
    assert "can be read by others" in desk.verify("http://127.0.0.1/", *TRUST, *TOKEN).err


# Hosts that lie ---------------------------------------------------------------------------------


class Offering:
    """A host that offers SMALL, in ranges of 5 bytes, and lies about it."""

    def __init__(self, host: ContentHost) -> None:
        self.host = host
        self.item: dict[str, Any] = {
            "hash": sha256(SMALL).hexdigest(),
            "size": len(SMALL),
            "target": TARGET,
            "url": f"{host.url}/content",
            "signatures": [
                {
                    "signature": PROD.sign(sha256(SMALL).hexdigest().encode()).hex(),
                    "public_value": PROD.public_key.raw.hex(),
                }
            ],
            "custom_metadata": {
                **METADATA,
                "signkit": statement_envelope(custom_metadata=METADATA, expires=None),
            },
        }
        self.manifest: bytes | None = None
        self.content: Callable[[Asked, Said], Said] = lambda _asked, said: said
        host.lie = self._answer

    @property
    def url(self) -> str:
        return f"{self.host.url}/manifest"

    @property
    def fetched(self) -> list[Asked]:
        return [asked for asked in self.host.asked if not asked.path.startswith("/manifest")]

    def _answer(self, asked: Asked, said: Said) -> Said:
        if not asked.path.startswith("/manifest"):
            return self.content(asked, said)
        body = self.manifest
        if body is None:
            body = json.dumps({"manifest": [self.item]}).encode()
        return Said(status=200, headers={"content-length": str(len(body))}, body=body)


@pytest.fixture
def offering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offering]:
    """A host of a release."""
    monkeypatch.setattr(download, "RANGE_SIZE", 5)
    with content_host(SMALL) as host:
        yield Offering(host)


def refusal(desk: Desk, offering: Offering, *more: str) -> tuple[int, str, str]:
    """Exit code, code and message; the output has not appeared, and is not left anywhere."""
    ran = desk.verify(offering.url, *TRUST, "--output", "m", "--timeout", "1", "--json", *more)
    assert ran.code != 0
    assert not (desk.folder / "m").exists()
    return ran.code, ran.error["code"], ran.error["error"]


def test_an_honest_host(desk: Desk, offering: Offering) -> None:
    ran = desk.verify(offering.url, *TRUST, "--output", "m")
    assert ran.code == 0, ran.err
    assert (desk.folder / "m").read_bytes() == SMALL
    assert len(offering.fetched) == 3
    assert desk.left() == {"m"}


def test_wrong_size(desk: Desk, offering: Offering) -> None:
    """Attacker: offers more bytes than were signed. Nothing is fetched."""
    offering.item["size"] = 53_687_091_200_000
    code, name, said = refusal(desk, offering)
    assert (code, name) == (10, "digest-mismatch")
    assert "expected 14 bytes" in said
    assert offering.fetched == []


def test_another_digest(desk: Desk, offering: Offering) -> None:
    offering.item["hash"] = sha256(b"x").hexdigest()
    assert refusal(desk, offering)[:2] == (10, "digest-mismatch")
    assert offering.fetched == []


def test_other_metadata(desk: Desk, offering: Offering) -> None:
    offering.item["custom_metadata"]["peridiod"] = {"installer": "evil"}
    assert refusal(desk, offering)[:2] == (10, "digest-mismatch")
    assert offering.fetched == []


def test_another_target(desk: Desk, offering: Offering) -> None:
    offering.item["target"] = ""
    assert desk.verify(offering.url, *TRUST, "--target", TARGET).code == 0
    offering.item["target"] = "aarch64-other"
    assert refusal(desk, offering)[:2] == (4, "context")


def test_no_statement_in_it(desk: Desk, offering: Offering) -> None:
    del offering.item["custom_metadata"]["signkit"]
    assert refusal(desk, offering)[0] == 11
    assert offering.fetched == []


def test_no_registry_signature_that_verifies(desk: Desk, offering: Offering) -> None:
    offering.item["signatures"][0]["signature"] = "AB" * 64
    assert refusal(desk, offering)[:2] == (4, "signature-invalid")


def test_wrong_content(desk: Desk, offering: Offering) -> None:
    offering.content = lambda _asked, said: replace(said, body=b"x" * len(said.body))
    assert refusal(desk, offering)[:2] == (10, "digest-mismatch")
    folder = desk.folder / ".m.from"
    assert list(folder.iterdir()) == []


def test_a_changed_etag_between_ranges(desk: Desk, offering: Offering) -> None:
    offering.content = lambda asked, said: replace(
        said, headers={**said.headers, "etag": f'"{asked.first}"'}
    )
    code, name, said = refusal(desk, offering)
    assert (code, name) == (7, "receipt-mismatch")
    assert "entity tag" in said


def test_truncated_and_then_taken_up(desk: Desk, offering: Offering) -> None:
    offering.content = lambda asked, said: replace(said, cut=2) if asked.first == 10 else said
    assert refusal(desk, offering)[:2] == (6, "connect")
    (part,) = (desk.folder / ".m.from").iterdir()
    assert part.read_bytes() == SMALL[:10]
    offering.content = lambda _asked, said: said
    before = len(offering.fetched)
    assert desk.verify(offering.url, *TRUST, "--output", "m").code == 0
    assert [asked.first for asked in offering.fetched[before:]] == [10]
    assert desk.left() == {"m"}


def test_slow(desk: Desk, offering: Offering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signkit.client.download.allowed_seconds", lambda _size, _total: 0.2)
    offering.content = lambda _asked, said: replace(said, slow=True)
    assert refusal(desk, offering)[:2] == (6, "deadline")


def test_endless(desk: Desk, offering: Offering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signkit.client.http.REPLY_SIZE", 1_000_000)

    def endless(_asked: Asked, said: Said) -> Said:
        headers = {**said.headers, "connection": "close"}
        del headers["content-length"]
        return replace(said, headers=headers, body=bytes(20_000_000))

    offering.content = endless
    assert refusal(desk, offering)[:2] == (6, "reply-too-large")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]x", b'{"manifest": 7}', b'[{"hash": "x"}]', b"[" * 100_000]
)
def test_no_manifest(body: bytes, desk: Desk, offering: Offering) -> None:
    offering.manifest = body
    code, name, said = refusal(desk, offering)
    assert (code, name) == (6, "transport")
    assert "is no manifest" in said


def test_a_manifest_without_end(
    desk: Desk, offering: Offering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signkit.client.http.REPLY_SIZE", 1_000_000)
    offering.manifest = b" " * 1_000_001
    assert refusal(desk, offering)[:2] == (6, "reply-too-large")


def test_content_elsewhere(desk: Desk, offering: Offering) -> None:
    """Attacker: has the device ask a host inside of its network."""
    offering.item["url"] = offering.item["url"].replace("127.0.0.1", "localhost")
    code, name, said = refusal(desk, offering)
    assert (code, name) == (7, "submission")
    assert "another host, localhost" in said
    options = (*TRUST, "--output", "m", "--download-host", "localhost")
    assert desk.verify(offering.url, *options).code == 0


def test_no_address(desk: Desk, offering: Offering) -> None:
    offering.item["url"] = None
    assert refusal(desk, offering)[:2] == (6, "transport")


def test_a_manifest_that_is_elsewhere_is_not_followed(desk: Desk, offering: Offering) -> None:
    """Attacker: takes the token to another host."""
    desk.write("token", "secret", mode=0o600)
    offering.host.lie = lambda _asked, _said: Said(
        status=302, headers={"content-length": "0", "location": "http://127.0.0.2:1/"}, body=b""
    )
    assert refusal(desk, offering, *TOKEN)[:2] == (6, "status")


def test_the_token_goes_to_the_manifest_alone(desk: Desk, offering: Offering) -> None:
    desk.write("token", "secret", mode=0o600)
    assert desk.verify(offering.url, *TRUST, *TOKEN).code == 0
    with_token = [asked.path for asked in offering.host.asked if "authorization" in asked.headers]
    assert with_token == ["/manifest"]


def test_an_address_that_expires_is_asked_for_anew(desk: Desk, offering: Offering) -> None:
    def expiring(asked: Asked, said: Said) -> Said:
        if asked.path == "/content" and asked.first:
            offering.item["url"] = f"{offering.host.url}/fresh"
            return Said(status=403, headers={"content-length": "0"}, body=b"")
        return said

    offering.content = expiring
    assert desk.verify(offering.url, *TRUST, "--output", "m").code == 0
    paths = [asked.path for asked in offering.host.asked]
    assert paths == ["/manifest", "/content", "/content", "/manifest", "/fresh", "/fresh"]


def test_somebody_writes_into_the_folder(desk: Desk, offering: Offering) -> None:
    """Attacker: has put other content where the fetched one will be. It is judged as any."""
    folder = desk.folder / ".m.from"
    folder.mkdir()
    (folder / offering.item["hash"]).write_bytes(b"hello, binary\n")
    assert refusal(desk, offering)[:2] == (10, "digest-mismatch")
    assert not folder.exists()
    assert desk.verify(offering.url, *TRUST, "--output", "m").code == 0


def test_a_folder_that_cannot_be_written(desk: Desk, offering: Offering) -> None:
    ran = desk.verify(offering.url, *TRUST, "--output", os.path.join("nowhere", "m"), "--json")
    assert (ran.code, ran.error["code"]) == (8, "file")


def test_a_device_has_no_such_option() -> None:
    from signkit.device.main import run

    assert run(["--from", "http://127.0.0.1/", "--key", "x"], program="signkit-verify") == 2
