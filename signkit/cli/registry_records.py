"""`signkit registry artifacts | versions | binaries | parts | signatures | keys | bundles`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import bundles, output
from signkit.cli.connection import Connection, connected, connecting

if TYPE_CHECKING:
    from signkit.client.browse import Record

_GROUPS = {
    "artifacts": "Artifacts: names.",
    "versions": "Versions of artifacts.",
    "binaries": "Binaries: a version for a target.",
    "parts": "Parts of a binary.",
    "signatures": "Signatures of binaries.",
    "keys": "Signing keys, as the registry knows them.",
    "bundles": "Bundles of binaries.",
}
_NOT_READ = frozenset({"parts"})  # a part is not read by itself
Pairs = Annotated[
    list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="Only those with these.")
]
Fields = Annotated[
    list[str], typer.Argument(metavar="FIELD=VALUE...", help="custom_metadata takes @FILE too.")
]
Prn = Annotated[str, typer.Argument(metavar="PRN", help="The record's name.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="List so many at most.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the registry gave it.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for name, text in _GROUPS.items():
        records = typer.Typer(help=text, no_args_is_help=True)
        _add(records, name)
        if name == "bundles":
            bundles.register(records)
        group.add_typer(records, name=name)


def _add(records: typer.Typer, name: str) -> None:
    """Add the commands of one kind: they differ in nothing else."""

    @records.command("list", help=f"List {name}, page after page.")
    @connecting
    def list_them(
        pairs: Pairs = None, *, how: Connection, limit: Limit = 1000, as_json: AsJson = False
    ) -> None:
        from signkit.client.browse import KINDS, list_records, read_pairs, render_records

        kind = KINDS[name]
        wanted = read_pairs(pairs or [], kind.filters)
        with connected(how) as (client, _address):
            found, more = list_records(client, kind, wanted, limit=limit)
        value = {kind.plural: found, "more": more}
        text = render_records(found, kind, width=output.terminal_width())
        output.show_result(value, text, as_json=as_json)
        if more:
            output.note(f"listed {limit}, and there are more: give --limit, or say which")

    @records.command("create", help=f"Create one of the {name}; asked once, not tried again.")
    @connecting
    def create(pairs: Fields, *, how: Connection, as_json: AsJson = False) -> None:
        from signkit.client.browse import KINDS, create_record, read_pairs

        kind = KINDS[name]
        given = read_pairs(pairs, kind.fields)
        with connected(how) as (client, _address):
            _show(create_record(client, kind, given), as_json=as_json)

    if name in _NOT_READ:
        return

    @records.command("get", help=f"Show one of the {name}.")
    @connecting
    def get(prn: Prn, *, how: Connection, as_json: AsJson = False) -> None:
        from signkit.client.browse import KINDS, get_record

        with connected(how) as (client, _address):
            _show(get_record(client, KINDS[name], prn), as_json=as_json)


def _show(record: Record, *, as_json: bool) -> None:
    from signkit.client.browse import render_record

    output.show_result(record, render_record(record), as_json=as_json)
