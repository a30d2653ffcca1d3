"""Keys of other tools: every vector gives its outcome, and nothing but our errors leaves a parser."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from signkit.errors import KeyLockedError, SignkitError
from signkit.formats.private_key import OpenedKey, is_private_key, parse_private_key
from signkit.formats.public_key import read_public_key
from signkit.verify.ed25519 import PublicKey
from tests.support.key_files import PASSPHRASE, never, passphrase
from tests.support.tool_key_vectors import FOLDER, refused

EXPECTED: dict[str, str] = json.loads((FOLDER / "EXPECT.json").read_text())
ACCEPTED = sorted(name for name, code in EXPECTED.items() if code == "accept")
REFUSED = sorted(EXPECTED.keys() - set(ACCEPTED))
ENCRYPTED = {"minisign.encrypted.key", "signify.sec"} | {
    name for name in ACCEPTED if name.startswith("openssh.aes")
}
PAIRS = {
    "minisign.encrypted.key": "minisign.pub",
    "minisign_w.key": "minisign_w.pub",
    "node.private.jwk": "node.public.jwk",
    "openssh.aes128-cbc.key": "openssh.pub",
    "openssh.aes256-ctr.key": "openssh.pub",
    "openssh.aes256-gcm.key": "openssh.pub",
    "openssh.key": "openssh.pub",
    "signify.sec": "signify.pub",
    "signify_n.sec": "signify_n.pub",
    "webcrypto.private.jwk": "webcrypto.public.jwk",
}
# A plain key of each kind, and its public half.
KINDS = ["openssh.key", "minisign_w.key", "signify_n.sec", "node.private.jwk", "gpg.gpg", "gpg.asc"]
KINDS += [PAIRS[name] for name in KINDS if name in PAIRS]


def vector(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def read(data: bytes, secret: Callable[[], bytes] = never) -> PublicKey | OpenedKey:
    if is_private_key(data):
        return parse_private_key(data, passphrase=secret)
    return read_public_key(data)


def test_every_file_has_its_outcome() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert files - {"EXPECT.json"} == EXPECTED.keys()


def test_the_refused_files_are_those_of_the_program() -> None:
    for name, (data, code) in refused().items():
        assert (vector(f"refused/{name}"), EXPECTED[f"refused/{name}"]) == (data, code)


@pytest.mark.parametrize(("private", "public"), PAIRS.items())
def test_a_pair_that_a_tool_made_is_one(private: str, public: str) -> None:
    opened = read(vector(private), passphrase)
    assert isinstance(opened, OpenedKey)
    assert opened.encrypted == (private in ENCRYPTED)
    assert opened.key.public_key == read(vector(public))


def test_the_pairs_and_the_openpgp_keys_are_all_that_is_accepted() -> None:
    openpgp = {name for name in ACCEPTED if name.startswith("gpg.")}
    assert {*PAIRS, *PAIRS.values(), *openpgp} == set(ACCEPTED)
    assert len({read(vector(name)) for name in openpgp}) == 1  # armored, binary, with a subkey


@pytest.mark.parametrize("name", REFUSED)
def test_every_defect_is_refused_before_a_passphrase_is_asked_for(name: str) -> None:
    with pytest.raises(SignkitError) as caught:
        read(vector(name))
    assert caught.value.code == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(ENCRYPTED - {"minisign.encrypted.key"}))
def test_a_wrong_passphrase_is_the_one_sentence(name: str) -> None:
    with pytest.raises(KeyLockedError, match="the passphrase does not open the private key"):
        read(vector(name), lambda: b"wrong horse")


@pytest.mark.slow
def test_a_wrong_passphrase_of_minisign_is_the_same_sentence() -> None:
    with pytest.raises(KeyLockedError, match="the passphrase does not open the private key"):
        read(vector("minisign.encrypted.key"), lambda: b"wrong horse")


@pytest.mark.parametrize("size", range(48))
def test_no_comment_makes_a_public_line_a_private_key(size: int) -> None:
    line = b" ".join(vector("openssh.pub").split()[:2]) + b" " + b"x" * size
    assert not is_private_key(line)  # with 7 characters it is as long as 64 raw bytes in base64
    assert read(line) == read(vector("openssh.pub"))


def test_comments_come_along_and_are_not_trusted() -> None:
    opened = read(vector("openssh.key"))
    assert isinstance(opened, OpenedKey)
    assert opened.comment == "TEST ONLY"


@pytest.mark.parametrize("name", KINDS)
def test_crlf_and_a_missing_line_end_change_nothing(name: str) -> None:
    data = vector(name)
    if name.endswith(("gpg", "jwk")):
        pytest.skip("not made of lines")
    assert _identity(read(data.replace(b"\n", b"\r\n"))) == _identity(read(data))
    assert _identity(read(data.removesuffix(b"\n"))) == _identity(read(data))


def _identity(key: PublicKey | OpenedKey) -> str:
    return key.keyid if isinstance(key, PublicKey) else key.key.public_key.keyid


@pytest.mark.parametrize("name", KINDS)
def test_every_truncation_is_refused(name: str) -> None:
    data = vector(name)
    text = data.rstrip(b"\r\n")
    for size in range(len(text)):
        cut = data[:size]
        if name.endswith(".gpg") and size in _packet_ends(data):
            continue  # fewer packets: still a key
        if name == "openssh.pub" and size >= len(text.rsplit(b" ", 2)[0]):
            continue  # a shorter comment, or none
        with pytest.raises(SignkitError):
            read(cut)


def _packet_ends(data: bytes) -> set[int]:
    ends, place = set(), 0
    while place < len(data):
        place += 2 + data[place + 1]
        ends.add(place)
    return ends


@pytest.mark.parametrize("name", KINDS)
def test_every_flipped_bit_is_refused_or_in_what_nothing_protects(name: str) -> None:
    data, same = vector(name), _identity(read(vector(name)))
    passed = 0
    for place in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with suppress(SignkitError):
            got = _identity(read(bytes(flipped), lambda: PASSPHRASE))
            # A public key has no checksum of its own; a private one has the copies of its public.
            assert got == same or not is_private_key(data)
            passed += 1
    assert passed < len(data) * 8  # and no traceback


@pytest.mark.parametrize(
    "name", ["openssh.aes256-ctr.key", "openssh.aes256-gcm.key", "signify.sec"]
)
def test_a_flipped_bit_in_an_encrypted_key_never_opens_another(name: str) -> None:
    data, same = vector(name), _identity(read(vector(name), passphrase))
    generator = random.Random(name)
    for _ in range(12):
        place = generator.randrange(len(data) * 8)
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        with suppress(SignkitError):
            assert _identity(read(bytes(flipped), passphrase)) == same


def test_no_refusal_quotes_a_private_file() -> None:
    for name in REFUSED:
        data = vector(name)
        with pytest.raises(SignkitError) as caught:
            read(data)
        said = f"{caught.value} {caught.value.hint}".encode()
        words = [word for word in data.split() if len(word) > 12]
        assert not any(word in said for word in words if word != b"untrusted"), name


def test_the_folder_is_where_the_page_says() -> None:
    assert FOLDER.parent == Path(__file__).parents[2] / "vectors" / "keys"
