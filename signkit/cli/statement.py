"""`signkit statement`: write the release statements of a response, one file beside each content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.model.response import VerifiedResponse


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("statement", help="Write the release statements out of a response.")(statement)


def statement(
    response: Annotated[Path, typer.Argument(metavar="RESPONSE", help="X.response.json")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: beside the response.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Write NAME.statement.json for every signed item; devices carry it beside NAME."""
    from signkit.formats.files import check_target, read_file, write_new
    from signkit.formats.response import open_response
    from signkit.verify import limits

    folder = response.parent if out is None else out
    data = read_file(response, limit=limits.RESPONSE_SIZE, what="response")
    files: dict[Path, bytes] = {}
    for name, envelope in _statements(open_response(data)):
        path = folder / f"{name}.statement.json"
        if path in files:
            message = f"two items are named {name!r}: their statements cannot lie in one folder"
            raise UsageError(message, hint="use `signkit verify --response` with --target instead")
        files[path] = envelope
    if not files:
        message = f"{response} holds no statement"
        raise UsageError(message, hint="`signkit show` says what it holds")
    for path in files:
        check_target(path, replace=True)
    for path, envelope in files.items():
        write_new(path, envelope, replace=True)
    paths = [str(path) for path in files]
    output.show_result({"statements": paths}, "\n".join(paths), as_json=as_json)


def _statements(verified: VerifiedResponse) -> list[tuple[str, bytes]]:
    from signkit.schemes.statement import NAME
    from signkit.verify.encoding import encode_json
    from signkit.verify.verdict import read_statement_unverified

    found: list[tuple[str, bytes]] = []
    for item in verified.response.items:
        for made in item.signatures:
            if made.scheme == NAME:
                envelope = encode_json(made.value)
                found.append((read_statement_unverified(envelope)[0].name, envelope))
    return found
