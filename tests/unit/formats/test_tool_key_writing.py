"""What is written for other tools is read back, whatever the key, and needs what it needs."""

from __future__ import annotations

import json
import sys
from base64 import b64decode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import TooLargeError, UnsupportedVersionError, UsageError
from signkit.formats.commented import key_number
from signkit.formats.key_form import ENCRYPTED_FORMS, KeyForm
from signkit.formats.minisign import (
    NEW_COST,
    MinisignCost,
    encode_minisign_private,
    encode_minisign_public,
)
from signkit.formats.openssh import encode_openssh_private
from signkit.formats.private_key import (
    PrivateKey,
    encode_encrypted_form,
    encode_private_key,
    parse_private_key,
)
from signkit.formats.public_key import encode_public_key, read_public_key
from signkit.formats.signify import encode_signify_private
from tests.support.key_files import KEYID, PASSPHRASE, PUBLIC, SEED, never, passphrase

TOOLS = (KeyForm.OPENSSH, KeyForm.MINISIGN, KeyForm.SIGNIFY, KeyForm.JWK)
KEY = PrivateKey(SEED)
# libsodium's interactive limits: the least that is read.
INTERACTIVE = MinisignCost(operations=524_288, memory=16_777_216)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(TOOLS))
def test_reads_what_it_writes(seed: bytes, form: KeyForm) -> None:
    key = PrivateKey(seed, allow_test_keys=True)
    private = encode_private_key(key, form)
    assert parse_private_key(private, passphrase=never, allow_test_keys=True).key.seed == seed
    public = encode_public_key(key.public_key, form)
    assert read_public_key(public, allow_test_keys=True) == key.public_key


ENCRYPTING: dict[str, Callable[[], bytes]] = {
    "openssh": lambda: encode_openssh_private(SEED, PUBLIC, passphrase=PASSPHRASE, rounds=16),
    "signify": lambda: encode_signify_private(SEED, PUBLIC, passphrase=PASSPHRASE, rounds=16),
    "minisign": lambda: encode_minisign_private(
        SEED, PUBLIC, passphrase=PASSPHRASE, cost=INTERACTIVE
    ),
}


@pytest.mark.parametrize("encrypt", ENCRYPTING.values(), ids=ENCRYPTING)
def test_opens_what_it_encrypts(encrypt: Callable[[], bytes]) -> None:
    data, again = encrypt(), encrypt()
    assert data != again  # another salt
    opened = parse_private_key(data, passphrase=passphrase)
    assert (opened.key.seed, opened.encrypted, opened.weakness) == (SEED, True, None)
    assert SEED not in data
    inside = data.splitlines()[1:2] if data.startswith(b"u") else data.splitlines()[1:-1]
    assert SEED not in b64decode(b"".join(inside))


def test_what_new_keys_cost_is_what_minisign_asks_for() -> None:
    assert NEW_COST.scrypt() == (1 << 20, 1)
    assert INTERACTIVE.scrypt() == (1 << 14, 1)
    assert MinisignCost(operations=1 << 20, memory=1 << 20).scrypt() == (1 << 10, 32)


def test_no_form_without_encryption_takes_a_passphrase() -> None:
    for form in set(KeyForm) - ENCRYPTED_FORMS:
        with pytest.raises(UsageError, match=f"the form {form} cannot be encrypted"):
            encode_encrypted_form(KEY, PASSPHRASE, form)


def test_public_and_private_files_are_a_pair_of_the_tools() -> None:
    number = bytes.fromhex(KEYID)[:8]
    assert key_number(PUBLIC) == number
    public = b64decode(encode_minisign_public(PUBLIC).splitlines()[1])
    private = b64decode(encode_minisign_private(SEED, PUBLIC, passphrase=None).splitlines()[1])
    signify = b64decode(encode_signify_private(SEED, PUBLIC, passphrase=None).splitlines()[1])
    assert public[2:10] == private[54:62] == signify[32:40] == number
    shown = number[::-1].hex().upper()
    first = f"untrusted comment: minisign public key {shown}"
    assert encode_minisign_public(PUBLIC).decode().splitlines()[0] == first


def test_a_jwk_is_that_of_rfc_8037() -> None:
    """Appendix A.1 and A.2, member for member."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    written = json.loads(encode_private_key(PrivateKey(seed, allow_test_keys=True), KeyForm.JWK))
    assert written == {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }


@pytest.mark.parametrize("form", [KeyForm.OPENSSH, KeyForm.SIGNIFY])
def test_without_bcrypt_the_refusal_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, form: KeyForm
) -> None:
    data = ENCRYPTING[form]()
    monkeypatch.setitem(sys.modules, "bcrypt", None)  # as on a machine that does not have it
    for attempt in (
        lambda: parse_private_key(data, passphrase=never),
        lambda: encode_encrypted_form(KEY, PASSPHRASE, form),
    ):
        with pytest.raises(UnsupportedVersionError, match="bcrypt, which is not installed") as why:
            attempt()
        assert "signkit[keys]" in (why.value.hint or "")
    assert parse_private_key(encode_private_key(KEY, form), passphrase=never).key.seed == SEED


def test_a_file_of_a_tool_has_a_limit() -> None:
    for start in (b"ssh-ed25519 ", b"untrusted comment: ", b"{", b"\x98"):
        with pytest.raises(TooLargeError, match="16384"):
            read_public_key(start + b"A" * 20_000)
