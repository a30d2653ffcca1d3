"""The verifier's command in a folder of its own, with content that verifies."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from signkit.device.main import run
from signkit.formats.statement import statement_from_response
from signkit.verify.encoding import encode_json
from signkit.verify.pem import encode_pem
from signkit.verify.public_key import encode_public_der
from tests.support.documents import CONTENT, statement_envelope
from tests.support.keys import PROD, KeyOfTest

ROOT = Path(__file__).parents[2]


class Place:
    """A folder with `model.bin`, its statement and `public.pem`; it must be the current one."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.out = ""
        self.err = ""
        self.write("model.bin", CONTENT)
        self.write("model.bin.statement.json", encode_json(statement_envelope()))
        self.write_key("public.pem", PROD)

    def write(self, name: str, data: bytes) -> str:
        """Write a file and return its name."""
        (self.folder / name).write_bytes(data)
        return name

    def write_key(self, name: str, key: KeyOfTest) -> str:
        """Write a public key as PEM and return its name."""
        return self.write(name, encode_pem("PUBLIC KEY", encode_public_der(key.public_key)))

    def statement(self, signer: KeyOfTest = PROD, **changes: Any) -> str:
        """Write another statement for the content, `other.json`."""
        return self.write("other.json", encode_json(statement_envelope(signer, **changes)))

    def run(self, *arguments: str) -> int:
        """Run the command here, keep what it printed, and return its exit code."""
        code = run(arguments, program="signkit verify", from_response=statement_from_response)
        self.out, self.err = self.capsys.readouterr()
        assert "Traceback" not in self.err
        return code

    def verify(self, *arguments: str) -> int:
        """Run it on the content, under the key."""
        return self.run("model.bin", "--key", "public.pem", *arguments)

    def process(
        self, command: list[str], *, redirect: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a process of its own; redirect is appended as it is."""
        return subprocess.run(
            ["bash", "-c", f'exec "$@" {redirect}', "bash", *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
