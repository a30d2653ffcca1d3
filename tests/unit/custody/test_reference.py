"""Which private key a reference means."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from signkit.custody.life import NO_REGISTER
from signkit.custody.reference import Surroundings, open_signer
from signkit.custody.store import KeyStore
from signkit.errors import CustodyError, FileError, KeyNotFoundError, SignatureInvalidError
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import PrivateKey, encode_private_key
from signkit.formats.public_key import encode_public_key
from signkit.model.purpose import OPEN
from signkit.station.ceremony import NOT_SEEN, sign_items
from signkit.verify.encoding import encode_base64, encode_json
from tests.support.documents import item_value, request_of, request_value
from tests.support.key_files import KEYID, PASSPHRASE, SEED, cheap_pem
from tests.support.keys import PROD
from tests.support.sealed_keys import FOLDER, PURPOSE, sealed_file

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
    surroundings = Surroundings(store=store, secrets=lambda _what: PASSPHRASE, register=NO_REGISTER)
    return open_signer(reference, surroundings).public_key.keyid


def test_a_name_of_the_store(store: KeyStore) -> None:
    asked: list[str] = []

    def secrets(what: str) -> bytes:
        asked.append(what)
        return PASSPHRASE

    signer = open_signer("prod", Surroundings(store=store, secrets=secrets, register=NO_REGISTER))
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


@pytest.mark.parametrize("reference", ["none", "", "a/b", "pkcs12:token=x", "x\0y"])
def test_what_is_nothing(store: KeyStore, reference: str) -> None:
    with pytest.raises(KeyNotFoundError, match="no private key") as caught:
        keyid_of(reference, store)
    assert "signkit keys list" in (caught.value.hint or "")


def test_a_key_in_memory(store: KeyStore) -> None:
    surroundings = Surroundings(
        store=store, secrets=never, register=NO_REGISTER, memory={"test": KEY}
    )
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


@pytest.fixture
def sealed(tmp_path: Path) -> KeyStore:
    """A store with the sealed key "prod", for ML-Model on aarch64-* until 2026-07-01."""
    store = KeyStore(tmp_path / "keys")
    store.folder.mkdir(mode=0o700)
    put(store.folder / "prod.key.json", sealed_file())
    public = encode_public_key(PROD.public_key, KeyForm.PEM)
    (store.folder / "prod.pub.pem").write_bytes(public)
    return store


def never(what: str) -> bytes:
    raise AssertionError(what)


def results(store: KeyStore, now: str = "2026-06-30T23:59:59Z", **changes: Any) -> str:
    """Sign one item with the sealed key as a ceremony does; returns why it was refused, or ""."""
    surroundings = Surroundings(
        store=store, secrets=lambda _what: PASSPHRASE, register=NO_REGISTER, clock=lambda: now
    )
    signer = open_signer("prod", surroundings)
    assert (signer.purpose, signer.warnings) == (PURPOSE, ())
    request = request_of(request_value(item_value(**changes)))
    (result,) = sign_items(request, signer, contents=NOT_SEEN, advance=lambda _count: None)
    return result.error.message if result.error else ""


def test_a_sealed_key_signs_what_it_is_for(sealed: KeyStore) -> None:
    assert results(sealed) == ""


@pytest.mark.parametrize(
    ("now", "changes", "said"),
    [
        ("2026-06-30T00:00:00Z", {"artifact": "Other"}, "the artifact ML-Model, got 'Other'"),
        ("2026-06-30T00:00:00Z", {"target": "armv7"}, "the target aarch64-*, got 'armv7'"),
        ("2026-07-01T00:00:00Z", {}, "sign until 2026-07-01T00:00:00Z, and it is 2026-07-01"),
        (
            "2026-06-30T00:00:00Z",
            {"wanted": [{"scheme": "statement", "role": "other"}]},
            "its role is 'release'",
        ),
    ],
)
def test_a_sealed_key_refuses_everything_else(
    sealed: KeyStore, now: str, changes: dict[str, Any], said: str
) -> None:
    assert said in results(sealed, now, **changes)


def test_a_ceremony_ends_at_its_limit(sealed: KeyStore) -> None:
    """500 items of two signatures each, and then the 1,001st."""
    surroundings = Surroundings(
        store=sealed,
        secrets=lambda _what: PASSPHRASE,
        register=NO_REGISTER,
        clock=lambda: "2026-06-30T00:00:00Z",
    )
    items = [item_value(version=str(place)) for place in range(502)]
    signer = open_signer("prod", surroundings)
    made = sign_items(
        request_of(request_value(*items)), signer, contents=NOT_SEEN, advance=lambda _count: None
    )
    assert [result.error for result in made[:500]] == [None] * 500
    said = [result.error.message if result.error else "" for result in made[500:]]
    assert "a ceremony is limited to 1000 signatures, and this is 1001" in said[0]
    assert [result.signatures for result in made[500:]] == [(), ()]


def test_a_changed_header_is_refused_before_the_passphrase(sealed: KeyStore) -> None:
    path = sealed.folder / "prod.key.json"
    envelope = json.loads(path.read_bytes())
    payload = bytearray(b64decode(envelope["payload"]))
    payload[payload.index(b"ML-Model")] ^= 1
    put(path, encode_json({**envelope, "payload": encode_base64(bytes(payload))}))
    with pytest.raises(SignatureInvalidError, match="was changed since its own key signed it"):
        open_signer("prod", Surroundings(store=sealed, secrets=never, register=NO_REGISTER))


def test_a_header_of_a_stranger_is_refused_before_the_passphrase(sealed: KeyStore) -> None:
    """Attacker: writes a wider purpose, signs it with a key of their own, and waits."""
    forged = (FOLDER / "invalid" / "resigned-by-a-stranger.json").read_bytes()
    put(sealed.folder / "prod.key.json", forged)
    with pytest.raises(CustodyError, match="is another key than its public file"):
        open_signer("prod", Surroundings(store=sealed, secrets=never, register=NO_REGISTER))


def test_two_private_files_of_one_name(sealed: KeyStore) -> None:
    put(sealed.folder / "prod.pem", cheap_pem())
    with pytest.raises(CustodyError, match="two private files"):
        open_signer("prod", Surroundings(store=sealed, secrets=never, register=NO_REGISTER))
