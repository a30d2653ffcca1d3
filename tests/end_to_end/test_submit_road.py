"""submit as a process of its own, against the embedded registry as another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from signkit.formats.registry_audit import read_audit
from signkit.verify.digest import Sha256
from tests.support.commands import Machine
from tests.support.keys import PROD, STATION, STRANGER
from tests.support.registry import COMMAND, RunningRegistry, running_registry
from tests.support.registry_api import Api, calling
from tests.support.submission import Signed, Submitter, make_signed, sign_items

pytestmark = pytest.mark.server

MIB = 1024 * 1024
# Runs the command as its entry point does, and then says its peak memory in KiB.
PEAK = """
import sys
from signkit.cli.start import main
code = main()
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0], file=sys.stderr)
sys.exit(code)
"""
MEASURED = (sys.executable, "-c", PEAK)
CONTENT = b"Hello, Binary\n" * 1000
PART_SIZE = 4096
MANY: dict[str, Any] = {"content": os.urandom(1024) * 3000, "part_size": 16 * 1024}
MANY_COUNT = 188


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
    """A networked machine whose home holds the token; the token's default place."""
    made = Machine(tmp_path)
    made.home.mkdir()
    made.write("home/token", registry.token, mode=0o600)
    return made


@pytest.fixture
def signed(tmp_path) -> Signed:
    """Four parts; the artifact has the test's own name."""
    return make_signed(
        tmp_path, content=CONTENT, part_size=PART_SIZE, artifact=f"artifact-{tmp_path.name}"
    )


def records(
    api: Api, signed: Signed, kind: str = "artifacts", *, limit: int = 10
) -> list[dict[str, Any]]:
    """The records of the test's own artifact."""
    item = signed.request.request.items[0]
    artifacts = api.call("GET", f"/artifacts?search=name:'{item.artifact}'").json()["artifacts"]
    if kind == "artifacts" or not artifacts:
        return artifacts
    found = f"/artifact_versions?search=artifact_prn:'{artifacts[0]['prn']}'"
    versions = api.call("GET", found).json()["artifact_versions"]
    search = f"artifact_version_prn:'{versions[0]['prn']}'"
    return api.call("GET", f"/binaries?limit={limit}&search={search}").json()["binaries"]


def log_lines(registry: RunningRegistry) -> list[str]:
    return registry.log.read_text().splitlines() if registry.log.exists() else []


def uploads(registry: RunningRegistry, prn: str, *, after: int = 0) -> list[int]:
    """The parts that the access log says were taken, from a line of the log on."""
    identity = prn.rpartition(":")[2]
    requests = [json.loads(line) for line in log_lines(registry)[after:] if identity in line]
    return [
        int(each["path"].rpartition("/")[2])
        for each in requests
        if each["path"].startswith("/upload/") and each["status"] == 200
    ]


def start(machine: Machine, registry_url: str, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "submit", "model.response.json", "--registry", registry_url, *more],
        cwd=machine.folder,
        env=machine.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    """Wait for something while a process runs."""
    until = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)


def end(process: subprocess.Popen[bytes], number: int) -> tuple[int, str]:
    process.send_signal(number)
    _out, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


def test_publishes_and_gives_back(api, machine, registry, signed):
    (report,) = machine.ok("submit", "model.response.json", "--registry", registry.url)["items"]
    prn = report["result"]["binary_prn"]
    assert report["result"] == {
        "binary_prn": prn,
        "state": "signed",
        "keyids": [PROD.public_key.keyid],
    }
    binary = api.ask("GET", f"/binaries/{prn}")
    statement = signed.response.items[0].signatures[1].value
    assert binary["custom_metadata"] == {
        "peridiod": {"installer": "file"},
        "signkit": statement,
    }
    (signature,) = binary["signatures"]
    assert signature["signature"] == signed.response.items[0].signatures[0].value
    url = api.ask("GET", f"/binaries/{prn}/download_url")
    assert httpx.get(url).content == CONTENT


