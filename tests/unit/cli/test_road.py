"""prepare, show, sign, statement, trust and verify as processes, with everything typed wrongly."""

from __future__ import annotations

import json
import os
import pty
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.formats.words import encode_words
from tests.support.commands import Machine
from tests.support.documents import item_value, request_file, request_value
from tests.support.keys import PUBLISHED

CONTENT = b"firmware " * 1000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.write("model.bin", CONTENT)
    return made


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine where model.bin was prepared and signed; tests only read it."""
    made = Machine(tmp_path_factory.mktemp("signed"))
    made.write("model.bin", CONTENT)
    public = Path(made.new_key()["public_path"]).read_bytes()
    made.write("public.pem", public)
    made.prepare()
    assert made.sign("model.request.json", "--content", ".").code == 0
    made.ok("extract", "model.response.json")
    return made


def test_road_ends_in_a_verdict(signed: Machine) -> None:
    verdict = signed.ok("verify", "model.bin", "--key", "public.pem")
    assert verdict["verified"] is True
    assert (verdict["artifact"], verdict["sequence"]) == ("ML-Model", 1)


def test_verdict_from_the_response(signed: Machine) -> None:
    options = ("--response", "model.response.json", "--key", "public.pem")
    assert signed.ok("verify", "model.bin", *options)["version"] == "1.0.0"


def test_response_says_that_the_content_was_hashed(signed: Machine) -> None:
    shown = signed.ok("show", "model.response.json")
    assert shown["response"]["items"][0]["content"] == "hashed"


def test_request_is_shown_as_the_station_shows_it(signed: Machine) -> None:
    text = signed.run("show", "model.request.json").out
    assert "ML-Model" in text
    assert "what the requester says; not checked" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_plan_is_private_and_documents_are_not(signed: Machine) -> None:
    modes = {
        name: stat.S_IMODE((signed.folder / name).stat().st_mode)
        for name in ("model.plan.json", "model.request.json", "model.response.json")
    }
    assert modes["model.plan.json"] == 0o600
    assert modes["model.request.json"] == modes["model.response.json"] == 0o644


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("prepare",), 2, "usage"),
        (("prepare", "model.bin"), 2, "usage"),
        (("prepare", "absent", "--artifact", "a", "--version", "1", "--target", "t"), 8, "file"),
        (("prepare", ".", "--artifact", "a", "--version", "1", "--target", "t"), 8, "file"),
        (("show", "absent"), 8, "file"),
        (("show", "model.bin"), 3, "malformed"),
        (("sign", "absent.request.json", "--key", "prod"), 8, "file"),
        (("sign", "model.bin", "--key", "prod"), 2, "usage"),
        (("extract", "absent"), 8, "file"),
        (("trust", "init", "--root", "absent", "--release", "absent"), 5, "key-not-found"),
        (("verify", "model.bin"), 2, "usage"),
        (("frobnicate",), 2, "usage"),
        (("sign", "x.request.json"), 2, "usage"),
    ],
)
def test_wrong_arguments_are_one_sentence(
    machine: Machine, arguments: tuple[str, ...], code: int, name: str
) -> None:
    ran = machine.run(*arguments, "--json")
    assert (ran.code, ran.error["code"], ran.out) == (code, name, "")


def test_existing_request_is_kept(machine: Machine) -> None:
    first = machine.prepare()
    again = machine.run(
        "prepare", "model.bin", "--artifact", "a", "--version", "2", "--target", "t", "--json"
    )
    assert again.code == 8
    assert "--force" in again.error["hint"]
    assert machine.ok("show", "model.request.json")["sha256"] == first["sha256"]


def test_plan_left_by_a_killed_run_is_no_obstacle(machine: Machine) -> None:
    machine.prepare()
    (machine.folder / "model.request.json").unlink()
    assert machine.prepare()["item_count"] == 1


def test_release_list(machine: Machine) -> None:
    machine.write("other.bin", b"")
    machine.write(
        "release.toml",
        '[defaults]\nartifact = "{stem}"\nversion = "2"\ntarget = "any"\nreason = "why"\n'
        '[[item]]\npath = "model.bin"\n[[item]]\npath = "other.bin"\nsequence = 9\n'
        'custom_metadata = { slot = "b" }\n',
    )
    assert machine.ok("prepare", "--list", "release.toml")["item_count"] == 2
    items = machine.ok("show", "release.request.json")["request"]["items"]
    assert [item["artifact"] for item in items] == ["model", "other"]
    assert (items[1]["sequence"], items[1]["size"]) == (9, 0)
    assert items[1]["custom_metadata"] == {"slot": "b"}


def test_two_files_for_one_place_are_refused(machine: Machine) -> None:
    machine.write("other.bin", b"x")
    named = ("--artifact", "a", "--version", "1", "--target", "t")
    ran = machine.run("prepare", "model.bin", "other.bin", *named, "--json")
    assert ran.code == 2
    assert "{stem}" in ran.error["hint"]


def test_files_from_stdin(machine: Machine) -> None:
    named = ("--artifact", "{stem}", "--version", "1", "--target", "t", "--out", "r.request.json")
    ran = machine.run("prepare", "--files-from", "-", *named, "--json", stdin="model.bin\n")
    assert ran.json["items"][0]["artifact"] == "model"


def test_expiry_and_metadata_reach_the_statement(machine: Machine) -> None:
    machine.new_key()
    machine.write("meta.json", '{"peridio": {"installer": "file"}}')
    machine.prepare("model.bin", "--expires", "2036-01-31", "--metadata", "meta.json")
    machine.sign()
    path = machine.ok("extract", "model.response.json")["statements"][0]
    said = machine.ok("show", path)["statement"]["predicate"]
    assert said["expires"] == "2036-01-31T00:00:00Z"


def test_expiry_in_the_past_is_refused(machine: Machine) -> None:
    named = ("--artifact", "a", "--version", "1", "--target", "t", "--expires", "2020-01-31")
    assert machine.run("prepare", "model.bin", *named).code == 2


def test_wrong_confirmation_signs_nothing(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    ran = machine.run(
        "sign", "model.request.json", "--key", "prod", "--passphrase-file", "pw", "--yes-to", "y"
    )
    assert ran.code == 18
    assert not (machine.folder / "model.response.json").exists()


def test_nobody_at_the_terminal_signs_nothing(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    ran = machine.run(
        "sign", "model.request.json", "--key", "prod", "--passphrase-file", "pw", stdin="yes\n"
    )
    assert ran.code == 18
    assert "--yes-to" in ran.err


def _typed(machine: Machine, text: str) -> tuple[int, str]:
    """Sign at a terminal, typing one line once the words are asked for."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(machine.folder)
        arguments = ("sign", "model.request.json", "--key", "prod", "--passphrase-file", "pw")
        command = (sys.executable, "-m", "signkit.cli", *arguments)
        os.execve(sys.executable, command, machine.environment(TERM="dumb"))  # noqa: S606
    seen = b""
    while b"words: " not in seen:
        seen += os.read(terminal, 4096)
    os.write(terminal, text.encode() + b"\n")
    try:
        while data := os.read(terminal, 4096):
            seen += data
    except OSError:
        pass  # a closed terminal reads as an error on Linux
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_the_words_are_typed_at_a_terminal(machine: Machine) -> None:
    machine.new_key()
    digest = bytes.fromhex(machine.prepare()["sha256"])
    code, seen = _typed(machine, " ".join(encode_words(digest[:4])).upper())
    assert code == 0, seen
    assert (machine.folder / "model.response.json").exists()


