"""The key store: made once, never overwritten, private from the first instant."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from signkit.custody.sealed import LEAST_COST, Sealing, open_sealed_key
from signkit.custody.store import KeyStore, is_key_name
from signkit.errors import (
    CustodyError,
    FileError,
    KeyNotFoundError,
    MalformedError,
    SignkitError,
)
from signkit.formats.sealed_key import parse_sealed_key
from signkit.model.purpose import Purpose
from tests.support.key_files import PASSPHRASE, openssl


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "home" / "keys")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_makes_a_key_that_openssl_opens(store: KeyStore) -> None:
    before = os.umask(0)
    public_key = store.new("prod", passphrase=PASSPHRASE)
    os.umask(before)
    stored = store.get("prod")
    public = openssl("pkey", "-in", stored.private_path, "-passin", "pass:correct horse", "-pubout")
    assert public == stored.public_path.read_bytes()
    assert mode_of(store.folder) == mode_of(store.folder.parent) == 0o700
    assert (mode_of(stored.private_path), mode_of(stored.public_path)) == (0o600, 0o644)
    assert stored.encrypted
    assert sorted(os.listdir(store.folder)) == ["prod.pem", "prod.pub.pem"]
    assert store.names() == ("prod",)
    assert stored.public_key == public_key


@pytest.mark.parametrize("suffix", [".pem", ".pub.pem"])
def test_never_overwrites_a_key(store: KeyStore, suffix: str) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / f"prod{suffix}").write_bytes(b"precious")
    for attempt in (store.check_new, lambda name: store.new(name, passphrase=PASSPHRASE)):
        with pytest.raises(FileError, match="exists already"):
            attempt("prod")
    assert (store.folder / f"prod{suffix}").read_bytes() == b"precious"
    assert len(os.listdir(store.folder)) == 1


def test_makes_no_key_where_others_may_write(store: KeyStore) -> None:
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o777)
    with pytest.raises(CustodyError, match="written by others"):
        store.new("prod", passphrase=PASSPHRASE)
    assert os.listdir(store.folder) == []


@pytest.mark.parametrize("name", ["a", "prod-2026.1", "A_b", "x" * 64, "0", "pem", "pub"])
def test_names_of_keys(name: str) -> None:
    assert is_key_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".a",
        "-a",
        "a/b",
        "a b",
        "ä",
        "x" * 65,
        "a\n",
        "a\0",
        "a.pem",
        "a.pub",
        "../a",
    ],
)
def test_other_names_are_refused(store: KeyStore, name: str) -> None:
    assert not is_key_name(name)
    assert not store.has(name)
    for attempt in (store.get, store.check_new):
        with pytest.raises(MalformedError, match="key name"):
            attempt(name)


def test_a_key_that_is_not_there(store: KeyStore) -> None:
    assert store.names() == ()
    with pytest.raises(KeyNotFoundError, match="no key prod in"):
        store.get("prod")


def test_lists_what_is_there_and_nothing_else(store: KeyStore) -> None:
    store.new("b", passphrase=PASSPHRASE)
    public = (store.folder / "b.pub.pem").read_bytes()
    (store.folder / "a.pub.pem").write_bytes(public)
    (store.folder / ".hidden.pem").touch()
    (store.folder / "notes.txt").touch()
    (store.folder / "folder.pem").mkdir()
    assert store.names() == ("a", "b")
    assert store.get("a").encrypted is None
    (store.folder / "b.pub.pem").unlink()
    assert store.get("b").public_key is None


def test_a_plain_private_file_is_told_apart(store: KeyStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "k.pem").write_bytes(openssl("genpkey", "-algorithm", "Ed25519"))
    assert store.get("k").encrypted is False


def test_a_broken_public_file_is_an_error_of_ours(store: KeyStore) -> None:
    store.folder.mkdir(parents=True)
    (store.folder / "k.pub.pem").write_bytes(b"nonsense")
    with pytest.raises(SignkitError, match="public key"):
        store.get("k")


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(FileError, match="cannot be read: not a directory"):
        KeyStore(tmp_path / "f").names()


SEALING = Sealing(
    purpose=Purpose(artifacts=("a*",)), predecessor=None, created="2026-01-01T00:00:00Z",
    cost=LEAST_COST,
)  # fmt: skip


def test_makes_a_sealed_key(store: KeyStore) -> None:
    public_key = store.new("prod", passphrase=PASSPHRASE, sealing=SEALING)
    stored = store.get("prod")
    assert (stored.public_key, stored.encrypted, stored.sealed) == (public_key, True, True)
    assert sorted(os.listdir(store.folder)) == ["prod.key.json", "prod.pub.pem"]
    assert mode_of(stored.private_path) == 0o600
    assert store.names() == ("prod",)
    sealed = parse_sealed_key(stored.private_path.read_bytes())
    assert sealed.header.purpose.artifacts == ("a*",)
    assert open_sealed_key(sealed, lambda: PASSPHRASE).public_key == public_key
    with pytest.raises(FileError, match="exists already"):
        store.new("prod", passphrase=PASSPHRASE)
    stored.public_path.unlink()
    with pytest.raises(FileError, match=r"prod\.key\.json exists already"):
        store.check_new("prod")
    assert store.get("prod").public_key is None
