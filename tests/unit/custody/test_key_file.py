"""Private key files as signers."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from signkit.custody.key_file import encode_key, load_key_file
from signkit.custody.life import NO_REGISTER
from signkit.errors import (
    CustodyError,
    FileError,
    KeyLockedError,
    SignkitError,
    TooLargeError,
    UnsupportedVersionError,
    UsageError,
)
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import (
    OpenedKey,
    PrivateKey,
    encode_private_key,
    parse_private_key,
)
from tests.support.key_files import (
    DALEK_V2,
    KEYID,
    PASSPHRASE,
    SEED,
    VECTORS,
    cheap_pem,
    openssl,
    passphrase,
)

OPENED = OpenedKey(key=PrivateKey(SEED), encrypted=False)


def secrets(what: str) -> bytes:
    assert what == "passphrase of prod"
    return PASSPHRASE


def refuse(what: str) -> bytes:
    raise AssertionError(what)


def put(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "k.pem"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_opens_an_encrypted_file_with_the_passphrase(tmp_path: Path) -> None:
    pem = openssl(
        "pkcs8", "-topk8", "-scrypt", "-passout", "pass:correct horse",
        data=encode_private_key(OPENED.key, KeyForm.PEM),
    )  # fmt: skip
    signer = load_key_file(put(tmp_path, pem), secrets=secrets, register=NO_REGISTER, name="prod")
    assert (signer.public_key.keyid, signer.name, signer.warnings) == (KEYID, "prod", ())


def test_warns_of_cheap_encryption(tmp_path: Path) -> None:
    signer = load_key_file(
        put(tmp_path, cheap_pem()), secrets=secrets, register=NO_REGISTER, name="prod"
    )
    assert signer.warnings == (
        "the passphrase of prod is cheap to guess at: scrypt with n=2 r=8 p=1",
    )


@pytest.mark.parametrize("data", [DALEK_V2, *(encode_private_key(OPENED.key, f) for f in KeyForm)])
def test_opens_a_plain_file_in_any_form_with_a_warning(tmp_path: Path, data: bytes) -> None:
    path = put(tmp_path, data)
    signer = load_key_file(path, secrets=refuse, register=NO_REGISTER)
    assert (signer.public_key.keyid, signer.name) == (KEYID, str(path))
    assert "is not encrypted" in signer.warnings[0]


@pytest.mark.parametrize("mode", [0o644, 0o666])
def test_refuses_a_file_that_others_can_read(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CustodyError, match=f"got {mode:o}"):
        load_key_file(put(tmp_path, DALEK_V2, mode), secrets=refuse, register=NO_REGISTER)


def test_a_missing_passphrase_or_a_wrong_one_locks_the_key(tmp_path: Path) -> None:
    path = put(tmp_path, cheap_pem())
    with pytest.raises(KeyLockedError, match="does not open"):
        load_key_file(path, secrets=lambda _what: b"wrong", register=NO_REGISTER)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("openssl/neg_ossl.enc.3des.pem", UnsupportedVersionError),
        ("openssl/ossl.pub.pem", UnsupportedVersionError),
        ("third_party/openssh/ed25519_sk1", UnsupportedVersionError),
        ("made_here/pem_two_keys.pem", SignkitError),
    ],
)
def test_refuses_what_is_no_key_of_ours(
    tmp_path: Path, file: str, kind: type[SignkitError]
) -> None:
    with pytest.raises(kind, match="private key"):
        load_key_file(
            put(tmp_path, (VECTORS / file).read_bytes()), secrets=refuse, register=NO_REGISTER
        )


def test_refuses_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", mode=0o600)
    for name, said in {"fifo": "a FIFO", "none": "no such file", ".": "is a directory"}.items():
        with pytest.raises(FileError, match=said):
            load_key_file(tmp_path / name, secrets=refuse, register=NO_REGISTER)
    with pytest.raises(TooLargeError, match="at most 16384 bytes"):
        load_key_file(put(tmp_path, bytes(16385)), secrets=refuse, register=NO_REGISTER)


def test_no_traceback_holds_a_private_byte(tmp_path: Path) -> None:
    """Attacker: reads crash reports. A damaged key file must not end up in one."""
    for data in (SEED.hex().encode()[:-1] + b"Z", DALEK_V2[:-1], DALEK_V2[:-32] + SEED):
        with pytest.raises(SignkitError) as caught:
            load_key_file(put(tmp_path, data), secrets=refuse, register=NO_REGISTER)
        text = "".join(traceback.format_exception(caught.value))
        assert SEED.hex()[:16] not in text
        assert repr(SEED)[2:18] not in text


def test_encodes_under_a_passphrase_and_opens_it_before_it_says_so() -> None:
    pem = encode_key(OPENED, KeyForm.PEM, passphrase=PASSPHRASE)
    assert parse_private_key(pem, passphrase=passphrase).encrypted
    with pytest.raises(UsageError, match="form der cannot be encrypted"):
        encode_key(OPENED, KeyForm.DER, passphrase=PASSPHRASE)
    assert encode_key(OPENED, KeyForm.DER, passphrase=None).endswith(SEED)


def test_a_fault_while_encrypting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped bit in memory would lose the key for ever: nothing is written."""
    other = cheap_pem(b"\x78" * 32)
    monkeypatch.setattr("signkit.custody.key_file.encode_encrypted_form", lambda *_args: other)
    with pytest.raises(CustodyError, match="does not open again"):
        encode_key(OPENED, KeyForm.PEM, passphrase=PASSPHRASE)
