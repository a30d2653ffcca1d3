"""A machine's own key: made once, whoever asks first."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from signkit.custody.identity import load_or_create_identity
from signkit.errors import CustodyError, FileError, KeyLockedError
from signkit.verify.ed25519 import verify_signature
from signkit.verify.public_key import parse_public_key
from tests.support.key_files import cheap_pem, openssl


def test_is_made_once_and_signs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    signer = load_or_create_identity(home, "requester")
    again = load_or_create_identity(home, "requester")
    assert signer.name == "requester"
    assert again.public_key == signer.public_key
    verify_signature(again.public_key, b"m", signer.sign(b"m"))
    assert load_or_create_identity(home, "station").public_key != signer.public_key


def test_its_files_are_what_they_should_be(tmp_path: Path) -> None:
    before = os.umask(0)
    signer = load_or_create_identity(tmp_path / "home", "station")
    os.umask(before)
    private, public = (tmp_path / "home" / f"station{end}" for end in (".pem", ".pub.pem"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert parse_public_key(public.read_bytes()) == signer.public_key
    assert openssl("pkey", "-in", private, "-pubout") == public.read_bytes()


def test_all_who_ask_at_once_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(load_or_create_identity, tmp_path, "station") for _ in range(32)]
        keys = {each.result().public_key.keyid for each in asked}
    assert len(keys) == 1
    assert sorted(os.listdir(tmp_path)) == ["station.pem", "station.pub.pem"]


def test_a_lost_public_file_is_written_again(tmp_path: Path) -> None:
    """As after a kill between the two files."""
    signer = load_or_create_identity(tmp_path, "station")
    (tmp_path / "station.pub.pem").unlink()
    assert load_or_create_identity(tmp_path, "station").public_key == signer.public_key
    assert (tmp_path / "station.pub.pem").exists()


def test_a_public_file_of_another_key_is_refused(tmp_path: Path) -> None:
    load_or_create_identity(tmp_path, "station")
    (tmp_path / "station.pub.pem").write_bytes(b"another")
    with pytest.raises(CustodyError, match="is not the public key of"):
        load_or_create_identity(tmp_path, "station")


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "station.pem").write_bytes(cheap_pem())
    (tmp_path / "station.pem").chmod(0o600)
    with pytest.raises(KeyLockedError, match="must not be encrypted"):
        load_or_create_identity(tmp_path, "station")


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    load_or_create_identity(tmp_path, "station")
    (tmp_path / "station.pem").chmod(0o644)
    with pytest.raises(CustodyError, match="open to others"):
        load_or_create_identity(tmp_path, "station")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(FileError, match="cannot be made"):
        load_or_create_identity(tmp_path / "f" / "home", "station")


def test_a_place_that_is_taken_by_something_else(tmp_path: Path) -> None:
    (tmp_path / "station.pem").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileError, match="a symbolic link"):
        load_or_create_identity(tmp_path, "station")
