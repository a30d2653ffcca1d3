"""`signkit registry token` and `organization`: who may do what in the embedded registry."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from signkit.cli import output
from signkit.cli.clock import parse_expiry, user_at_machine
from signkit.cli.registry_folder import AsJson, Data, data_folder
from signkit.formats.display import escape, format_table

_DEFAULT = "default"
_EVERYTHING = "admin"


def register(group: typer.Typer) -> None:
    """Add the commands to `signkit registry`."""
    tokens = typer.Typer(help="Keys to the registry.", no_args_is_help=True)
    tokens.command("new")(new_token)
    tokens.command("list")(list_tokens)
    tokens.command("revoke")(revoke_token)
    group.add_typer(tokens, name="token")
    organizations = typer.Typer(help="Namespaces that share nothing.", no_args_is_help=True)
    organizations.command("new")(new_organization)
    organizations.command("list")(list_organizations)
    group.add_typer(organizations, name="organization")


def new_token(
    *,
    data: Data = None,
    name: Annotated[str, typer.Option(help="Under which it is listed.")] = _DEFAULT,
    organization: Annotated[str, typer.Option(help="That it opens.")] = _DEFAULT,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may do: read, upload, attach or admin; again for several."),
    ] = None,
    artifact: Annotated[
        list[str] | None,
        typer.Option(help="Limit it to this artifact; again for several."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="DATE", help="When it ends. Default: never.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once."""
    from signkit.registry.admin import make_token
    from signkit.registry.scopes import read_scopes
    from signkit.registry.tokens import TokenRequest

    request = TokenRequest(
        name=name,
        organization=organization,
        scopes=read_scopes(scope or [_EVERYTHING]),
        artifacts=artifact or (),
        expires=expires and parse_expiry(expires),
    )
    token = make_token(data_folder(data), request, who=user_at_machine())
    output.show_result({"name": name, "token": token}, token, as_json=as_json)
    output.note("keep it: only its digest is stored, so it cannot be shown again")
    if not scope:
        output.note("it may do everything in its organization: --scope makes one that may do less")


def list_tokens(*, data: Data = None, as_json: AsJson = False) -> None:
    """List tokens by name; the tokens themselves are not kept."""
    from signkit.registry.admin import list_tokens as load

    tokens = load(data_folder(data))
    rows = [
        [
            escape(token.name),
            escape(token.organization),
            token.scopes,
            "all" if token.artifacts is None else escape(", ".join(token.artifacts)),
            token.inserted_at,
            token.expires_at or "never",
            token.revoked_at or "",
        ]
        for token in tokens
    ]
    heads = ["NAME", "ORGANIZATION", "SCOPES", "ARTIFACTS", "MADE", "ENDS", "REVOKED"]
    value = {"tokens": [asdict(token) for token in tokens]}
    output.show_result(value, format_table(heads, rows), as_json=as_json)


def revoke_token(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token; a registry that runs refuses it at once."""
    from signkit.registry.admin import revoke_token as revoke

    token = revoke(data_folder(data), name, who=user_at_machine())
    output.show_result(asdict(token), f"revoked: {escape(name)}", as_json=as_json)


def new_organization(
    name: Annotated[str, typer.Argument(help="Its name; clients never see it.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make an organization: a namespace that shares nothing with another."""
    from signkit.registry.admin import make_organization

    made = make_organization(data_folder(data), name, who=user_at_machine())
    output.show_result(asdict(made), f"{escape(made.name)}: {made.prn}", as_json=as_json)


def list_organizations(*, data: Data = None, as_json: AsJson = False) -> None:
    """List organizations."""
    from signkit.registry.admin import list_organizations as load

    found = load(data_folder(data))
    rows = [[escape(each.name), each.prn, each.inserted_at] for each in found]
    text = format_table(["NAME", "PRN", "MADE"], rows)
    output.show_result({"organizations": [asdict(each) for each in found]}, text, as_json=as_json)
