"""`signkit keys new`, `show` and `list`."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import Ran
from tests.support.key_files import (
    CONTRACT_PUBLIC,
    CONTRACT_SEED,
    KEYID,
    PUBLIC,
    SEED,
    VECTORS,
    cheap_pem,
    openssl,
)
from tests.support.terminal import Terminal

Run = Callable[..., Ran]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(b"correct horse\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """The contract's key as a private PEM of openssl's kind."""
    path = tmp_path / "plain.pem"
    path.write_bytes(_plain())
    path.chmod(0o600)
    return path


def _plain() -> bytes:
    der = bytes.fromhex("302e020100300506032b657004220420") + SEED
    return openssl("pkey", "-inform", "DER", data=der)


def test_new_makes_a_key_that_openssl_opens(run_keys: Run, home: Path, secret: Path) -> None:
    ran = run_keys("new", "prod", "--passphrase-file", secret)
    assert (ran.code, ran.err) == (0, "")
    private, public = home / "keys" / "prod.pem", home / "keys" / "prod.pub.pem"
    said = openssl("pkey", "-in", private, "-passin", f"file:{secret}", "-pubout")
    assert said == public.read_bytes()
    raw = openssl("pkey", "-pubin", "-in", public, "-outform", "DER")[12:]
    assert hashlib.sha256(raw).hexdigest() in ran.out
    assert str(private) in ran.out
    assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_new_in_json(run_keys: Run, secret: Path, tmp_path: Path) -> None:
    ran = run_keys("new", "k", "--passphrase-file", secret, "--out", tmp_path / "d", "--json")
    said = ran.json
    assert said["private_path"] == str(tmp_path / "d" / "k.pem")
    assert said["keyid"] == hashlib.sha256(base64.b64decode(said["raw_base64"])).hexdigest()
    assert said["fingerprint"].replace(" ", "") == said["keyid"]
    assert len(said["words"].split()) == 32


def test_new_asks_twice_on_the_terminal(tmp_path: Path) -> None:
    environment = dict(os.environ) | {"SIGNKIT_HOME": str(tmp_path)}
    terminal = Terminal(["-m", "signkit.cli", "keys", "new", "prod"], environment)
    terminal.answer("New passphrase of prod: ", "correct horse")
    terminal.answer("The same again: ", "correct horse")
    assert terminal.wait() == 0
    assert "correct horse" not in terminal.shown
    private = tmp_path / "keys" / "prod.pem"
    assert openssl("pkey", "-in", private, "-passin", "pass:correct horse", "-noout") == b""


def test_new_never_makes_a_key_without_a_passphrase(tmp_path: Path) -> None:
    environment = dict(os.environ) | {"SIGNKIT_HOME": str(tmp_path)}
    terminal = Terminal(["-m", "signkit.cli", "keys", "new", "prod"], environment)
    terminal.answer("New passphrase of prod: ", "")
    assert terminal.wait() == 2
    assert not (tmp_path / "keys").exists()


def test_new_never_overwrites_and_says_so_before_it_asks(
    run_keys: Run, home: Path, secret: Path
) -> None:
    run_keys("new", "prod", "--passphrase-file", secret)
    before = (home / "keys" / "prod.pem").read_bytes()
    ran = run_keys("new", "prod", "--passphrase-file", "/none")
    assert (ran.code, ran.out) == (8, "")
    assert "prod.pem exists already and is never overwritten" in ran.err
    assert (home / "keys" / "prod.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["new", "../prod"], 3, "key name"),
        (["new", "prod", "--passphrase-file", "/none"], 8, "no such file"),
        (["new", "prod", "--passphrase-fd", "3", "--passphrase-env", "X"], 2, "more than one"),
        (["new"], 2, "Missing argument"),
        (["show", "none"], 5, "no key 'none'"),
        (["show", "/dev/null"], 8, "a device"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    run_keys: Run, home: Path, arguments: list[str], code: int, said: str
) -> None:
    ran = run_keys(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not home.exists()


def test_show_needs_no_passphrase_where_the_public_file_is(run_keys: Run, secret: Path) -> None:
    made = run_keys("new", "prod", "--passphrase-file", secret, "--json").json
    ran = run_keys("show", "prod", "--json")
    assert (ran.code, ran.json["keyid"]) == (0, made["keyid"])


def test_show_prints_every_public_encoding(run_keys: Run, tmp_path: Path) -> None:
    pem = openssl("pkey", "-pubout", data=_plain())
    (tmp_path / "public.pem").write_bytes(pem)
    der = openssl("pkey", "-pubin", "-outform", "DER", data=pem)
    ran = run_keys("show", tmp_path / "public.pem")
    for text in (
        KEYID,
        KEYID[:4] + " " + KEYID[4:8],
        pem.decode().splitlines()[1],
        base64.b64encode(der).decode(),
        der.hex(),
        base64.b64encode(PUBLIC).decode(),
        PUBLIC.hex(),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
    ):
        assert text in ran.out
    said = run_keys("show", tmp_path / "public.pem", "--json").json
    assert (said["pem"], said["der_hex"], said["raw_hex"]) == (
        pem.decode(),
        der.hex(),
        PUBLIC.hex(),
    )


def test_show_takes_the_public_parts_of_a_private_file(
    run_keys: Run, plain: Path, secret: Path, tmp_path: Path
) -> None:
    assert run_keys("show", plain, "--json").json["keyid"] == KEYID
    (tmp_path / "e.pem").write_bytes(cheap_pem())
    (tmp_path / "e.pem").chmod(0o600)
    ran = run_keys("show", tmp_path / "e.pem", "--passphrase-file", secret, "--json")
    assert ran.json["keyid"] == KEYID
    assert SEED.hex() not in ran.out


def test_show_refuses_a_private_file_open_to_others(run_keys: Run, plain: Path) -> None:
    plain.chmod(0o644)
    ran = run_keys("show", plain)
    assert ran.code == 5
    assert f"hint: chmod 600 {plain}" in ran.err


def test_show_takes_a_bare_line_for_a_public_key_unless_told(run_keys: Run, tmp_path: Path) -> None:
    path = tmp_path / "line"
    path.write_text(PUBLIC.hex())
    assert run_keys("show", path, "--json").json["keyid"] == KEYID
    path.write_text(SEED.hex())
    path.chmod(0o600)
    assert run_keys("show", path, "--private", "--json").json["keyid"] == KEYID


def test_list_shows_what_the_store_holds(run_keys: Run, home: Path, secret: Path) -> None:
    ran = run_keys("list")
    assert (ran.code, ran.out) == (0, "")
    assert "make one: signkit keys new NAME" in ran.err
    made = run_keys("new", "prod", "--passphrase-file", secret, "--json").json
    (home / "keys" / "other.pub.pem").write_text(PUBLIC.hex())
    published = (VECTORS / "openssl/ossl.pub.pem").read_bytes()
    (home / "keys" / "published.pub.pem").write_bytes(published)
    (home / "keys" / "plain.pem").write_bytes(_plain())
    (home / "keys" / "bad.pub.pem").write_text("nonsense")
    rows = {row["name"]: row for row in run_keys("list", "--json").json["keys"]}
    assert (rows["prod"]["keyid"], rows["prod"]["private"]) == (made["keyid"], "encrypted")
    assert rows["other"]["private"] == "not here"
    assert (rows["plain"]["private"], rows["plain"]["keyid"]) == ("not encrypted", None)
    assert rows["bad"]["private"] == "unreadable: malformed"
    assert rows["published"]["private"] == "unreadable: key-refused"
    table = run_keys("list").out.splitlines()
    header = "NAME PRIVATE KEY KEYID STATE SINCE ENDS SUCCESSOR"
    assert table[0].split() == header.split()
    assert len(table) == 6


def test_no_passphrase_reaches_the_outside(run_keys: Run, secret: Path) -> None:
    ran = run_keys("new", "prod", "--passphrase-file", secret)
    assert "correct horse" not in ran.out + ran.err + " ".join(sys.argv)


def test_groups_of_keys_have_help(run_keys: Run) -> None:
    ran = run_keys("--help")
    assert ran.code == 0
    for name in ("new", "show", "convert", "list"):
        assert name in ran.out


def test_published_keys_are_shown_only_where_allowed(run_keys: Run, tmp_path: Path) -> None:
    public, seed = tmp_path / "public", tmp_path / "seed"
    public.write_text(CONTRACT_PUBLIC.hex())
    seed.write_text(CONTRACT_SEED.hex())
    seed.chmod(0o600)
    for command in (
        ("show", public),
        ("show", seed, "--private"),
        ("convert", public, "--to", "raw"),
        ("convert", seed, "--private", "--to", "raw", "--reveal-private"),
    ):
        ran = run_keys(*command, "--json")
        assert (ran.code, ran.error["code"]) == (4, "key-refused")
        assert "--allow-test-keys" in ran.error["hint"]
        assert run_keys(*command, "--json", "--allow-test-keys").code == 0


def test_a_group_alone_is_answered_with_its_help_and_nothing_else(run_keys: Run) -> None:
    ran = run_keys()
    assert (ran.code, ran.err) == (2, "")
    assert "Make a key, encrypted under a passphrase." in ran.out
