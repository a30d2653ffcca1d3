"""Every published key file gives its EXPECT, and none gives a traceback (K01 to K05, K11, E09)."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from signkit.errors import KeyLockedError, SignkitError, TooLargeError, UnsupportedVersionError
from signkit.formats.private_key import PrivateKey, parse_private_key
from signkit.formats.public_key import read_public_key
from signkit.verify.ed25519 import PublicKey
from tests.support.key_files import VECTORS, cheap_pem, passphrase

MADE_HERE = VECTORS / "made_here"
EXPECTED: dict[str, str] = {
    entry["file"]: entry["want"] for entry in json.loads((MADE_HERE / "EXPECT.json").read_text())
}
# What the set leaves open, as docs/formats/keys.md section 6 decides it.
DECIDED = {
    "accept or reject (decide, same everywhere)": False,  # text before a PEM block
    "accept only with explicit --raw": False,  # 32 or 64 bytes without any encoding
    "accept only where documented": True,  # raw base64
    "accept or refuse the format as a whole": True,  # OpenSSH
    "accept (fwup/Peridio style hex)": True,
    "accept, normalise to lower-case": True,
    "accept": True,
    "reject": False,
    "reject at enrolment": False,
}
FILES = sorted(
    path
    for path in VECTORS.rglob("*")
    # Those of other tools have tests of their own, and minisign's derivation takes seconds.
    if path.is_file() and path.suffix not in {".md", ".json"} and "tools" not in path.parts
)


def read(data: bytes) -> PublicKey | PrivateKey | None:
    """Read a file as a public or a private key; only SignkitError may say no."""
    with suppress(SignkitError):
        return read_public_key(data, allow_test_keys=True)
    with suppress(SignkitError):
        return parse_private_key(data, passphrase=passphrase, allow_test_keys=True).key
    return None


@pytest.mark.parametrize("file", sorted(EXPECTED.keys() - {"pem_1MB_comment.pem"}))
def test_gives_what_the_set_expects(file: str) -> None:
    key = read((MADE_HERE / file).read_bytes())
    # A line of 32 raw bytes reads as either kind; every other file is one or nothing.
    assert (key is not None) == DECIDED[EXPECTED[file]]


def test_a_file_of_one_megabyte_is_refused_by_its_size() -> None:
    data = b"# comment\n" * 100_000 + (MADE_HERE / "pem_ok.pem").read_bytes()
    for attempt in (read_public_key, lambda data: parse_private_key(data, passphrase=passphrase)):
        with pytest.raises(TooLargeError, match="16384"):
            attempt(data)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(VECTORS)))
def test_every_file_gives_a_key_or_an_error_of_ours(path: Path) -> None:
    read(path.read_bytes())


@pytest.mark.parametrize(
    "line",
    [
        line.split("\t")
        for line in (VECTORS / "third_party" / "EXPECT_third_party.tsv")
        .read_text()
        .splitlines()[1:]
    ],
    ids=lambda line: line[0].removeprefix("keys/"),
)
def test_takes_only_documented_keys_of_third_parties(line: list[str]) -> None:
    file, want = line[0].removeprefix("keys/"), line[1]
    key = read((VECTORS / "third_party" / file).read_bytes())
    assert (key is not None) == want.startswith("accept: Ed25519")


def test_weak_encryption_is_refused_by_name() -> None:
    data = (VECTORS / "openssl" / "neg_ossl.enc.3des.pem").read_bytes()
    with pytest.raises(UnsupportedVersionError, match="triple DES"):
        parse_private_key(data, passphrase=passphrase)


@pytest.mark.parametrize("file", ["ossl.enc.scrypt.pem", "ossl.enc.pbkdf2.pem"])
def test_a_wrong_passphrase_reads_the_same_everywhere(file: str) -> None:
    said = []
    for data in ((VECTORS / "openssl" / file).read_bytes(), cheap_pem()):
        with pytest.raises(KeyLockedError) as caught:
            parse_private_key(data, passphrase=lambda: b"wrong horse")
        said.append((str(caught.value), caught.value.hint))
    assert said[0] == said[1]
