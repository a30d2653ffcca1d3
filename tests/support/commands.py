"""Run the real command in a process of its own, with a signkit home of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forked import run_signkit

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def error(self) -> dict[str, Any]:
        """The JSON error, which is the last line on stderr."""
        value = json.loads(self.err.strip().splitlines()[-1])
        assert isinstance(value, dict)
        return value


@dataclass(frozen=True)
class Machine:
    """A folder that plays a machine: its files, and its signkit home."""

    folder: Path

    @property
    def home(self) -> Path:
        """Where signkit keeps its own."""
        return self.folder / "home"

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment of its processes."""
        return {**os.environ, "SIGNKIT_HOME": str(self.home), **changes}

    def run(self, *arguments: object, stdin: str = "", env: Mapping[str, str] | None = None) -> Ran:
        """Run `signkit ARGUMENTS` in the folder."""
        environment = self.environment(**(env or {}))
        done = run_signkit(*arguments, stdin=stdin, cwd=self.folder, env=environment)
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in ran.err, ran.err
        return ran

    def ok(self, *arguments: object) -> dict[str, Any]:
        """Run a command that must succeed, with --json; returns what it printed."""
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.json

    def write(self, name: str, data: bytes | str, *, mode: int = 0o644) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(mode)
        return path

    def new_key(self, name: str = "prod") -> dict[str, Any]:
        """Make a key; its passphrase is in the file `pw`."""
        self.write("pw", PASSPHRASE + "\n", mode=0o600)
        return self.ok("keys", "new", name, "--passphrase-file", "pw")

    def prepare(self, name: str = "model.bin", *more: object) -> dict[str, Any]:
        """Prepare one file as ML-Model 1.0.0."""
        target = "aarch64-unknown-linux"
        named = ("--artifact", "ML-Model", "--version", "1.0.0", "--target", target)
        return self.ok("prepare", name, *named, *more)

    def sign(self, request: str = "model.request.json", *more: object) -> Ran:
        """Sign a request as a script does."""
        from hashlib import sha256

        digest = sha256((self.folder / request).read_bytes()).hexdigest()
        options = ("--key", "prod", "--passphrase-file", "pw", "--yes-to", digest)
        return self.run("sign", request, *options, *more, "--json")
