"""A token in software, SoftHSM2, with a folder of its own. TEST ONLY: its PIN is published here.

The library reads its configuration once in a process, so whatever uses it runs in one of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
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
