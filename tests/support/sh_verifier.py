"""The sh verifier as a device runs it: one shell, exactly the tools it is said to need, one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signkit.verify.encoding import encode_json
from signkit.verify.pem import encode_pem
from signkit.verify.public_key import encode_public_der
from tests.support.documents import CONTENT, statement_envelope
from tests.support.keys import PROD, KeyOfTest

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / "scripts" / "build-sh-verifier"
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
# For hundreds of cases: bash, which hardly any device has, takes longest.
every_case_in_each_shell = pytest.mark.parametrize(
    "device",
    ["dash", "busybox", pytest.param("bash", marks=pytest.mark.sweep)],
    indirect=True,
)
# What docs/howto/verify-on-a-device.md names; od or hexdump, whichever there is.
TOOLS = "cat date dd expr grep ls mktemp od openssl rm sha256sum tr wc".split()
LAST_LINE = '\nmain "$@"\n'


def require(*programs: str) -> None:
    """Skip where a program is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"needs the program {program}")


def build(*arguments: object, output: Path) -> subprocess.CompletedProcess[str]:
    """Run the script that builds a verifier."""
    return subprocess.run(
        [sys.executable, BUILDER, *map(str, arguments), "--output", output],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


class Device:
    """A folder with `model.bin`, its statement, `public.pem`, and a verifier pinned to that key."""

    def __init__(self, folder: Path, shell: str, *, tools: list[str] = TOOLS) -> None:
        require(shell, *TOOLS)
        self.folder = folder
        self.shell = SHELLS[shell]
        self.tools = folder / "tools"
        self.temporary = folder / "temporary"
        self.tools.mkdir()
        self.temporary.mkdir()
        for tool in tools:  # a device of busybox has its tools too, all but openssl
            program = "busybox" if shell == "busybox" and tool != "openssl" else tool
            (self.tools / tool).symlink_to(Path(shutil.which(program) or ""))
        self.write("model.bin", CONTENT)
        self.write("model.bin.statement.json", encode_json(statement_envelope()))
        self.pin(self.key("public.pem", PROD))

    def write(self, name: str, data: bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def key(self, name: str, key: KeyOfTest) -> Path:
        """Write a public key as PEM."""
        return self.write(name, encode_pem("PUBLIC KEY", encode_public_der(key.public_key)))

    def pin(self, *keys: Path, arguments: tuple[object, ...] = ()) -> None:
        """Build the verifier anew, pinned to other keys."""
        pairs = [word for path in keys for word in ("--key", path)]
        made = build(*pairs, *arguments, "--path", self.tools, output=self.folder / "verify.sh")
        assert made.returncode == 0, made.stderr

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
        """Run the verifier, which leaves nothing behind and prints plain ASCII only."""
        done = self.run_file(self.folder / "verify.sh", *arguments, **environment)
        assert not list(self.temporary.iterdir())
        for byte in done.stdout + done.stderr.replace("·".encode(), b""):
            assert byte == 0x0A or 0x20 <= byte < 0x7F, (done.stdout, done.stderr)
        assert (done.returncode == 0) == done.stdout.startswith(b"verified: "), done
        return done

    def code(self, *arguments: object) -> int:
        """Run the verifier on the content, and return its exit code."""
        done = self.run("model.bin", *arguments)
        assert done.returncode == 0 or done.stderr.startswith(b"error: "), done
        return done.returncode

    def judge(self, statement: bytes, *arguments: object) -> int:
        """Run it on the content with another statement."""
        return self.code("--statement", self.write("other.json", statement), *arguments)

    def library(self, program: str, *arguments: object) -> str:
        """Run a program that uses the verifier's own functions: the file without its last line."""
        text = (self.folder / "verify.sh").read_text("utf-8")
        assert text.endswith(LAST_LINE)
        head = text.removesuffix(LAST_LINE)
        script = self.write("library.sh", f"{head}\nwork=$(mktemp -d)\n{program}".encode())
        done = self.run_file(script, *arguments)
        assert done.stderr == b""
        return done.stdout.decode("utf-8")

    def run_file(
        self, script: Path, *arguments: object, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a script in the device's shell, folder and environment."""
        shell = shutil.which(self.shell[0]) or ""
        return subprocess.run(
            [shell, *self.shell[1:], script, *map(str, arguments)],
            cwd=self.folder,
            env={"TMPDIR": str(self.temporary), "PATH": os.defpath, **environment},
            capture_output=True,
            check=False,
            timeout=300,
        )
