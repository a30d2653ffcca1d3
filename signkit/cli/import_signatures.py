"""`signkit import-signatures`: take in what was signed without signkit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.answer_files import COMBINED_SUFFIX
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.model.request import VerifiedRequest
    from signkit.model.response import NamedKey
    from signkit.submit.imported import Judged

_REQUEST_SUFFIX = ".request.json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import-signatures", help="Take in signatures that were made without signkit.")(
        import_signatures
    )


def import_signatures(
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="X.request.json")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The signature files.")],
    *,
    key: Annotated[
        Path, typer.Option(metavar="KEY", help="Public key of who signed, in any form.")
    ],
    other: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KEY", help="A key that may have been taken by mistake, to say so; repeatable."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the key is called. Default: its file's name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: X.combined.json.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace a file of that name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Verify each signature of DIR, say what is wrong with it, and write X.combined.json if nothing is."""
    from signkit.cli.answer_files import read_request
    from signkit.formats.files import check_target, write_new
    from signkit.submit.imported import check_imported, make_answer

    path = _out_path(request, out)
    check_target(path, replace=force)
    named = _read_key(key, name)
    verified = read_request(request)
    judged = _judge(verified, folder, named, [_read_key(each, None) for each in other or ()])
    whole = all(each.problem is None for each in judged)
    if whole:
        write_new(path, make_answer(verified, judged, named), replace=force)
    _report(judged, path if whole else None, as_json=as_json)
    check_imported(judged)


def _out_path(request: Path, out: Path | None) -> Path:
    if out is None:
        if not request.name.endswith(_REQUEST_SUFFIX):
            message = f"{request}: expected a name that ends in {_REQUEST_SUFFIX}, or --out"
            raise UsageError(message)
        return request.with_name(request.name.removesuffix(_REQUEST_SUFFIX) + COMBINED_SUFFIX)
    if not out.name.endswith(COMBINED_SUFFIX):
        message = f"--out: expected a name that ends in {COMBINED_SUFFIX}, got {out.name!r}"
        raise UsageError(message)
    return out


def _read_key(path: Path, name: str | None) -> NamedKey:
    from signkit.cli.trust_files import key_name, read_public
    from signkit.model.response import NamedKey
    from signkit.verify import limits
    from signkit.verify.encoding import check_text

    called = key_name(path) if name is None else name
    check_text(called, what="the key's name", limit=limits.LABEL_LENGTH)
    return NamedKey(name=called, public_key=read_public(path, allow_test_keys=False))


def _judge(
    verified: VerifiedRequest, folder: Path, key: NamedKey, others: Sequence[NamedKey]
) -> tuple[Judged, ...]:
    from signkit.submit.imported import find_files, judge_signatures

    files = find_files(folder)
    count = sum(len(item.wanted) for item in verified.request.items)
    with output.progress("verifying", count, unit="signatures") as advance:
        return judge_signatures(verified, files, key=key, others=others, advance=advance)


def _report(judged: Sequence[Judged], path: Path | None, *, as_json: bool) -> None:
    from signkit.formats.display import escape, format_table

    rows = [
        (
            str(each.message.place + 1),
            escape(each.message.item.name),
            each.message.scheme,
            escape(each.file or "-"),
            "-" if each.found is None else each.found.form.value,
            "verified" if each.problem is None else each.problem.fault.value,
        )
        for each in judged
    ]
    lines = [format_table(("ITEM", "NAME", "SCHEME", "FILE", "FORM", "RESULT"), rows)]
    if path is not None:
        lines += ["", f"combined  {escape(str(path))}"]
        lines.append(
            "          no station vouches for these signatures; submit verifies them again"
        )
    value: dict[str, object] = {
        "combined": None if path is None else str(path),
        "messages": [_describe(each) for each in judged],
    }
    output.show_result(value, "\n".join(lines), as_json=as_json)


def _describe(judged: Judged) -> dict[str, object]:
    value: dict[str, object] = {
        "item": judged.message.place,
        "name": judged.message.item.name,
        "scheme": judged.message.scheme,
        "file": judged.file,
        "form": None if judged.found is None else judged.found.form.value,
        "verified": judged.problem is None,
    }
    if judged.problem is not None:
        value |= {"fault": judged.problem.fault.value, "problem": judged.problem.text}
    return value
