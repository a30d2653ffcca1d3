"""Which private key a reference means."""

from __future__ import annotations

from pathlib import Path

import pytest

from signkit.custody.reference import Surroundings, open_signer
from signkit.custody.store import KeyStore
from signkit.errors import CustodyError, FileError, KeyNotFoundError
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import PrivateKey, encode_private_key
from signkit.formats.public_key import encode_public_key
from signkit.model.purpose import OPEN
from tests.support.key_files import KEYID, PASSPHRASE, SEED, cheap_pem

KEY = PrivateKey(SEED)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    """A store with the key "prod", and a current folder beside it."""
    store = KeyStore(tmp_path / "keys")
    store.folder.mkdir(mode=0o700)
    put(store.folder / "prod.pem", cheap_pem())
    (store.folder / "prod.pub.pem").write_bytes(encode_public_key(KEY.public_key, KeyForm.PEM))
    return store


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


def keyid_of(reference: str, store: KeyStore) -> str:
    surroundings = Surroundings(store=store, secrets=lambda _what: PASSPHRASE)
    return open_signer(reference, surroundings).public_key.keyid


def test_a_name_of_the_store(store: KeyStore) -> None:
    asked: list[str] = []

    def secrets(what: str) -> bytes:
        asked.append(what)
        return PASSPHRASE

    signer = open_signer("prod", Surroundings(store=store, secrets=secrets))
    assert (signer.name, signer.public_key.keyid) == ("prod", KEYID)
    assert asked == ["passphrase of prod"]


@pytest.mark.parametrize("start", ["", "file:"])
def test_a_path(store: KeyStore, tmp_path: Path, start: str) -> None:
    put(tmp_path / "k.pem", encode_private_key(KEY, KeyForm.PEM))
    assert keyid_of(f"{start}{tmp_path}/k.pem", store) == KEYID


def test_a_name_wins_over_a_file_of_the_current_folder(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: leaves a key called prod on the stick that the operator works from."""
    stick = tmp_path / "stick"
    stick.mkdir()
    put(stick / "prod", encode_private_key(PrivateKey(b"\x78" * 32), KeyForm.PEM))
    monkeypatch.chdir(stick)
    assert keyid_of("prod", store) == KEYID
    assert keyid_of("./prod", store) != KEYID


@pytest.mark.parametrize("reference", ["none", "", "a/b", "pkcs11:token=x", "x\0y"])
def test_what_is_nothing(store: KeyStore, reference: str) -> None:
    with pytest.raises(KeyNotFoundError, match="no private key") as caught:
        keyid_of(reference, store)
    assert "signkit keys list" in (caught.value.hint or "")


def test_a_key_in_memory(store: KeyStore) -> None:
    def never(what: str) -> bytes:
        raise AssertionError(what)

    surroundings = Surroundings(store=store, secrets=never, memory={"test": KEY})
    signer = open_signer("mem:test", surroundings)
    assert (signer.name, signer.public_key.keyid, signer.purpose) == ("mem:test", KEYID, OPEN)
    with pytest.raises(KeyNotFoundError, match="'mem:other': such keys exist in tests only"):
        open_signer("mem:other", surroundings)


def test_a_file_that_is_said_to_be_one(store: KeyStore) -> None:
    with pytest.raises(FileError, match="no such file"):
        keyid_of("file:/none", store)


def test_a_public_key_alone_cannot_sign(store: KeyStore) -> None:
    (store.folder / "prod.pem").unlink()
    with pytest.raises(KeyNotFoundError, match="only its public key is"):
        keyid_of("prod", store)


def test_a_pair_that_is_none_is_refused(store: KeyStore) -> None:
    """Attacker: exchanges the private file; or a bit of it flipped and it still opens."""
    put(store.folder / "prod.pem", cheap_pem(b"\x78" * 32))
    with pytest.raises(CustodyError, match="is not the public key of"):
        keyid_of("prod", store)


def test_a_private_key_without_its_public_file_signs(store: KeyStore) -> None:
    (store.folder / "prod.pub.pem").unlink()
    assert keyid_of("prod", store) == KEYID
