"""`signkit combine`: one file of what several stations answered, and who is still missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.answer_files import COMBINED_SUFFIX
from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.model.response import Answer
    from signkit.submit.threshold import RoleStatus
    from signkit.verify.trust import Trust


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("combine", help="Put the responses of several stations into one file.")(combine)


def combine(
    responses: Annotated[
        list[Path], typer.Argument(metavar="RESPONSE...", help="Responses, or combined ones.")
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="X.combined.json, to write.")
    ],
    request: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: X.request.json beside --out.")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(metavar="TRUST", help="Devices' trust root: says how many keys it takes."),
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace a file of that name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Verify every signature, write all of them to one file, and say who signed and who is missing."""
    from signkit.cli.answer_files import read_request, sibling
    from signkit.formats.combined import open_answer
    from signkit.formats.files import check_target, read_file, write_new
    from signkit.submit.combine import combine as combine_files
    from signkit.submit.threshold import role_statuses
    from signkit.trust.files import read_trust
    from signkit.verify import limits

    if not out.name.endswith(COMBINED_SUFFIX):
        message = f"--out: expected a name that ends in {COMBINED_SUFFIX}, got {out.name!r}"
        raise UsageError(message)
    check_target(out, replace=force)
    known = None if trust is None else read_trust(trust)
    asked = read_request(request or sibling(out, ".request.json", "--request"))
    data = combine_files(
        (
            (str(path), read_file(path, limit=limits.RESPONSE_SIZE, what="response"))
            for path in responses
        ),
        asked,
    )
    answer = open_answer(data)
    statuses = role_statuses(asked.request, answer, known)
    write_new(out, data, replace=force)
    _report(out, answer, statuses, known, as_json=as_json)


def _report(
    path: Path,
    answer: Answer,
    statuses: tuple[RoleStatus, ...],
    trust: Trust | None,
    *,
    as_json: bool,
) -> None:
    from signkit.formats.display import escape, format_table

    names = {key.public_key.keyid: key.name for key in answer.keys}
    names |= {} if trust is None else trust.names
    rows = [_row(each, names) for each in statuses]
    lines = [
        f"combined  {escape(str(path))}",
        f"SHA-256   {answer.digest.hex()}",
        f"request   {answer.request.hex()}",
        *_sources(answer),
        "",
        format_table(("ITEM", "NAME", "ROLE", "SIGNED BY", "MISSING", "STATE"), rows),
        *_key_lines(statuses, names),
    ]
    value: dict[str, object] = {
        "combined": str(path),
        "sha256": answer.digest.hex(),
        "request": {"sha256": answer.request.hex()},
        "responses": [each.digest.hex() for each in answer.responses],
        "imported": answer.imported is not None,
        "complete": None if trust is None else all(each.met for each in statuses),
        "items": [_describe(each) for each in statuses],
    }
    output.show_result(value, "\n".join(lines), as_json=as_json)


def _sources(answer: Answer) -> list[str]:
    from signkit.formats.display import escape

    lines = [
        f"station   {escape(each.response.station)}, ceremony {each.response.sequence},"
        f" {each.station_key.keyid}"
        for each in answer.responses
    ]
    if answer.imported is not None:
        lines.append("imported  signatures that no station vouches for")
    return lines


def _row(status: RoleStatus, names: dict[str, str]) -> tuple[str, ...]:
    from signkit.formats.display import escape

    signed = ", ".join(escape(names[keyid]) for keyid in status.signed)
    missing = ", ".join(escape(names[keyid]) for keyid in status.missing)
    others = ", ".join(f"{escape(names[keyid])} (not of the role)" for keyid in status.strangers)
    return (
        str(status.place + 1),
        escape(status.item.name),
        escape(status.role),
        ", ".join(filter(None, (signed, others))) or "-",
        missing or "-",
        _state(status),
    )


def _state(status: RoleStatus) -> str:
    from signkit.formats.display import escape

    if status.refusal is not None:
        return f"refused: {escape(status.refusal)}"
    if status.required is None:
        return f"{len(status.signed)} signed"
    return f"{len(status.signed)} of {status.required}{'' if status.met else ', NOT ENOUGH'}"


def _key_lines(statuses: tuple[RoleStatus, ...], names: dict[str, str]) -> list[str]:
    """Return the keyids of all who may still sign something that lacks signatures."""
    from signkit.formats.display import escape

    lacking = sorted({keyid for each in statuses if not each.met for keyid in each.missing})
    lines = [f"missing   {escape(names[keyid])}  {keyid}" for keyid in lacking]
    return ["", *lines] if lines else []


def _describe(status: RoleStatus) -> dict[str, object]:
    return {
        "item": status.place,
        "name": status.item.name,
        "role": status.role,
        "required": status.required,
        "signed": list(status.signed),
        "missing": list(status.missing),
        "strangers": list(status.strangers),
        "met": None if status.required is None else status.met,
        "refusal": status.refusal,
    }
