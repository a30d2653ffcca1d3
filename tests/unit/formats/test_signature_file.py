"""Signature files of other tools: what is in them, and what they sign."""

from __future__ import annotations

import textwrap
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import MalformedError, SignkitError, UnsupportedVersionError
from signkit.formats.signature_file import SignatureForm, parse_signature_file
from signkit.verify.ed25519 import verify_signature
from tests.support.keys import PROD
from tests.support.signature_files import (
    MESSAGE,
    minisign,
    signature_files,
    ssh_string,
    sshsig,
    sshsig_file,
)

FILES = signature_files()
RAW = FILES["raw"]


@pytest.mark.parametrize("form", SignatureForm)
def test_every_form_gives_a_signature_that_verifies(form: SignatureForm) -> None:
    found = parse_signature_file(FILES[form])
    assert found.form is form
    verify_signature(PROD.public_key, found.covers(MESSAGE), found.signature)
    assert found.signs_message == (found.covers(MESSAGE) == MESSAGE)


@pytest.mark.parametrize(
    "data",
    [
        RAW.hex().upper().encode(),
        "\r\n".join(textwrap.wrap(RAW.hex(), 60)).encode(),
        b64encode(RAW).rstrip(b"="),
        urlsafe_b64encode(RAW),
        b" " + b64encode(RAW)[:44] + b"\n" + b64encode(RAW)[44:] + b"\n\n",
        FILES["minisign"].replace(b"\n", b"\r\n"),
        FILES["signify"].removesuffix(b"\n"),
        FILES["sshsig"].replace(b"\n", b"\r\n"),
    ],
)
def test_every_way_of_writing_it_down_is_read(data: bytes) -> None:
    found = parse_signature_file(data)
    verify_signature(PROD.public_key, found.covers(MESSAGE), found.signature)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "got 0 bytes"),
        (RAW + b"\n", "got 65 bytes"),
        (RAW[:63], "got 63 bytes"),
        (b"ab" * 33, "got hex of 33 bytes"),
        (b64encode(bytes(32)), "got base64 of 32 bytes: that is a digest or a key"),
        (b"\xff" * 256, "that is a signature of RSA"),
        (b"\x30\x45" + b"\xff" * 69, "that is a signature of ECDSA"),
        (bytes([200]) * 114, "that is a signature of Ed448"),
        (b"-----BEGIN PGP SIGNATURE-----\n", "an OpenPGP signature"),
        (b"-----BEGIN PKCS7-----\n", "a CMS signature"),
        (b"-----BEGIN PUBLIC KEY-----\n", "a public key"),
        (b"untrusted comment: x\nRWQ=\n", "expected the two lines of signify"),
        (b"untrusted comment: x", "expected the two lines of signify"),
        (b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", "not an SSHSIG"),
        (FILES["sshsig"] + b"more", "not an SSHSIG"),
    ],
)  # fmt: skip
def test_what_is_no_signature_says_what_it_looks_like(data: bytes, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        parse_signature_file(data)


def framed(*, version: int = 1, kind: bytes = b"ssh-ed25519", hashed: bytes = b"sha512") -> bytes:
    public = ssh_string(kind, bytes(32))
    signature = ssh_string(b"ssh-ed25519", bytes(64))
    return sshsig_file(
        version.to_bytes(4, "big") + ssh_string(public, b"file", b"", hashed, signature)
    )


@pytest.mark.parametrize(
    "data",
    [
        framed(version=2),
        framed(hashed=b"md5"),
        framed(kind=b"ssh-rsa"),
        framed(kind=b"sk-ssh-ed25519@openssh.com"),
        minisign(MESSAGE, algorithm=b"Ex"),
    ],
)
def test_other_algorithms_are_refused_as_such(data: bytes) -> None:
    with pytest.raises(UnsupportedVersionError):
        parse_signature_file(data)


def test_an_ssh_frame_says_what_it_was_for() -> None:
    frame = parse_signature_file(sshsig(MESSAGE, namespace=b"git")).frame
    assert frame is not None
    assert (frame.key, frame.namespace, frame.hash_name) == (PROD.public_key.raw, b"git", "sha512")


@given(st.sampled_from(sorted(FILES)), st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_never_leaves_more_than_an_error_of_ours(
    form: str, place: int, byte: int
) -> None:
    data = bytearray(FILES[form])
    data[place % len(data)] = byte
    try:
        found = parse_signature_file(bytes(data))
    except SignkitError:
        return
    assert len(found.signature) == 64
