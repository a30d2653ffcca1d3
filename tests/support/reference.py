"""The generated pages of docs/reference: `python -m tests.support.reference` writes them again."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from signkit import errors
from signkit.errors import SignkitError
from signkit.registry.app import create_app
from signkit.registry.footing import open_parts
from signkit.registry.log import Log
from signkit.registry.settings import Settings
from tests.support.forked import run_signkit

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
_COMMANDS = (
    "",
    "keys new",
    "keys show",
    "keys convert",
    "keys import",
    "keys export",
    "keys list",
    "keys set-state",
    "keys history",
    "keys destroy",
    "keys rotate",
    "keys compromise",
    "keys attest",
    "keys publish",
    "keys split",
    "keys recover",
    "keys backup",
    "keys restore",
    "prepare",
    "show",
    "script",
    "sign",
    "ledger show",
    "ledger verify",
    "ledger search",
    "ledger export",
    "combine",
    "import-signatures",
    "submit",
    "policy check",
    "policy show",
    "extract",
    "verify",
    "trust init",
    "trust add-key",
    "trust remove-key",
    "trust set-role",
    "trust set-expiry",
    "trust request",
    "trust sign",
    "trust show",
    "trust check",
    "trust plan-rotation",
    "registry serve",
    "registry profile add",
    "registry profile list",
    "registry profile remove",
    "registry artifacts list",
    "registry artifacts create",
    "registry artifacts get",
    "registry parts list",
    "registry parts create",
    "registry backup",
    "registry restore",
    "registry verify",
    "registry token new",
    "registry token list",
    "registry token revoke",
    "registry organization new",
    "registry organization list",
    "registry audit export",
    "registry audit verify",
    "registry bundles push",
    "registry bundles pull",
)


def error_classes() -> list[type[SignkitError]]:
    """Every error, in the order of the module."""
    members = inspect.getmembers(errors, inspect.isclass)
    found = [member for _name, member in members if issubclass(member, SignkitError)]
    return sorted(found, key=lambda member: inspect.getsourcelines(member)[1])


def errors_page() -> str:
    """The table of exit codes and codes."""
    rows = [
        f"| {each.exit_code} | `{each.code}` | {(each.__doc__ or '').splitlines()[0]} |"
        for each in sorted(error_classes(), key=lambda each: each.exit_code)
    ]
    return "\n".join(
        [
            "# Errors and exit codes",
            "",
            "Generated from `signkit/errors.py` by `python -m tests.support.reference`.",
            "",
            "An error is one line on stderr, `error: ...`, and often a second one, `hint: ...`, that says what",
            'to do next. With `--json` it is one JSON object on stderr: `{"error", "code", "hint"?, "reason"?}`;',
            "`reason` is the code of what is behind the refusal of a document. Codes and exit codes are stable.",
            "",
            "| exit | code | meaning |",
            "|---|---|---|",
            "| 0 | | done; verified |",
            *rows,
            "| 130 | | interrupted (SIGINT) |",
            "| 141 | | the reader of the output went away (SIGPIPE) |",
            "",
        ]
    )


def help_of(command: str) -> str:
    """What a command's --help prints, 80 columns wide."""
    environment = {**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}
    run = run_signkit(*command.split(), "--help", env=environment)
    # The help of verify ends with 2: nothing was verified.
    assert run.returncode == (2 if command == "verify" else 0), run.stderr
    return "\n".join(line.rstrip() for line in run.stdout.strip().splitlines())


def cli_page() -> str:
    """The help of every command."""
    blocks = [
        f"## {('signkit ' + command).strip()}\n\n```text\n{help_of(command)}\n```\n"
        for command in _COMMANDS
    ]
    head = "# Commands\n\nGenerated from `--help` by `python -m tests.support.reference`.\n\n"
    return head + "\n".join(blocks)


def openapi_document() -> str:
    """The registry's own description."""
    with (
        TemporaryDirectory() as folder,
        open_parts(Settings(data=Path(folder) / "registry")) as parts,
    ):
        described = create_app(parts, Log(None)).state.describe()
        parts.database.close()
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "openapi.json").write_text(openapi_document(), "utf-8")
    (FOLDER / "errors.md").write_text(errors_page())
    (FOLDER / "cli.md").write_text(cli_page())


if __name__ == "__main__":
    main()
