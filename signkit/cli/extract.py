"""`signkit extract`: take what devices and other tools need out of a response."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from signkit.model.response import ItemResult, ItemSignature, Response


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("extract", help="Take statements and signatures out of a response.")(extract)


def extract(
    response: Annotated[Path, typer.Argument(metavar="RESPONSE", help="X.response.json")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: beside the response.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Write NAME.statement.json, NAME.permit.json and NAME.sig (64 raw bytes) for each signed NAME."""
    from signkit.formats.files import check_target, read_file, write_new
    from signkit.formats.response import open_response
    from signkit.verify import limits

    folder = response.parent if out is None else out
    data = read_file(response, limit=limits.RESPONSE_SIZE, what="response")
    files = _files(open_response(data).response)
    for name in files:
        check_target(folder / name, replace=True)
    for name, content in files.items():
        write_new(folder / name, content, replace=True)
    paths = [str(folder / name) for name in files]
    endings = {"statements": ".statement.json", "permits": ".permit.json", "signatures": ".sig"}
    value = {kind: list(filter(_ending(end), paths)) for kind, end in endings.items()}
    output.show_result(value, "\n".join(paths), as_json=as_json)


def _ending(suffix: str) -> Callable[[str], bool]:
    return lambda path: path.endswith(suffix)


def _files(response: Response) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for item in response.items:
        name = _content_name(item)
        for made in item.signatures:
            suffix, content = _encode(made)
            if name + suffix in files:
                message = f"two items are named {name!r}: their files cannot lie in one folder"
                hint = "`signkit verify --response` with --target needs no such files"
                raise UsageError(message, hint=hint)
            files[name + suffix] = content
    if not files:
        message = "the response holds no signature"
        raise UsageError(message, hint="`signkit show` says what it holds")
    return files


def _content_name(item: ItemResult) -> str:
    """Return what the content is called: the statement knows, the response does not."""
    from signkit.formats.statement import read_statement_unverified
    from signkit.schemes.statement import NAME
    from signkit.verify.encoding import encode_json

    for made in item.signatures:
        if made.scheme == NAME:
            return read_statement_unverified(encode_json(made.value))[0].name
    return f"item-{item.item + 1}"


def _encode(made: ItemSignature) -> tuple[str, bytes]:
    from signkit.schemes import trust
    from signkit.schemes.peridio import NAME, decode_signature
    from signkit.verify.encoding import encode_json

    if made.scheme == trust.NAME:
        message = "the response signs a trust root: there is nothing to extract"
        raise UsageError(message, hint="`signkit trust sign DRAFT --response RESPONSE` takes it")
    if made.scheme == NAME:
        return ".sig", decode_signature(made.value)
    return f".{made.scheme}.json", encode_json(made.value)
