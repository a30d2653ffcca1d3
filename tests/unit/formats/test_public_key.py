"""Public keys as other tools write them."""

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import UsageError
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import PrivateKey, new_private_key
from signkit.formats.public_key import encode_public_key, encode_ssh_line
from signkit.verify.public_key import parse_public_key
from tests.support.key_files import PUBLIC, openssl

FORMS = (KeyForm.PEM, KeyForm.DER, KeyForm.RAW, KeyForm.HEX)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(FORMS))
def test_reads_what_it_writes(seed: bytes, form: KeyForm) -> None:
    key = PrivateKey(seed).public_key
    assert parse_public_key(encode_public_key(key, form)) == key


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
