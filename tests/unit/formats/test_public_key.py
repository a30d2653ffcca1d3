"""Public keys as other tools write them."""

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import (
    FormatError,
    MalformedError,
    NotCanonicalError,
    UnsupportedVersionError,
    UsageError,
)
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import PrivateKey, new_private_key
from signkit.formats.public_key import encode_public_key, encode_ssh_line, read_public_key
from signkit.verify.public_key import parse_public_key
from tests.support.key_files import PUBLIC, SEED, openssl

FORMS = (KeyForm.PEM, KeyForm.DER, KeyForm.RAW, KeyForm.HEX)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(FORMS))
def test_reads_what_it_writes(seed: bytes, form: KeyForm) -> None:
    key = PrivateKey(seed, allow_test_keys=True).public_key
    assert parse_public_key(encode_public_key(key, form), allow_test_keys=True) == key


def test_writes_pem_and_der_as_openssl_does() -> None:
    key = new_private_key().public_key
    pem, der = encode_public_key(key, KeyForm.PEM), encode_public_key(key, KeyForm.DER)
    assert openssl("pkey", "-pubin", data=pem) == pem
    assert openssl("pkey", "-pubin", "-outform", "DER", data=pem) == der
    assert openssl("pkey", "-pubin", "-inform", "DER", data=der) == pem


def test_raw_is_what_the_users_guide_makes_with_tail_and_base64(tmp_path: Path) -> None:
    private = openssl("genpkey", "-algorithm", "Ed25519")
    (tmp_path / "public.pem").write_bytes(openssl("pkey", "-pubout", data=private))
    command = "openssl pkey -pubin -in public.pem -outform DER | tail -c +13 | base64"
    said = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    key = parse_public_key((tmp_path / "public.pem").read_bytes())
    assert encode_public_key(key, KeyForm.RAW) == said.stdout


@pytest.mark.parametrize("form", [KeyForm.RAW64, KeyForm.HEX64])
def test_private_forms_are_refused(form: KeyForm) -> None:
    with pytest.raises(UsageError, match=f"{form} is a form of private keys"):
        encode_public_key(new_private_key().public_key, form)


def test_the_openssh_line_is_that_of_rfc_8709() -> None:
    line = encode_ssh_line(parse_public_key(PUBLIC.hex().encode()))
    kind, text = line.split(" ")
    blob = base64.b64decode(text)
    assert kind == "ssh-ed25519"
    assert blob == b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + PUBLIC


KEY = PrivateKey(SEED).public_key
DER = encode_public_key(KEY, KeyForm.DER)
PEM = encode_public_key(KEY, KeyForm.PEM)
BASE64 = base64.b64encode(PUBLIC)


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"", MalformedError, "public key is empty"),
        (BASE64 + b"\n\n", MalformedError, "none of PEM"),
        (bytes(32), MalformedError, "32 bytes without any encoding"),
        (DER + b"\0", MalformedError, "not exactly of the shape"),
        (DER[:-1], MalformedError, "not exactly of the shape"),
        (base64.b64encode(SEED + PUBLIC), UnsupportedVersionError, "only be a private key"),
        (b"\xef\xbb\xbf" + BASE64, MalformedError, "byte order mark"),
        (BASE64[:-1] + b"*", NotCanonicalError, "32 bytes as standard base64"),
        (PEM + PEM, MalformedError, "expected one PEM block, got 2"),
        (b"key\n" + PEM, MalformedError, "nothing before the PEM block"),
        (PEM + b"\n", NotCanonicalError, "not canonical PEM"),
    ],
)
def test_a_refusal_says_what_the_file_is(data: bytes, kind: type[FormatError], said: str) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        read_public_key(data)
    assert type(caught.value) is kind


@pytest.mark.parametrize("data", [DER, PEM, PEM.replace(b"\n", b"\r\n"), BASE64])
def test_what_the_ground_floor_reads_is_read(data: bytes) -> None:
    assert read_public_key(data) == KEY
