"""`signkit extract`: take what devices and other tools need out of a response."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from signkit.model.response import Answer, ItemResult

_KEYID_SHOWN = 16


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("extract", help="Take statements and signatures out of a response.")(extract)


def extract(
    response: Annotated[
        Path, typer.Argument(metavar="RESPONSE", help="X.response.json or X.combined.json")
    ],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: beside the response.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the paths as JSON.")] = False,
) -> None:
    """Write NAME.statement.json, NAME.permit.json and NAME.sig (64 raw bytes) for each signed NAME.

    Where several keys signed, the statement holds them all, and each has its own NAME.KEYID.sig.
    """
    from signkit.formats.combined import open_answer
    from signkit.formats.files import check_target, read_file, write_new
    from signkit.verify import limits

    folder = response.parent if out is None else out
    data = read_file(response, limit=limits.RESPONSE_SIZE, what="response")
    files = _files(open_answer(data))
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


def _files(answer: Answer) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for item in answer.items:
        name = _content_name(item)
        for suffix, content in _encode(item):
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


def _encode(item: ItemResult) -> Iterator[tuple[str, bytes]]:
    """Yield the endings and contents of an item's files; several keys' envelopes become one."""
    from signkit.formats.envelope import join_envelopes
    from signkit.schemes import peridio, trust
    from signkit.verify.encoding import encode_json

    by_scheme: dict[str, dict[str, object]] = {}
    for made in item.signatures:
        by_scheme.setdefault(made.scheme, {})[made.keyid] = made.value
    if trust.NAME in by_scheme:
        message = "the response signs a trust root: there is nothing to extract"
        raise UsageError(message, hint="`signkit trust sign DRAFT --response RESPONSE` takes it")
    blind = by_scheme.pop(peridio.NAME, {})
    for keyid, value in blind.items():
        ending = ".sig" if len(blind) == 1 else f".{keyid[:_KEYID_SHOWN]}.sig"
        yield ending, peridio.decode_signature(value)
    for scheme, envelopes in by_scheme.items():
        yield f".{scheme}.json", encode_json(join_envelopes(envelopes, what=scheme))