def test_the_audit_says_where_the_ledger_of_the_station_stood(api, machine, registry, signed):
    """Of the signature, and of the binary that became signed by it: what the response says."""
    machine.ok("submit", "model.response.json", "--registry", registry.url)
    (binary,) = records(api, signed, "binaries")
    machine.ok("registry", "audit", "export", "--data", registry.data, "--out", "audit.jsonl")
    events = [line.entry for line in read_audit(machine.folder / "audit.jsonl")[0]]
    found = {
        (each.kind, each.ledger.station, each.ledger.sequence, each.ledger.head)
        for each in events
        if each.ledger
        and (each.id in binary["prn"] or (each.after or {}).get("binary", "-") in binary["prn"])
    }
    response = signed.response
    point = (STATION.public_key.keyid, response.sequence, response.ledger_after)
    assert found == {("binary", *point), ("binary_signature", *point)}


def test_a_second_run_changes_nothing(api, machine, registry, signed):
    first = machine.ok("submit", "model.response.json", "--registry", registry.url)
    before = records(api, signed, "binaries")
    assert machine.ok("submit", "model.response.json", "--registry", registry.url) == first
    assert records(api, signed, "binaries") == before


def test_steps_go_to_stderr_and_the_result_to_stdout(machine, registry, signed):
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert ran.code == 0
    assert ran.out.startswith(f"signed  artifact-{machine.folder.name} 1.0.0 aarch64")
    assert len(ran.out.splitlines()) == 1
    assert "parts to send: 4" in ran.err
    assert registry.token.strip() not in ran.err


def test_the_checkpoint_is_kept(machine, registry, signed):
    machine.ok("submit", "model.response.json", "--registry", registry.url)
    kept = (machine.home / "checkpoint.json").read_text()
    assert f"artifact-{machine.folder.name}" in kept
    assert sorted(path.name for path in machine.home.iterdir()) == [
        "checkpoint.json",
        "journal",
        "token",
    ]
    assert list((machine.home / "journal").iterdir()) == []


def test_a_machine_without_a_home(machine, registry, tmp_path):
    """The token comes from the environment, and nothing of signkit was ever kept here."""
    make_signed(tmp_path, artifact=f"artifact-{tmp_path.name}", part_size=100)
    token = {"SIGNKIT_REGISTRY_TOKEN": registry.token, "SIGNKIT_HOME": str(tmp_path / "a" / "b")}
    ran = machine.run("submit", "model.response.json", "--registry", registry.url, env=token)
    assert (ran.code, ran.out[:6]) == (0, "signed"), ran.err
    assert f"artifact-{tmp_path.name}" in (tmp_path / "a" / "b" / "checkpoint.json").read_text()


