"""The `signkit` command: verdicts first, everything else through typer.

`signkit verify` reaches the ground floor before typer is imported, because typer alone takes ten
times as long to load as a verdict on a small file.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signkit.verify.verdict import Expectation

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def main() -> int:
    """Run one command and return its exit code (docs/reference/errors.md)."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["verify"]:
        from signkit.cli.verify_from import FETCHER
        from signkit.device.main import run

        return run(
            arguments[1:],
            program="signkit verify",
            from_response=_from_response,
            fetcher=FETCHER,
        )
    try:
        from signkit.cli.app import run_app

        return run_app(arguments)
    except KeyboardInterrupt:
        sys.stderr.write(
            "\ninterrupted: what was done is kept, nothing is half written; run the command again\n"
        )
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


def _from_response(data: bytes, *, name: str, expectation: Expectation) -> bytes:
    from signkit.formats.statement import statement_from_response

    return statement_from_response(data, name=name, expectation=expectation)
