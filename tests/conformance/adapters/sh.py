"""The conformance protocol over the sh verifier, under dash: sh.py BUILDER CALL.

Its keys are pinned when it is built, so `init` builds it, from a trust root with one role that holds now,
and with the builder's own checks; it follows no other one, and keeps no state. It reads a statement in
signkit's own spelling only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LACKS = "update\nstate\npermit\nroles\nspelling"


def init(builder: str, folder: str, trust: str) -> int:
    """Build a verifier into the folder."""
    built = Path(folder) / "signkit-verify.sh"
    if built.exists():
        print("error: a verifier is there already", file=sys.stderr)
        return 2
    command = [sys.executable, builder, "--trust", trust, "--output", str(built)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode


def verify(folder: str, content: str, statement: str, *options: str) -> int:
    """Become the verifier, if one was built."""
    built = Path(folder) / "signkit-verify.sh"
    words = ["dash", str(built), content, "--statement", statement, *options]
    if built.exists():
        os.execvp("dash", words)  # noqa: S606 - the words are the harness's
    print("error: no verifier was built", file=sys.stderr)
    return 2


def main() -> int:
    """Answer one call."""
    builder, command, *rest = sys.argv[1:]
    if command == "lacks":
        print(LACKS)
        return 0
    if command == "init":
        return init(builder, *rest)
    return verify(*rest) if command == "verify" else 2


if __name__ == "__main__":
    sys.exit(main())
