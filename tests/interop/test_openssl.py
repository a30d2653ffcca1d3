"""OpenSSL checks a `peridio` signature by the recipe that the specification prints."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from signkit.schemes import peridio
from signkit.verify.digest import compute_digest
from signkit.verify.pem import encode_pem
from signkit.verify.public_key import encode_public_der
from tests.support.documents import item_value, request_of, request_value
from tests.support.keys import PROD, SPARE

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "schemes.md"
CONTENTS = [b"", b"Hello, Binary\n", bytes(range(256)) * 4097]

pytestmark = pytest.mark.skipif(
    not shutil.which("openssl") or not shutil.which("sha256sum"),
    reason="needs openssl and sha256sum",
)


def recipe() -> str:
    """The commands as they are printed, in which FILE is the content."""
    lines = re.findall(r"^    (.+)$", PAGE.read_text(), re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["sha256sum", "openssl"]
    return "\n".join(["set -e", *lines]).replace("FILE", "model.bin")


def checked(folder: Path) -> bool:
    done = subprocess.run(
        ["bash", "-c", recipe()], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    assert ("Signature Verified Successfully" in done.stdout) == (done.returncode == 0)
    return done.returncode == 0


@pytest.fixture(params=CONTENTS, ids=["empty", "small", "a mebibyte"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    content: bytes = request.param
    value = item_value(size=len(content), digest={"sha256": compute_digest(content).hex()})
    asked = request_of(request_value(value))
    made = peridio.sign(PROD, asked.items[0], asked)
    (tmp_path / "model.bin").write_bytes(content)
    (tmp_path / "s").write_bytes(bytes.fromhex(made))
    (tmp_path / "public.pem").write_bytes(
        encode_pem("PUBLIC KEY", encode_public_der(PROD.public_key))
    )
    return tmp_path


def test_what_we_sign_it_verifies(folder: Path) -> None:
    assert checked(folder)


def test_other_content_it_refuses(folder: Path) -> None:
    with (folder / "model.bin").open("ab") as file:
        file.write(b"\0")
    assert not checked(folder)


@pytest.mark.parametrize("place", [0, 31, 63])
def test_a_flipped_signature_it_refuses(folder: Path, place: int) -> None:
    signature = bytearray((folder / "s").read_bytes())
    signature[place] ^= 1
    (folder / "s").write_bytes(signature)
    assert not checked(folder)


def test_another_key_it_refuses(folder: Path) -> None:
    (folder / "public.pem").write_bytes(
        encode_pem("PUBLIC KEY", encode_public_der(SPARE.public_key))
    )
    assert not checked(folder)


def test_what_it_signs_we_verify(folder: Path) -> None:
    private = encode_pem(
        "PRIVATE KEY", bytes.fromhex("302e020100300506032b657004220420") + PROD.seed
    )
    (folder / "private.pem").write_bytes(private)
    command = (
        "sha256sum model.bin | cut -c1-64 | tr -d '\\n' > m;"
        " openssl pkeyutl -sign -inkey private.pem -rawin -in m -out by_openssl"
    )
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    assert (folder / "by_openssl").read_bytes() == (folder / "s").read_bytes()