def test_a_torn_checkpoint_is_said_before_the_registry_hears_of_anything(machine, registry, signed):
    machine.write("home/checkpoint.json", "torn")
    log = log_lines(registry)
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert (ran.code, ran.out) == (7, "")
    assert "checkpoint.json" in ran.err
    assert "move it away" in ran.err
    assert log_lines(registry) == log


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_checkpoint_that_is_not_saved_hides_no_result(machine, registry, signed, more):
    """The disk fails at the last step, when the checkpoint is read again to be written."""
    trace = ["strace", "-f", "-q", "-o", "/dev/null", "-P", machine.home / "checkpoint.json"]
    inject = ["-e", "trace=openat", "-e", "inject=openat:error=EIO:when=2"]
    command = [sys.executable, "-m", "signkit.cli", "submit", "model.response.json"]
    ran = subprocess.run(
        [*trace, *inject, *command, "--registry", registry.url, *more],
        cwd=machine.folder,
        env=machine.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 8, ran.stderr
    assert "signed" in ran.stdout
    assert "checkpoint.json cannot be read: input/output error" in ran.stderr


def rewritten(signed):
    """The station's ledger, begun anew: the same ceremony at the same place with another head."""
    signed.answer(replace(signed.response, ledger_after=Sha256(b"\x09" * 32)))


def test_a_rewritten_ledger_is_refused_before_the_registry_hears_of_anything(
    machine, registry, signed
):
    """Attacker: the station's operator. Move: takes a ceremony back, and holds another instead."""
    machine.ok("submit", "model.response.json", "--registry", registry.url)
    rewritten(signed)
    log = log_lines(registry)
    ran = machine.run("submit", "model.response.json", "--registry", registry.url, "--json")
    assert (ran.code, ran.error["code"], ran.error["reason"]) == (
        13,
        "response-refused",
        "context",
    )
    assert "was rewritten, or begun anew: its head at ceremony 1 was 0101" in ran.error["error"]
    assert "--new-ledger" in ran.error["hint"]
    assert log_lines(registry) == log


def test_a_ledger_begun_anew_on_purpose(machine, registry, signed):
    machine.ok("submit", "model.response.json", "--registry", registry.url)
    rewritten(signed)
    options = ("--registry", registry.url)
    machine.ok("submit", "model.response.json", *options, "--new-ledger")
    machine.ok("submit", "model.response.json", *options)


def test_ceremonies_not_seen_here_are_said(machine, registry, signed):
    machine.ok("submit", "model.response.json", "--registry", registry.url)
    heads = {"ledger_before": Sha256(b"\x04" * 32), "ledger_after": Sha256(b"\x05" * 32)}
    signed.answer(replace(signed.response, sequence=5, **heads))
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert ran.code == 0
    assert "the station's ledger went on by 3 ceremonies that were not seen here" in ran.err


def test_f16_changed_content_is_refused_before_any_record_exists(api, machine, registry, signed):
    times = signed.content.stat()
    signed.content.write_bytes(CONTENT[:-1] + b"X")
    os.utime(signed.content, ns=(times.st_atime_ns, times.st_mtime_ns))
    log = log_lines(registry)
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert ran.code == 10
    assert str(signed.content) in ran.err
    assert signed.plan.items[0].digest.hex() in ran.err
    assert log_lines(registry) == log
    assert records(api, signed) == []


def test_a_dry_run_changes_nothing(api, machine, registry, signed):
    command = ("submit", "model.response.json", "--registry", registry.url)
    (item,) = machine.ok(*command, "--dry-run")["items"]
    assert item["create"] == ["artifact", "version", "binary"]
    assert (item["part_count"], item["size"]) == (4, len(CONTENT))
    assert records(api, signed) == []
    machine.ok(*command)
    ran = machine.run(*command, "--dry-run")
    assert "binary is signed; send nothing" in ran.out


def test_empty_content(machine, registry, tmp_path):
    make_signed(tmp_path, content=b"", artifact=f"artifact-{tmp_path.name}")
    machine.ok("submit", "model.response.json", "--registry", registry.url)


def test_w03_names_with_every_trap_of_the_search_grammar(registry, tmp_path):
    """Quotes, operators and backslashes stay part of the name, and the name is found again."""
    submitter = Submitter(registry.url, registry.token, tmp_path)
    for name in ("it's", "' and name~'", "back\\slash", "ends\\", "\\", "a and b:'c'", "ü~-<=>"):
        signed = make_signed(tmp_path, artifact=name, version=name, target=name)
        assert submitter.one(signed).binary == submitter.one(signed).binary
    submitter.http.close()


@pytest.mark.slow
def test_w21_memory_does_not_grow_with_the_parts(machine, tmp_path):
    """Four parts of 40 MiB under way at once; one copy of each would break either bound."""
    parts: dict[str, Any] = {"content": bytes(160 * MIB), "part_size": 40 * MIB}
    make_signed(tmp_path, artifact=f"artifact-{tmp_path.name}", **parts)
    with running_registry(tmp_path, fresh=True) as registry:
        machine.write("home/token", registry.token, mode=0o600)
        ran = subprocess.run(
            [*MEASURED, "submit", "model.response.json", "--registry", registry.url],
            cwd=tmp_path,
            env=machine.environment(),
            capture_output=True,
            check=True,
            timeout=120,
        )
        server = Path(f"/proc/{registry.process.pid}/status").read_text()
    client = int(ran.stderr.split()[-1])
    assert client * 1024 < 150 * MIB
    assert int(server.partition("VmHWM:")[2].split()[0]) * 1024 < 200 * MIB


def test_f03_a_killed_upload_goes_on_with_what_is_missing(api, machine, registry, tmp_path):
    """SIGKILL in the middle; the second run sends the missing parts and no other."""
    signed = make_signed(tmp_path, artifact=f"artifact-{tmp_path.name}", **MANY)
    line = len(log_lines(registry))
    process = start(machine, registry.url)
    wait_until(lambda: len(uploads(registry, "", after=line)) >= 20, process)
    end(process, signal.SIGKILL)
    time.sleep(0.5)  # what the server had received by then is still put away
    (binary,) = records(api, signed, "binaries")
    listed = api.call("GET", f"/binaries/{binary['prn']}/parts").json()["binary_parts"]
    valid = {part["index"] for part in listed if part["state"] == "valid"}
    assert 0 < len(valid) < MANY_COUNT
    line = len(log_lines(registry))
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert ran.code == 0, ran.err
    again = uploads(registry, binary["prn"], after=line)
    assert sorted(again) == sorted(set(range(1, MANY_COUNT + 1)) - valid)
    assert "going on with the upload of" in ran.err
    assert f"{len(valid)} of {MANY_COUNT} parts are there already" in ran.err


@pytest.mark.slow
def test_f03_killed_at_any_step_the_next_run_finishes(api, machine, registry, signed):
    """SIGKILL after the first, third, fifth ... call, run after run, until one gets through."""
    for count in range(1, 40, 3):
        until = len(log_lines(registry)) + count
        process = start(machine, registry.url)
        while process.poll() is None and len(log_lines(registry)) < until:
            time.sleep(0.001)
        code, _err = end(process, signal.SIGKILL)
        if code == 0:
            break
    ran = machine.run("submit", "model.response.json", "--registry", registry.url)
    assert ran.code == 0, ran.err
    assert len(records(api, signed)) == 1
    (binary,) = records(api, signed, "binaries")
    assert binary["state"] == "signed"
    assert len(binary["signatures"]) == 1
    assert sorted(uploads(registry, binary["prn"])) == [1, 2, 3, 4]


def test_f50_submitters_at_once(api, machine, registry, signed):
    """Four processes publish the same response in the same second."""
    processes = [start(machine, registry.url, "--concurrency", "2") for _ in range(4)]
    ended = [process.communicate(timeout=120) for process in processes]
    codes = [process.returncode for process in processes]
    assert codes == [0, 0, 0, 0], b"\n".join(err for _out, err in ended).decode()
    assert len(records(api, signed)) == 1
    (binary,) = records(api, signed, "binaries")
    assert (binary["state"], len(binary["signatures"])) == ("signed", 1)


def make_release(folder: Path, count: int) -> Signed:
    """A release of binaries of three parts each, for as many targets."""
    one = make_signed(folder, content=CONTENT[: 3 * PART_SIZE], part_size=PART_SIZE)
    (item,) = one.request.request.items
    named = item._replace(artifact=f"artifact-{folder.name}")
    items = [named._replace(target=f"target-{number}") for number in range(count)]
    return sign_items(folder, items, [one.plan.items[0]] * count, (PROD,))


def test_f50_two_hosts_submit_one_release_and_one_dies(api, machine, registry, tmp_path):
    """Two machines with homes of their own; one is killed in the middle, the other ends well."""
    signed = make_release(tmp_path, 12)
    other = Machine(tmp_path / "other")
    other.home.mkdir(parents=True)
    other.write("home/token", registry.token, mode=0o600)
    for path in tmp_path.glob("model.*.json"):
        shutil.copy(path, other.folder)
    line = len(log_lines(registry))
    doomed, steady = start(other, registry.url), start(machine, registry.url, "--json")
    wait_until(lambda: len(uploads(registry, "", after=line)) >= 10, doomed)
    end(doomed, signal.SIGKILL)
    out, err = steady.communicate(timeout=120)
    assert steady.returncode == 0, err.decode()
    report = json.loads(out)
    assert report["summary"] == {"item_count": 12, "done": 12, "failed": 0}
    assert len(records(api, signed)) == 1
    binaries = records(api, signed, "binaries", limit=100)
    assert len(binaries) == 12
    assert {(each["state"], len(each["signatures"])) for each in binaries} == {("signed", 1)}
    assert {each["prn"] for each in binaries} == {
        item["result"]["binary_prn"] for item in report["items"]
    }
    assert machine.run("submit", "model.response.json", "--registry", registry.url).code == 0


class TestHalves:
    """The content before the ceremony, the signatures after it."""

    def test_upload_then_attach(self, machine, registry, signed):
        upload = ("submit", "model.request.json", "--only-upload", "--registry", registry.url)
        (item,) = machine.ok(*upload)["items"]
        assert (item["result"]["state"], item["result"]["keyids"]) == ("signable", [])
        assert not (machine.home / "checkpoint.json").exists()
        assert "not signed yet" in machine.run(*upload).out
        signed.content.unlink()
        attach = ("submit", "model.response.json", "--only-attach", "--registry", registry.url)
        (item,) = machine.ok(*attach)["items"]
        assert (item["result"]["state"], item["result"]["keyids"]) == (
            "signed",
            [PROD.public_key.keyid],
        )
        assert (machine.home / "checkpoint.json").exists()

    @pytest.mark.usefixtures("signed")
    def test_the_plan_names_its_request(self, machine, registry):
        upload = ("submit", "model.plan.json", "--only-upload", "--registry", registry.url)
        assert machine.ok(*upload)["summary"]["done"] == 1
        outline = machine.ok(*upload, "--dry-run")
        assert outline["summary"] == {"item_count": 1, "part_count": 0, "size": 0}

    @pytest.mark.usefixtures("signed")
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["model.response.json", "--only-upload"], "ends in .request.json or .plan.json"),
            (["model.request.json"], "before the ceremony: --only-upload"),
            (["model.response.json", "--key", "model.bin"], "model.bin: public key: none of PEM"),
            (["model.request.json", "--only-upload", "--only-attach"], "nothing is signed yet"),
            (["model.request.json", "--only-upload", "--key", "prod.pub"], "nothing is signed yet"),
        ],
    )
    def test_the_wrong_words(self, machine, registry, arguments, said):
        ran = machine.run("submit", *arguments, "--registry", registry.url)
        assert ran.code in {2, 3}, ran.err
        assert said in ran.err

    @pytest.mark.usefixtures("signed")
    def test_attach_before_upload(self, machine, registry):
        attach = ("submit", "model.response.json", "--only-attach", "--registry", registry.url)
        ran = machine.run(*attach)
        assert ran.code == 7
        assert "expected its content uploaded" in ran.err


