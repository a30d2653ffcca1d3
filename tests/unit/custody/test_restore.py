"""A restored key is the expected one, or nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from signkit.custody.key_file import load_key_file
from signkit.custody.life import NO_REGISTER
from signkit.custody.restore import check_restored, check_room, expect_keyid, write_restored
from signkit.custody.store import KeyStore
from signkit.errors import CustodyError, FileError, MalformedError, UsageError
from signkit.formats.private_key import PrivateKey
from tests.support.keys import PROD, STRANGER

KEY = PrivateKey(PROD.seed)
KEYID = KEY.public_key.keyid
STRANGE = PrivateKey(STRANGER.seed).public_key.keyid
PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """A store with the key, restored."""
    made = KeyStore(tmp_path / "keys")
    write_restored(made, "prod", KEY, passphrase=PASSPHRASE)
    return made


def test_a_restored_key_signs_again(store: KeyStore) -> None:
    private_path, public_path = store.paths("prod")
    signer = load_key_file(private_path, secrets=lambda _: PASSPHRASE, register=NO_REGISTER)
    assert signer.public_key == KEY.public_key == store.get("prod").public_key
    assert private_path.stat().st_mode & 0o777 == 0o600
    assert public_path.stat().st_mode & 0o777 == 0o644


def test_only_the_private_file_comes_back_where_the_public_one_stayed(store: KeyStore) -> None:
    private_path, public_path = store.paths("prod")
    private_path.unlink()
    before = public_path.stat()
    check_room(store, "prod")
    write_restored(store, "prod", KEY, passphrase=PASSPHRASE)
    assert public_path.stat().st_mtime_ns == before.st_mtime_ns


def test_a_key_that_is_there_is_not_overwritten(store: KeyStore) -> None:
    with pytest.raises(FileError, match="never overwritten"):
        check_room(store, "prod")
    with pytest.raises(FileError, match="never overwritten"):
        write_restored(store, "prod", KEY, passphrase=PASSPHRASE)


def test_the_store_says_which_key_it_must_be(store: KeyStore) -> None:
    assert expect_keyid(store, name="prod", keyid=None) == KEYID
    assert expect_keyid(store, name="prod", keyid=KEYID) == KEYID
    with pytest.raises(CustodyError, match="is not that of prod in the store"):
        expect_keyid(store, name="prod", keyid=STRANGE)


def test_paper_says_it_with_its_spaces(tmp_path: Path) -> None:
    empty = KeyStore(tmp_path / "none")
    spaced = f"{KEYID[:32]} {KEYID[32:36]}\n{KEYID[36:]}"
    assert expect_keyid(empty, name="prod", keyid=spaced) == KEYID
    assert expect_keyid(empty, name=None, keyid=KEYID) == KEYID


@pytest.mark.parametrize("keyid", ["", KEYID[:-1], KEYID.upper(), KEYID[:-1] + "g", KEYID + "0"])
def test_what_is_no_keyid(tmp_path: Path, keyid: str) -> None:
    with pytest.raises(MalformedError, match="expected 64 lower-case hex digits"):
        expect_keyid(KeyStore(tmp_path), name=None, keyid=keyid)


def test_without_a_keyid_nothing_is_restored(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing says which key it must be"):
        expect_keyid(KeyStore(tmp_path), name="prod", keyid=None)


def test_another_key_is_refused() -> None:
    check_restored(KEY, keyid=KEYID, source="the shares", hint="why")
    with pytest.raises(CustodyError, match="another key than the expected") as refused:
        check_restored(KEY, keyid=STRANGE, source="the shares", hint="why")
    assert refused.value.hint == "why"


@pytest.mark.parametrize("name", ["-o", "--x", "$(id)", "a/b", "../x", "", ";"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(MalformedError):
        check_room(KeyStore(tmp_path), name)
