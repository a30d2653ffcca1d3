"""A token in software, SoftHSM2, with a folder of its own. TEST ONLY: its PIN is published here.

The library reads its configuration once in a process, so whatever uses it runs in one of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PIN = "123456"
_PLACES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib/aarch64-linux-gnu/softhsm",
           "/usr/lib64/pkcs11", "/usr/local/lib/softhsm", "/opt/homebrew/lib/softhsm")  # fmt: skip


def find_module() -> Path | None:
    """SoftHSM2's library, where it is installed."""
    found = (Path(place) / "libsofthsm2.so" for place in _PLACES)
    return next((path for path in found if path.exists()), None)


@dataclass(frozen=True)
class SoftHsm:
    """A folder of tokens.

    Attributes:
        folder: Holds the configuration and the tokens.
        module: The library.
    """

    folder: Path
    module: Path

    @property
    def environment(self) -> dict[str, str]:
        """What tells the library where its tokens are."""
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def run(self, *arguments: str | Path) -> None:
        """Run softhsm2-util."""
        environment = {**os.environ, **self.environment}
        command = ["softhsm2-util", *map(str, arguments)]
        subprocess.run(command, env=environment, capture_output=True, check=True)

    def new_token(self, label: str) -> None:
        """Make a token."""
        self.run("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345678")

    def put(self, pem: Path, label: str, *, token: str = "vault", key_id: str = "01") -> None:
        """Put a private key, PKCS#8, on a token."""
        named = ("--label", label, "--id", key_id, "--pin", PIN)
        self.run("--import", pem, "--token", token, *named)

    def make(self, label: str, *, key_id: str = "02", token: str = "vault") -> None:
        """Make a key on a token, which is what a token says of it then."""
        self._python(_MAKE, token, label, key_id)

    def put_certificate(self, der: Path, key_id: str, *, token: str = "vault") -> None:
        """Put a certificate beside a key."""
        self._python(_PUT_CERTIFICATE, token, str(der), key_id)

    def _python(self, code: str, *arguments: str) -> None:
        command = [sys.executable, "-c", _OPEN + code, str(self.module), *arguments]
        subprocess.run(command, env={**os.environ, **self.environment}, check=True)


_OPEN = f"""
import sys
import pkcs11
from pkcs11 import Attribute, CertificateType, KeyType, Mechanism, ObjectClass
module, token, what, key_id = sys.argv[1:]
session = pkcs11.lib(module).get_token(token_label=token).open(rw=True, user_pin="{PIN}")
"""
_MAKE = """
parameters = {Attribute.EC_PARAMS: bytes.fromhex("06032b6570")}
session.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True).generate_keypair(
    mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=what, id=bytes.fromhex(key_id)
)
"""
_PUT_CERTIFICATE = """
session.create_object({
    Attribute.CLASS: ObjectClass.CERTIFICATE,
    Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
    Attribute.TOKEN: True,
    Attribute.SUBJECT: bytes.fromhex("3000"),
    Attribute.ID: bytes.fromhex(key_id),
    Attribute.VALUE: open(what, "rb").read(),
})
"""


def make_softhsm(folder: Path) -> SoftHsm:
    """Make a folder of tokens; the test is skipped where there is no SoftHSM2."""
    module = find_module()
    if module is None or not shutil.which("softhsm2-util"):
        pytest.skip("needs SoftHSM2 (Debian: apt-get install softhsm2)")
    pytest.importorskip("pkcs11", reason="needs python-pkcs11 (signkit[pkcs11])")
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    made = SoftHsm(folder, module)
    made.new_token("vault")
    return made