def test_a_deadline_ends_the_command(machine, registry, tmp_path):
    make_signed(tmp_path, artifact=f"artifact-{tmp_path.name}", content=CONTENT, part_size=20)
    ran = machine.run(
        "submit", "model.response.json", "--registry", registry.url, "--deadline", "1", "--json"
    )
    assert ran.code == 6, ran.err
    (item,) = ran.json["items"]
    assert "run the command again" in item["error"]["hint"]


def test_f14_ctrl_c_is_clean(machine, registry, tmp_path):
    make_signed(tmp_path, artifact=f"artifact-{tmp_path.name}", **MANY)
    line = len(log_lines(registry))
    process = start(machine, registry.url)
    wait_until(lambda: len(uploads(registry, "", after=line)) >= 5, process)
    code, err = end(process, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in err
    assert "run the command again" in err


@pytest.mark.slow
def test_a_registry_that_is_restarted_meanwhile(tmp_path):
    """SIGKILL for the registry in the middle of an upload; the client never notices for long."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    machine = Machine(tmp_path)
    machine.home.mkdir()
    make_signed(tmp_path, **MANY)
    with running_registry(tmp_path, "--port", port) as first:
        machine.write("home/token", first.token, mode=0o600)
        process = start(machine, first.url)
        wait_until(lambda: first.log.exists() and "/upload/" in first.log.read_text(), process)
        first.kill()
    with running_registry(tmp_path, "--port", port):
        _out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    assert b"trying again in" in err


@pytest.mark.usefixtures("signed")
class TestRefusals:
    """Each with its own exit code and one sentence."""

    def refused(self, machine: Machine, *arguments: object, code: int) -> str:
        ran = machine.run("submit", "model.response.json", *arguments)
        assert ran.code == code, ran.err
        assert ran.out == ""
        return ran.err

    def test_no_request_beside_it(self, machine, registry):
        (machine.folder / "model.request.json").unlink()
        said = self.refused(machine, "--registry", registry.url, code=2)
        assert "give the request with --request" in said

    def test_no_plan_beside_it(self, machine, registry):
        (machine.folder / "model.plan.json").rename(machine.folder / "elsewhere")
        said = self.refused(machine, "--registry", registry.url, code=2)
        assert "give the plan with --plan" in said
        machine.ok(
            "submit", "model.response.json", "--registry", registry.url, "--plan", "elsewhere"
        )

    def test_a_response_of_another_name(self, machine, registry, signed):
        signed.response_path.rename(machine.folder / "r.json")
        ran = machine.run("submit", "r.json", "--registry", registry.url)
        assert (ran.code, "--request" in ran.err) == (2, True)

    def test_a_flipped_bit_in_each_document(self, machine, registry):
        for name, code in (("response", 13), ("request", 12), ("plan", 7)):
            path = machine.folder / f"model.{name}.json"
            good = path.read_bytes()
            path.write_bytes(good.replace(b"sha256", b"sha257").replace(b"Iiwi", b"Iiwj", 1))
            if path.read_bytes() == good:
                path.write_bytes(good[:-60] + bytes([good[-60] ^ 1]) + good[-59:])
            self.refused(machine, "--registry", registry.url, code=code)
            path.write_bytes(good)

    def test_pins(self, machine, registry):
        machine.write("station.pub", STATION.public_key.raw.hex())
        machine.write("prod.pub", PROD.public_key.raw.hex())
        machine.write("stranger.pub", STRANGER.public_key.raw.hex())
        self.refused(machine, "--registry", registry.url, "--station", "stranger.pub", code=13)
        self.refused(machine, "--registry", registry.url, "--key", "stranger.pub", code=13)
        pins = ("--station", "station.pub", "--key", "stranger.pub", "--key", "prod.pub")
        machine.ok("submit", "model.response.json", "--registry", registry.url, *pins)

    def test_no_response(self, machine, registry):
        (machine.folder / "model.response.json").unlink()
        (machine.folder / "model.request.json").unlink()
        said = self.refused(machine, "--registry", registry.url, code=8)
        assert "response model.response.json cannot be read" in said

    def test_no_token_is_said_before_anything_is_hashed(self, machine, registry, signed):
        (machine.home / "token").unlink()
        signed.content.unlink()
        assert "no token" in self.refused(machine, "--registry", registry.url, code=2)

    def test_a_wrong_token_from_the_environment(self, machine, registry):
        ran = machine.run(
            "submit",
            "model.response.json",
            "--registry",
            registry.url,
            "--token-env",
            "MY_TOKEN",
            "--json",
            env={"MY_TOKEN": "skr_wrong"},
        )
        assert (ran.code, ran.error["code"]) == (6, "status")
        assert "skr_wrong" not in ran.err

    def test_nobody_there(self, machine):
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        said = self.refused(machine, "--registry", url, "--timeout", "2", code=6)
        assert "connection refused" in said

    def test_plain_http_to_another_machine(self, machine):
        said = self.refused(machine, "--registry", "http://registry.example", code=2)
        assert "expected https" in said

    def test_other_content_under_the_same_version_and_target(self, machine, registry):
        machine.ok("submit", "model.response.json", "--registry", registry.url)
        other: dict[str, Any] = {"content": b"other", "artifact": f"artifact-{machine.folder.name}"}
        make_signed(machine.folder, **other)
        ran = machine.run("submit", "model.response.json", "--registry", registry.url, "--json")
        assert ran.code == 7
        (item,) = ran.json["items"]
        assert item["error"]["code"] == "state"
        assert "result" not in item


def test_the_file_is_where_the_plan_says(machine, registry, signed, tmp_path):
    """The command may run anywhere: the plan's path is absolute."""
    (tmp_path / "elsewhere").mkdir()
    for path in tmp_path.glob("model.*.json"):
        path.rename(tmp_path / "elsewhere" / path.name)
    machine.ok("submit", Path("elsewhere") / "model.response.json", "--registry", registry.url)