@pytest.mark.parametrize("text", ["q", "y", "yes", "aardvark absurd accrue acme"])
def test_other_words_sign_nothing(machine: Machine, text: str) -> None:
    machine.new_key()
    machine.prepare()
    code, _seen = _typed(machine, text)
    assert code == 18
    assert not (machine.folder / "model.response.json").exists()


def test_content_that_differs_is_not_signed(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    (machine.folder / "stick").mkdir()
    machine.write("stick/model.bin", CONTENT[:-1] + b"!")
    ran = machine.sign("model.request.json", "--content", "stick")
    assert (ran.code, ran.error["code"]) == (10, "digest-mismatch")
    items = machine.ok("show", "model.response.json")["response"]["items"]
    assert "signatures" not in items[0]


def test_a_foreign_response_is_not_replaced(machine: Machine) -> None:
    machine.new_key()
    machine.prepare()
    machine.write("model.response.json", "something else")
    assert machine.sign().code == 8
    assert (machine.folder / "model.response.json").read_text() == "something else"
    assert machine.sign("model.request.json", "--force").code == 0


def test_another_requester_is_refused(machine: Machine) -> None:
    stranger = Path(machine.new_key("stranger")["public_path"])
    machine.new_key()
    machine.prepare()
    ran = machine.sign("model.request.json", "--requester", stranger)
    assert (ran.code, ran.error["code"]) == (4, "unknown-key")
    known = machine.home / "requester.pub.pem"
    assert machine.sign("model.request.json", "--requester", known).code == 0


def test_trust_root_scopes_the_key(signed: Machine) -> None:
    root = ("--root", "prod", "--passphrase-file", "pw", "--release", "public.pem")
    signed.ok("trust", "init", *root, "--target", "aarch64-*", "--out", "trust.json")
    assert signed.ok("verify", "model.bin", "--trust", "trust.json")["verified"]
    signed.ok("trust", "init", *root, "--target", "x86_64-*", "--out", "other.json")
    ran = signed.run("verify", "model.bin", "--trust", "other.json", "--json")
    assert (ran.code, ran.error["code"]) == (4, "context")


def test_a_published_key_enters_a_trust_root_only_where_allowed(signed: Machine) -> None:
    signed.write("test.hex", PUBLISHED.public_key.raw.hex())
    command = (
        "trust",
        "init",
        "--root",
        "prod",
        "--passphrase-file",
        "pw",
        "--release",
        "test.hex",
        "--out",
        "test.json",
    )
    ran = signed.run(*command, "--json")
    assert (ran.code, ran.error["code"]) == (4, "key-refused")
    made = signed.ok(*command, "--allow-test-keys")
    assert made["release"] == [PUBLISHED.public_key.keyid]
    assert signed.run("show", "test.json").code == 0


def test_nothing_signs_with_a_published_key(signed: Machine) -> None:
    """Attacker: has the operator sign with a key whose seed stands in every test set. Refused."""
    signed.write("zero.key", bytes(32).hex(), mode=0o600)
    ran = signed.run(
        "sign", "model.request.json", "--key", "zero.key", "--out", "zero.json", "--json"
    )
    assert (ran.code, ran.error["code"]) == (4, "key-refused")
    assert not (signed.folder / "zero.json").exists()


def test_openssl_verifies_the_peridio_signature(signed: Machine) -> None:
    signed.write("m", sha256(CONTENT).hexdigest())
    command = "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in m -sigfile model.bin.sig"
    assert subprocess.run(command.split(), cwd=signed.folder, check=False).returncode == 0


def test_help_is_there_for_every_command(machine: Machine) -> None:
    for command in ("", "prepare", "show", "sign", "submit", "extract", "trust", "verify"):
        ran = machine.run(*command.split(), "--help")
        assert ran.code == (2 if command == "verify" else 0)  # help is no verdict
        assert "sage: signkit" in ran.out


def test_output_that_cannot_be_written_is_an_error(signed: Machine) -> None:
    command = [sys.executable, "-m", "signkit.cli", "show", "model.request.json"]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command,
            cwd=signed.folder,
            env=signed.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ran.returncode == 8
    assert b"cannot be written" in ran.stderr


def test_names_from_a_request_cannot_drive_the_terminal(signed: Machine, tmp_path: Path) -> None:
    value = request_value(item_value(artifact="a\u202eb"), reason="x\ny\u2066z")
    path = tmp_path / "h.request.json"
    path.write_bytes(request_file(value))
    text = signed.run("show", path).out
    assert "\\u{202e}" in text
    assert all(character.isprintable() or character == "\n" for character in text)
    assert json.loads(signed.run("show", path, "--json").out)


def test_an_interrupted_prepare_leaves_nothing_and_says_so(machine: Machine) -> None:
    with (machine.folder / "huge.bin").open("wb") as file:
        file.truncate(1 << 40)
    named = ("--artifact", "a", "--version", "1", "--target", "t")
    process = subprocess.Popen(
        [sys.executable, "-m", "signkit.cli", "prepare", "huge.bin", *named],
        cwd=machine.folder,
        env=machine.environment(),
        stderr=subprocess.PIPE,
    )
    while not _has_open(process.pid, "huge.bin"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=30)[1].decode()
    assert (process.returncode, error.count("interrupted")) == (130, 1)
    assert "Traceback" not in error
    # The machine's own key may have been made by then; it stays.
    left = {path.name for path in machine.folder.iterdir()}
    assert left - {"home"} == {"huge.bin", "model.bin"}


def _has_open(pid: int, name: str) -> bool:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed between the two looks
            if link.readlink().name == name:
                return True
    return False
