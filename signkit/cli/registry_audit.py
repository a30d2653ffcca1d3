"""`signkit registry audit`: who changed what in a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signkit.cli import output
from signkit.cli.registry_folder import AsJson, Data, data_folder
from signkit.formats.display import escape


def register(group: typer.Typer) -> None:
    """Add the commands to `signkit registry`."""
    audit = typer.Typer(help="Who changed what.", no_args_is_help=True)
    audit.command("export")(export)
    audit.command("verify")(verify)
    group.add_typer(audit, name="audit")


def export(
    *,
    data: Data = None,
    organization: Annotated[str, typer.Option(help="Whose audit.")] = "default",
    out: Annotated[Path, typer.Option(metavar="FILE", help="A file that is not there yet.")] = Path(
        "audit.jsonl"
    ),
    as_json: AsJson = False,
) -> None:
    """Write the audit of an organization to a file, verified; a registry may run meanwhile."""
    from signkit.formats.files import Write, write_stream
    from signkit.formats.registry_audit import check_audit
    from signkit.registry.admin import export_audit

    def fill(write: Write) -> None:
        for piece in export_audit(data_folder(data), organization):
            write(piece)

    write_stream(out, fill, mode=0o600)
    end = check_audit(out)
    value = {"out": str(out), "lines": end.sequence, "head": end.head.hex()}
    text = f"{escape(str(out))}: {end.sequence} lines, head {end.head.hex()}"
    output.show_result(value, text, as_json=as_json)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export.")],
    *,
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="OLDER", help="An older export of the same; again for more."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow an audit from its first line to its last, and hold it against older exports.

    Without --against this shows that no line was edited, taken out or moved; not that the end is
    there: whoever has the registry's database can write all of it anew.
    """
    from signkit.formats.registry_audit import check_continues, read_audit

    lines, end = read_audit(file)
    for each in against or ():
        check_continues(lines, read_audit(each)[1])
    held = len(against or ())
    value = {"lines": end.sequence, "head": end.head.hex(), "held_against": held}
    text = f"verified: {escape(str(file))}: {end.sequence} lines, head {end.head.hex()}"
    if held:
        text += f"; begins with {held} older"
    output.show_result(value, text, as_json=as_json)
