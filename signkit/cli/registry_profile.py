"""`signkit registry profile`: registries by name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from signkit.cli import output
from signkit.cli.connection import CaFile, InsecureHttp, TokenEnv, TokenFile, surroundings

_TOKEN_SIZE = 8192
Name = Annotated[str, typer.Argument(help="What it is called here.")]
Url = Annotated[str, typer.Option("--registry", metavar="URL", help="The registry's address.")]
UploadHosts = Annotated[
    list[str] | None,
    typer.Option("--upload-host", metavar="HOST", help="Where parts may go too; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    named = typer.Typer(help="Registries by name.", no_args_is_help=True)
    named.command("add")(add)
    named.command("list")(list_them)
    named.command("remove")(remove)
    group.add_typer(named, name="profile")


def add(
    name: Name,
    *,
    registry: Url,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    ca_file: CaFile = None,
    upload_host: UploadHosts = None,
    insecure_http: InsecureHttp = False,
    replace: Annotated[bool, typer.Option("--replace", help="One of that name may go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a registry under a name; its token is asked for, unless a file or variable is named."""
    from signkit.client.connect import check_profile
    from signkit.client.profiles import Profile, describe_profile

    wanted = Profile(
        name=name,
        registry=registry,
        ca_file=None if ca_file is None else str(ca_file.absolute()),
        upload_hosts=tuple(upload_host or ()),
        insecure_http=insecure_http,
    )
    check_profile(wanted)
    kept = surroundings().profiles().add(wanted, _token(token_file, token_env), replacing=replace)
    where = "the keyring" if kept.in_keyring else "a file of mode 0600"
    output.show_result(
        describe_profile(kept), f"{kept.name}: the token is in {where}", as_json=as_json
    )


def _token(file: Path | None, variable: str | None) -> str:
    """Return the token: from what was named, from the terminal without echo, or from a pipe."""
    from signkit.cli.passphrase import type_hidden
    from signkit.client.token import check_token, load_token

    if file is not None or variable is not None:
        nowhere = Path(os.devnull)
        return load_token(
            file=file, variable=variable, default_file=nowhere, environment=os.environ
        )
    if sys.stdin.isatty():
        return check_token(type_hidden("token").decode("utf-8", "replace"), "the terminal")
    data = sys.stdin.buffer.read(_TOKEN_SIZE + 1)
    return check_token(data.decode("utf-8", "replace"), "standard input")


def list_them(*, as_json: AsJson = False) -> None:
    """List the profiles; tokens are not shown."""
    from signkit.client.profiles import describe_profile
    from signkit.formats.display import escape, format_table

    found = surroundings().profiles().all()
    rows = [
        [escape(each.name), escape(each.registry), "keyring" if each.in_keyring else "file"]
        for each in found
    ]
    text = format_table(["NAME", "REGISTRY", "TOKEN"], rows)
    output.show_result(
        {"profiles": [describe_profile(each) for each in found]}, text, as_json=as_json
    )


def remove(name: Name, *, as_json: AsJson = False) -> None:
    """Forget a profile and its token; the registry still knows the token."""
    from signkit.client.profiles import describe_profile

    gone = surroundings().profiles().remove(name)
    output.show_result(describe_profile(gone), f"removed: {gone.name}", as_json=as_json)
    output.note("the token is still valid: revoke it in the registry, if nobody else uses it")
