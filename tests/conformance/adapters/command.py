"""The conformance protocol over `signkit verify`, however it is started: command.py COMMAND... -- CALL.

The command becomes this process, so its exit code and signals are its own.
"""

from __future__ import annotations

import os
import sys

OPTIONS = {"--permit": "--allow-downgrade"}  # all others are called the same


def translated(call: list[str]) -> list[str]:
    """Return the arguments of `signkit verify` for one call of the protocol."""
    command, folder, *rest = call
    state = ["--state", os.path.join(folder, "state.json")]
    if command in {"init", "update"}:  # neither asks what time it is: a verdict does
        return [*state, f"--{command}", "--now", "none", *rest]
    content, statement, *options = rest
    named = [OPTIONS.get(each, each) for each in options]
    return [*state, content, "--statement", statement, *named]


def main() -> int:
    """Become the command, or say that nothing is lacking."""
    divider = sys.argv.index("--")
    command, call = sys.argv[1:divider], sys.argv[divider + 1 :]
    if call != ["lacks"]:
        os.execvp(command[0], [*command, *translated(call)])  # noqa: S606 - the words are the harness's
    return 0


if __name__ == "__main__":
    sys.exit(main())
