"""The command: every exit code, every way in and out, and never a traceback."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from signkit.device.main import run
from signkit.verify import limits
from signkit.verify.encoding import encode_json
from tests.support.documents import (
    CONTENT,
    RESPONSE_TYPE,
    document,
    key_value,
    response_file,
    response_value,
    statement_envelope,
    trust_file,
    trust_value,
)
from tests.support.keys import PROD, PUBLISHED, SPARE, STRANGER
from tests.support.verifier import ROOT, Place

VECTORS = ROOT / "tests" / "vectors"


@pytest.fixture
def place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


def test_verified(place: Place) -> None:
    assert place.verify() == 0
    digest = "403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b"
    assert place.out == (
        "verified: model.bin\n"
        "artifact  ML-Model\n"
        "version   1.0.0\n"
        "target    aarch64-unknown-linux\n"
        "sequence  1\n"
        "size      14 bytes\n"
        f"SHA-256   {digest}\n"
        "expires   never\n"
        f"keyid     {PROD.public_key.keyid}\n"
    )
    assert place.err == ""


def test_verified_as_json(place: Place) -> None:
    expires = "2036-01-31T12:00:00Z"
    assert place.verify("--json", "--statement", place.statement(expires=expires)) == 0
    assert json.loads(place.out) == {
        "verified": True,
        "file": "model.bin",
        "name": "model.bin",
        "artifact": "ML-Model",
        "version": "1.0.0",
        "target": "aarch64-unknown-linux",
        "sequence": 1,
        "size": 14,
        "digest": {"sha256": "403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b"},
        "issued": "2026-01-31T12:00:00Z",
        "expires": expires,
        "keyids": [PROD.public_key.keyid],
    }


def test_verified_out_of_a_response(place: Place) -> None:
    place.write("model.response.json", response_file())
    (place.folder / "model.bin.statement.json").unlink()
    assert place.verify("--response", "model.response.json") == 0


def test_verified_under_a_trust_root(place: Place) -> None:
    place.write("trust.json", trust_file())
    assert place.run("model.bin", "--trust", "trust.json") == 0


def test_verified_under_any_of_several_keys(place: Place) -> None:
    spare = place.write_key("spare.pem", SPARE)
    assert place.verify("--key", spare, "--statement", place.statement(SPARE)) == 0
    assert SPARE.public_key.keyid in place.out


def test_verified_with_every_expectation(place: Place) -> None:
    options = ["--artifact", "ML-Model", "--target", "aarch64-unknown-linux", "--floor", "1"]
    assert place.verify(*options) == 0


REFUSALS: dict[str, tuple[int, str, list[str]]] = {
    "no key": (2, "usage", ["model.bin"]),
    "key and trust": (2, "usage", ["model.bin", "--key", "public.pem", "--trust", "t"]),
    "statement and response": (
        2,
        "usage",
        ["model.bin", "--key", "public.pem", "--statement", "s", "--response", "r"],
    ),
    "key and state": (2, "usage", ["model.bin", "--key", "public.pem", "--state", "s"]),
    "statement and manifest": (
        2,
        "usage",
        ["model.bin", "--key", "public.pem", "--statement", "s", "--manifest", "m"],
    ),
    "one statement for two files": (
        2,
        "usage",
        ["model.bin", "public.pem", "--key", "public.pem", "--statement", "s"],
    ),
    "two first roots": (2, "usage", ["a", "b", "--state", "s", "--init"]),
    "first and next root": (2, "usage", ["a", "--state", "s", "--init", "--update"]),
    "a copy of a first root": (2, "usage", ["a", "--state", "s", "--init", "--output", "b"]),
    "a floor for a next root": (2, "usage", ["a", "--state", "s", "--update", "--floor", "3"]),
    "a list of next roots": (2, "usage", ["a", "--state", "s", "--update", "--files-from", "l"]),
    "next root without a state": (2, "usage", ["a", "--key", "public.pem", "--update"]),
    "no next root": (2, "usage", ["--files-from", "empty", "--state", "state", "--update"]),
    "an empty list": (2, "usage", ["--files-from", "empty", "--key", "public.pem"]),
    "an option twice": (2, "usage", ["model.bin", "--key=public.pem", "--floor=1", "--floor=2"]),
    "an option without its value": (2, "usage", ["model.bin", "--key"]),
    "an option for a value": (2, "usage", ["model.bin", "--key", "--floor"]),
    "a flag with a value": (2, "usage", ["model.bin", "--key", "public.pem", "--keep-floor=1"]),
    "no time": (2, "usage", ["model.bin", "--key", "public.pem", "--now", "today"]),
    "no state": (20, "state-refused", ["model.bin", "--state", "none"]),
    "no file": (2, "usage", ["--key", "public.pem"]),
    "unknown option": (2, "usage", ["model.bin", "--key", "public.pem", "--keys", "x"]),
    "abbreviated option": (2, "usage", ["model.bin", "--key", "public.pem", "--art", "x"]),
    "negative floor": (2, "usage", ["model.bin", "--key", "public.pem", "--floor=-1"]),
    "foreign floor": (2, "usage", ["model.bin", "--key", "public.pem", "--floor", "\u0661"]),
    "large floor": (2, "usage", ["model.bin", "--key", "public.pem", "--floor", str(2**53)]),
    "huge floor": (2, "usage", ["model.bin", "--key", "public.pem", "--floor", "9" * 9999]),
    "malformed key": (3, "unsupported-version", ["model.bin", "--key", "model.bin"]),
    "large key": (3, "too-large", ["model.bin", "--key", "large"]),
    "private key": (3, "unsupported-version", ["model.bin", "--key", "private.pem"]),
    "small key": (4, "key-refused", ["model.bin", "--key", "small.hex"]),
    "published key": (4, "key-refused", ["model.bin", "--key", "published.hex"]),
    "published key in a trust root": (
        14,
        "trust-refused",
        ["model.bin", "--trust", "published.json"],
    ),
    "unknown key": (11, "statement-refused", ["model.bin", "--key", "stranger.pem"]),
    "other artifact": (4, "context", ["model.bin", "--key", "public.pem", "--artifact", "x"]),
    "other target": (4, "context", ["model.bin", "--key", "public.pem", "--target", "x"]),
    "no content": (8, "file", ["none", "--key", "public.pem"]),
    "no statement": (8, "file", ["other.bin", "--key", "public.pem"]),
    "no key file": (8, "file", ["model.bin", "--key", "none"]),
    "no trust root": (8, "file", ["model.bin", "--trust", "none"]),
    "other content": (
        10,
        "digest-mismatch",
        ["other.bin", "--key", "public.pem", "--statement", "model.bin.statement.json"],
    ),
    "malformed statement": (
        11,
        "statement-refused",
        ["model.bin", "--key", "public.pem", "--statement", "model.bin"],
    ),
    "large statement": (
        11,
        "statement-refused",
        ["model.bin", "--key", "public.pem", "--statement", "large"],
    ),
    "malformed response": (
        13,
        "response-refused",
        ["model.bin", "--key", "public.pem", "--response", "model.bin"],
    ),
    "large response": (
        13,
        "response-refused",
        ["model.bin", "--key", "public.pem", "--response", "large"],
    ),
    "malformed trust root": (14, "trust-refused", ["model.bin", "--trust", "model.bin"]),
    "large trust root": (14, "trust-refused", ["model.bin", "--trust", "large"]),
    "expired trust root": (15, "expired", ["model.bin", "--trust", "expired.json"]),
    "outside the scope": (4, "context", ["model.bin", "--trust", "scoped.json"]),
    "too old": (16, "rollback", ["model.bin", "--key", "public.pem", "--floor", "2"]),
    "too few keys": (17, "threshold", ["model.bin", "--trust", "two.json"]),
}


def published_trust() -> bytes:
    """A trust root whose release key is a published one."""
    value = trust_value()
    shown = key_value(PUBLISHED)
    value["keys"][shown["keyid"]] = {"name": "test", "public_key": shown["public_key"]}
    value["roles"]["release"]["keys"].append(shown["keyid"])
    return trust_file(value)


@pytest.mark.parametrize("trusted", [["--key", "published.hex"], ["--trust", "published.json"]])
def test_a_published_key_counts_where_a_person_says_so(
    furnished: Place, trusted: list[str]
) -> None:
    statement = furnished.statement(PUBLISHED)
    command = ["model.bin", *trusted, "--statement", statement]
    assert furnished.run(*command, "--allow-test-keys") == 0
    assert furnished.run(*command) != 0
    assert "anybody can sign with it" in furnished.err
    assert "--allow-test-keys" in furnished.err


def test_a_response_by_a_published_key_is_refused_all_the_same(furnished: Place) -> None:
    value = document(RESPONSE_TYPE, encode_json(response_value()), PUBLISHED, carry_key=True)
    furnished.write("test.response.json", encode_json(value))
    code = furnished.verify("--response", "test.response.json", "--allow-test-keys")
    assert (code, "anybody can sign with it" in furnished.err) == (13, True)


@pytest.fixture
def furnished(place: Place) -> Place:
    place.write("other.bin", CONTENT.upper())
    place.write("empty", b"")
    place.write("root.json", trust_file())
    assert place.run("root.json", "--state", "state", "--init") == 0
    place.write_key("stranger.pem", STRANGER)
    place.write("small.hex", b"01" + b"00" * 31)
    place.write("published.hex", PUBLISHED.public_key.raw.hex().encode())
    place.write("published.json", published_trust())
    place.write("private.pem", b"-----BEGIN PRIVATE KEY-----\n")
    with open("large", "wb") as file:
        file.truncate(1 << 40)  # sparse
    place.write("expired.json", trust_file(trust_value(expires="2026-01-02T00:00:00Z")))
    for name, change in (("two.json", {"threshold": 2}), ("scoped.json", {"targets": ["x*"]})):
        value = trust_value()
        value["roles"]["release"].update(change)
        place.write(name, trust_file(value))
    return place


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(furnished: Place, case: str) -> None:
    code, kind, arguments = REFUSALS[case]
    assert furnished.run(*arguments) == code
    assert furnished.out == ""
    lines = furnished.err.splitlines()
    assert lines[0].startswith("error: ")
    assert not lines[0].endswith(".")
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert furnished.run(*arguments, "--json") == code
    told = json.loads(furnished.err)
    assert (told["verified"], told["code"]) == (False, kind)
    assert furnished.out == ""


def test_an_expired_statement(place: Place) -> None:
    expired = place.statement(expires="2026-01-31T12:00:01Z")
    assert place.verify("--statement", expired) == 15
    assert "the statement expired at 2026-01-31T12:00:01Z; it is now 20" in place.err


def test_the_reason_behind_a_refused_document(place: Place) -> None:
    value = statement_envelope()
    value["payload"] = statement_envelope(version="9")["payload"]
    place.write("other.json", encode_json(value))
    assert place.verify("--json", "--statement", "other.json") == 11
    assert json.loads(place.err)["reason"] == "signature-invalid"


def test_every_exit_code_of_the_help_is_reached(place: Place) -> None:
    """And asking for help is none of 0: nothing was verified."""
    assert place.run("--help") == 2
    said = place.out[place.out.index("exit codes:") :]
    said = said.replace("\u00b7", "\n").replace("exit codes:", "\n")
    listed = {int(line.split()[0]) for line in said.splitlines() if line.strip()[:1].isdigit()}
    reached = {0, *(code for code, _kind, _arguments in REFUSALS.values())}
    assert listed == reached - {13}  # a device reads no response


def _odd_files(folder: Path) -> Iterator[str]:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    listener.close()
    yield from ("folder", "fifo", "dangling", "loop", "socket", "/dev/null", "/dev/zero", "")
    yield from ("nul\0byte", "x" * 300, "model.bin/x", "/proc/self/mem")


def test_odd_files_are_refused_and_hang_nothing(place: Place) -> None:
    for odd in _odd_files(place.folder):
        for arguments in (
            [odd, "--key", "public.pem", "--statement", "model.bin.statement.json"],
            ["model.bin", "--key", odd],
            ["model.bin", "--trust", odd],
            ["model.bin", "--key", "public.pem", "--statement", odd],
            ["model.bin", "--key", "public.pem", "--response", odd],
        ):
            assert place.run(*arguments) == 8, arguments


def test_a_file_that_is_longer_than_the_system_says(place: Place) -> None:
    endless = "/proc/kallsyms"  # its size is said to be 0
    assert os.stat(endless).st_size == 0
    for arguments, code in (
        (["model.bin", "--key", endless], 3),
        (["model.bin", "--key", "public.pem", "--statement", endless], 11),
    ):
        assert place.run(*arguments) == code
        assert " is too large: expected at most " in place.err


def test_nothing_of_the_content_is_read_before_the_statement_is_refused(place: Place) -> None:
    with open("model.bin", "wb") as file:
        file.truncate(1 << 40)  # reading it would take longer than this suite may
    refused = place.statement(STRANGER, size=limits.CONTENT_SIZE)
    assert place.verify("--statement", refused) == 11
    assert place.verify() == 10  # and no more of it than the statement says


def test_symbolic_links_are_followed(place: Place) -> None:
    Path("model.bin").rename("elsewhere")
    Path("model.bin").symlink_to("elsewhere")
    assert place.verify() == 0


@pytest.mark.parametrize("vector", sorted((VECTORS / "statement" / "invalid").iterdir()), ids=str)
def test_statement_vectors(place: Place, vector: Path) -> None:
    assert place.verify("--statement", str(vector)) == 11


@pytest.mark.parametrize("kind", ["response", "trust", "keys"])
def test_vectors_of_every_other_input(place: Place, kind: str) -> None:
    files = [path for path in (VECTORS / kind).rglob("*") if path.is_file()]
    assert len(files) > 50
    for path in files:
        if kind == "response":
            code = place.verify("--response", str(path))
        else:
            code = place.run("model.bin", "--trust" if kind == "trust" else "--key", str(path))
        assert code in {"response": {0, 13}, "trust": {0, 14}, "keys": {3, 4, 11}}[kind], path


HOSTILE = [
    "\x1b[2J\x1b]0;x\x07.bin",
    "line\nfeed",
    "carriage\rreturn",
    "\u202ebidi\u2066",
    "c1\x9b2J",
    os.fsdecode(b"\xff\xfe"),
    "\u2028",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_names_are_escaped(place: Place, name: str) -> None:
    place.write(name, CONTENT)
    place.write(name[:-1] + "!", CONTENT.upper())
    statement = ["--statement", "model.bin.statement.json"]
    assert place.run(name, "--key", "public.pem", *statement) == 0
    assert place.out.splitlines()[0].isprintable()
    assert place.run(name[:-1] + "!", "--key", "public.pem", *statement) == 10
    for missing in ([name + "-", "--key", "public.pem"], ["model.bin", "--key", name + "-"]):
        assert place.run(*missing) == 8
        assert all(line.isprintable() for line in place.err.split("\n"))
    assert place.run(name, "--key", "public.pem", *statement, "--json") == 0
    assert json.loads(place.out)["file"] == name


def test_hostile_labels_are_escaped(place: Place) -> None:
    hostile = place.statement(artifact="ok\u202e\u2028verified", version="\u200b", target="\xad")
    assert place.verify("--statement", hostile) == 0
    assert place.out.splitlines()[1:4] == [
        "artifact  ok\\u{202e}\\u{2028}verified",
        "version   \\u{200b}",
        "target    \\u{ad}",
    ]
    assert place.verify("--statement", hostile, "--artifact", "x\x1b") == 4
    assert all(line.isprintable() for line in place.err.split("\n"))


def test_what_begins_with_a_dash(place: Place) -> None:
    """A file's name is never an option behind `--`, and a value may be one behind `=`."""
    for name in ("--help", "--json", "-"):
        place.write(name, CONTENT)
        statement = ["--statement", "model.bin.statement.json"]
        assert place.run("--key=public.pem", *statement, "--", name) == 0
    place.write_key("--key", PROD)
    assert place.run("model.bin", "--key=--key") == 0


def test_devices_read_no_response(place: Place) -> None:
    place.write("model.response.json", response_file())
    arguments = ["model.bin", "--key", "public.pem", "--response", "model.response.json"]
    assert run(arguments, program="signkit-verify") == 2
    assert "signkit extract" in place.capsys.readouterr().err


def test_a_list_of_files(place: Place) -> None:
    for separator in ("\n", "\0"):
        place.write("list", separator.join(["model.bin", "./model.bin", ""]).encode())
        assert place.run("--files-from", "list", "--key", "public.pem") == 0
        assert [line[10:] for line in place.out.splitlines() if line.startswith("verified:")] == [
            "model.bin",
            "./model.bin",
        ]
