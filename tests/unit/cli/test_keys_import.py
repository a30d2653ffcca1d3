"""`signkit keys import` and `export`: keys of other tools into the store, and out of it again."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signkit.custody.adoption import adopt_private_key
from signkit.custody.store import KeyStore
from signkit.errors import CustodyError
from signkit.formats.key_form import KeyForm
from signkit.formats.openssh import encode_openssh_private
from signkit.formats.private_key import OpenedKey, PrivateKey, parse_private_key
from signkit.formats.public_key import encode_public_key, read_public_key
from signkit.verify.ed25519 import PublicKey
from tests.support.commands import Ran
from tests.support.key_files import (
    CONTRACT_SEED,
    KEYID,
    PASSPHRASE,
    PUBLIC,
    SEED,
    VECTORS,
    passphrase,
)
from tests.support.terminal import Terminal

Run = Callable[..., Ran]
TOOLS = VECTORS / "tools"


@pytest.fixture
def secrets(tmp_path: Path) -> list[str]:
    """The options for the passphrase of the vectors, and a new one."""
    for name, text in (("old", PASSPHRASE), ("new", b"battery staple")):
        (tmp_path / name).write_bytes(text)
        (tmp_path / name).chmod(0o600)
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    return ["--passphrase-file", old, "--new-passphrase-file", new]


def private_copy(name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes((TOOLS / name).read_bytes())
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("private", "public"),
    [
        ("openssh.key", "openssh.pub"),
        ("openssh.aes256-ctr.key", "openssh.pub"),
        ("minisign_w.key", "minisign_w.pub"),
        ("signify.sec", "signify.pub"),
        ("webcrypto.private.jwk", "webcrypto.public.jwk"),
    ],
)
def test_takes_a_private_key_in_encrypted_and_proves_the_pair(
    run_keys: Run, home: Path, tmp_path: Path, secrets: list[str], private: str, public: str
) -> None:
    ran = run_keys("import", private_copy(private, tmp_path), "--name", "prod", *secrets, "--json")
    assert ran.code == 0, ran.err
    path = home / "keys" / "prod.pem"
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened = parse_private_key(path.read_bytes(), passphrase=lambda: b"battery staple")
    expected = read_public_key((TOOLS / public).read_bytes())
    assert opened.key.public_key == expected
    assert read_public_key((home / "keys" / "prod.pub.pem").read_bytes()) == expected
    assert ran.json["keyid"] == expected.keyid


@pytest.mark.parametrize("public", ["gpg.asc", "openssh.pub", "minisign.pub", "node.public.jwk"])
def test_takes_a_public_key_in(run_keys: Run, home: Path, public: str) -> None:
    ran = run_keys("import", TOOLS / public, "--name", "partner")
    assert ran.code == 0, ran.err
    assert "not here" in ran.out
    assert [path.name for path in (home / "keys").iterdir()] == ["partner.pub.pem"]
    assert "partner" in run_keys("list").out


def test_the_comment_is_shown_escaped(run_keys: Run, tmp_path: Path, secrets: list[str]) -> None:
    """Attacker: writes the comment of a key file, to move the cursor of who imports it."""
    data = (TOOLS / "minisign_w.key").read_bytes()
    path = tmp_path / "evil.key"
    path.write_bytes(data.replace(b"minisign", b"\x1b[2Jgood \xff key\r"))
    path.chmod(0o600)
    ran = run_keys("import", path, "--name", "prod", *secrets)
    assert ran.code == 0, ran.err
    assert "\x1b" not in ran.out + ran.err
    assert "\\u{1b}[2Jgood" in ran.out
    assert "(unprotected)" in ran.out


def test_a_weakness_is_said(run_keys: Run, tmp_path: Path, secrets: list[str]) -> None:
    ran = run_keys("import", private_copy("openssh.key", tmp_path), "--name", "prod", *secrets)
    assert "is not encrypted: whoever copies the file can sign" in ran.err


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("openssh.aes256-ctr.8_rounds.key", "bcrypt with 8 rounds is weak"),
        ("openssh.3des.key", "triple DES, which is weak"),
        ("gpg.private.gpg", "a private one, which only gpg opens"),
        ("gpg.revoked.asc", "this OpenPGP key is revoked"),
        ("gpg.rsa.gpg", "an RSA key of OpenPGP"),
        ("refused/openssh.all_publics.key", "not that of its seed"),
        ("refused/jwk.rsa.jwk", "an RSA key"),
    ],
)
def test_what_is_refused_leaves_nothing(
    run_keys: Run, home: Path, tmp_path: Path, secrets: list[str], file: str, said: str
) -> None:
    path = tmp_path / "offered"
    path.write_bytes((TOOLS / file).read_bytes())
    path.chmod(0o600)
    ran = run_keys("import", path, "--name", "prod", *secrets)
    assert (ran.code, ran.out) == (3, "")
    assert said in ran.err
    assert not list(home.rglob("*.pem"))


def test_a_published_key_is_never_taken_in(
    run_keys: Run, tmp_path: Path, secrets: list[str]
) -> None:
    path = tmp_path / "published"
    public = PrivateKey(CONTRACT_SEED, allow_test_keys=True).public_key.raw
    path.write_bytes(encode_openssh_private(CONTRACT_SEED, public, passphrase=None))
    path.chmod(0o600)
    ran = run_keys("import", path, "--name", "prod", *secrets)
    assert (ran.code, "is published" in ran.err) == (4, True)


def test_a_file_that_others_read_is_refused(run_keys: Run, tmp_path: Path) -> None:
    for name in ("openssh.key", "minisign_w.key", "signify_n.sec", "node.private.jwk"):
        private_copy(name, tmp_path).chmod(0o644)
        ran = run_keys("import", tmp_path / name, "--name", "prod")
        assert (ran.code, "is open to others" in ran.err) == (5, True)


def test_nothing_is_overwritten_and_no_passphrase_asked_for_in_vain(
    run_keys: Run, tmp_path: Path, secrets: list[str]
) -> None:
    path = private_copy("openssh.key", tmp_path)
    assert run_keys("import", path, "--name", "prod", *secrets).code == 0
    ran = run_keys("import", path, "--name", "prod")  # no terminal, so asking would say so
    assert (ran.code, "exists already" in ran.err) == (8, True)


def test_passphrases_are_asked_for_on_the_terminal(tmp_path: Path) -> None:
    import os

    path = private_copy("openssh.aes256-ctr.key", tmp_path)
    environment = dict(os.environ) | {"SIGNKIT_HOME": str(tmp_path / "home")}
    words = ["keys", "import", str(path), "--name", "prod"]
    terminal = Terminal(["-m", "signkit.cli", *words], environment)
    terminal.answer(f"Passphrase of {path}: ", "correct horse")
    terminal.answer("New passphrase of prod: ", "battery staple")
    terminal.answer("The same again: ", "battery staple")
    assert terminal.wait() == 0
    assert (tmp_path / "home" / "keys" / "prod.pem").exists()


class _Stranger(KeyStore):
    """A store in which the public file of another key lies beside the private one."""

    def add(self, name: str, opened: OpenedKey, **how: Any) -> None:
        super().add(name, opened, **how)
        stranger: PublicKey = PrivateKey(bytes([5]) * 32, allow_test_keys=True).public_key
        self.paths(name)[1].write_bytes(encode_public_key(stranger, KeyForm.PEM))


def test_a_pair_that_is_none_is_noticed(tmp_path: Path) -> None:
    opened = OpenedKey(key=PrivateKey(SEED), encrypted=False)
    with pytest.raises(CustodyError, match="is not the public key of"):
        adopt_private_key(_Stranger(tmp_path / "keys"), "prod", opened, passphrase=PASSPHRASE)


@pytest.fixture
def stored(home: Path) -> Path:
    """The store, with the key `prod` of the tests."""
    opened = OpenedKey(key=PrivateKey(SEED), encrypted=False)
    KeyStore(home / "keys").add("prod", opened, passphrase=PASSPHRASE)
    return home / "keys"


@pytest.mark.parametrize("to", ["openssh", "signify", "pem"])
def test_a_private_key_leaves_encrypted_as_the_tool_does(
    run_keys: Run, tmp_path: Path, stored: Path, secrets: list[str], to: str
) -> None:
    out = tmp_path / "out"
    ran = run_keys("export", "prod", "--to", to, "--out", out, *secrets)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    opened = parse_private_key(out.read_bytes(), passphrase=lambda: b"battery staple")
    assert (opened.encrypted, opened.key.seed) == (True, SEED)


@pytest.mark.parametrize("to", ["jwk", "raw", "hex64", "der"])
def test_a_form_without_encryption_needs_the_word(
    run_keys: Run, tmp_path: Path, stored: Path, secrets: list[str], to: str
) -> None:
    out = tmp_path / "out"
    ran = run_keys("export", "prod", "--to", to, "--out", out, *secrets)
    assert (ran.code, "would show the private key" in ran.err) == (2, True)
    assert not out.exists()
    ran = run_keys("export", "prod", "--to", to, "--out", out, *secrets[:2], "--reveal-private")
    assert ran.code == 0
    assert "whoever reads it can sign" in ran.err
    arguments = ("convert", out, "--private", "--public", "--to", "hex")
    assert run_keys(*arguments).out == PUBLIC.hex() + "\n"


def test_a_public_key_leaves_without_a_passphrase(run_keys: Run, stored: Path) -> None:
    ran = run_keys("export", "prod", "--to", "jwk", "--public")
    assert (ran.code, set(json.loads(ran.out))) == (0, {"kty", "crv", "x"})


def test_only_names_of_the_store_are_exported(run_keys: Run, tmp_path: Path, stored: Path) -> None:
    ran = run_keys("export", TOOLS / "openssh.pub", "--to", "raw")
    assert ran.code == 3
    assert "key name" in ran.err
    ran = run_keys("export", "none", "--to", "raw")
    assert (ran.code, "no key none" in ran.err) == (5, True)


def test_what_was_exported_comes_in_again(
    run_keys: Run, tmp_path: Path, stored: Path, secrets: list[str]
) -> None:
    out = tmp_path / "out"
    assert run_keys("export", "prod", "--to", "openssh", "--out", out, *secrets).code == 0
    new = secrets[3]
    options = ("--passphrase-file", new, "--new-passphrase-file", new, "--json")
    assert run_keys("import", out, "--name", "again", *options).json["keyid"] == KEYID
    assert (
        parse_private_key((stored / "prod.pem").read_bytes(), passphrase=passphrase).key.seed
        == SEED
    )


def test_what_an_option_may_say_is_listed_on_one_line(run_keys: Run) -> None:
    ran = run_keys("export", "prod")
    assert ran.code == 2
    assert "Missing option '--to'. Choose from: pem, der, raw, hex," in ran.err
    assert "\\u" not in ran.err
