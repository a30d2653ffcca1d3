"""`signkit registry`: the embedded registry and its tokens."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from signkit.cli import output, registry_backup, registry_profile, registry_records
from signkit.cli.key_source import AllowTestKeys
from signkit.cli.registry_folder import AsJson, Data, data_folder
from signkit.errors import UsageError
from signkit.formats.display import escape, format_table

if TYPE_CHECKING:
    from signkit.registry.server import Ready


_LARGEST_PORT = 65535


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The embedded registry, and what is in any.", no_args_is_help=True)
    group.command("serve")(serve)
    group.command("worker")(work)
    group.command("doctor")(examine)
    tokens = typer.Typer(help="Keys to the registry.", no_args_is_help=True)
    tokens.command("new")(new_token)
    tokens.command("list")(list_tokens)
    tokens.command("revoke")(revoke_token)
    group.add_typer(tokens, name="token")
    registry_records.register(group)
    registry_profile.register(group)
    registry_backup.register(group)
    app.add_typer(group, name="registry")


def serve(
    *,
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=_LARGEST_PORT, help="Port; 0 takes a free one.")
    ] = 8377,
    public_url: Annotated[
        str | None, typer.Option(help="How clients reach it, where a proxy stands before it.")
    ] = None,
    log_file: Annotated[
        Path | None, typer.Option(help="Append the access log to this file as well.")
    ] = None,
    insecure_http: Annotated[
        bool, typer.Option(help="Listen beyond this machine without TLS.")
    ] = False,
    allow_test_keys: AllowTestKeys = False,
    as_json: AsJson = False,
) -> None:
    """Serve the registry from a folder, until interrupted."""
    from signkit.registry.server import check_host
    from signkit.registry.server import serve as run
    from signkit.registry.settings import Settings

    check_host(host, insecure=insecure_http)
    settings = Settings(
        data=data_folder(data),
        public_url=None if public_url is None else _check_url(public_url),
        access_log_path=log_file,
        allow_test_keys=allow_test_keys,
    )

    def announce(ready: Ready) -> None:
        _announce(ready, as_json=as_json)

    run(settings, host=host, port=port, announce=announce)


def _announce(ready: Ready, *, as_json: bool) -> None:
    if as_json:
        value = {"url": ready.url, "data": ready.data, "pid": ready.pid}
        output.show_bytes(json.dumps(value).encode("ascii") + b"\n")
        return
    output.show_result({}, f"registry: {ready.url}", as_json=False)
    output.note(f"data folder: {escape(ready.data)}")
    output.note(f"get a token: signkit registry token new --data {escape(ready.data)}")


def work(
    *,
    data: Annotated[Path, typer.Option(help="Footing file, as the servers have it.")],
    jobs: Annotated[int, typer.Option(min=1, max=256, help="How many at once.")] = 4,
    as_json: AsJson = False,
) -> None:
    """Hash content and clean up for the servers of a footing file, until interrupted."""
    from signkit.registry.footing_file import check_installed
    from signkit.registry.settings import Settings

    check_installed()
    from signkit.registry.worker import Working
    from signkit.registry.worker import work as run

    def announce(working: Working) -> None:
        value = {"data": working.data, "pid": working.pid}
        text = f"worker: waits for jobs of {escape(working.data)}"
        output.show_result(value, text, as_json=as_json)

    run(Settings(data=data.absolute()), concurrency=jobs, announce=announce)


def examine(*, data: Data = None, as_json: AsJson = False) -> None:
    """Say what is wrong with a data folder or footing file, before it serves."""
    from signkit.registry.doctor import examine as run
    from signkit.registry.doctor import refuse_unhealthy

    findings = run(data_folder(data))
    rows = [
        [finding.check, finding.health, escape(finding.detail), escape(finding.hint)]
        for finding in findings
    ]
    text = format_table(["CHECK", "", "FOUND", "TO DO"], rows)
    output.show_result({"checks": [asdict(finding) for finding in findings]}, text, as_json=as_json)
    refuse_unhealthy(findings)


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    plain = parts.scheme in {"http", "https"} and parts.hostname and not parts.path.strip("/")
    if not plain or parts.query or parts.fragment or parts.username or not url.isprintable():
        message = f"--public-url: expected scheme, host and port only, got {url!r}"
        raise UsageError(message, hint="such as https://registry.example")
    return url.rstrip("/")


def new_token(
    *,
    data: Data = None,
    name: Annotated[str, typer.Option(help="Under which it is listed.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once."""
    from signkit.registry.admin import make_token

    token = make_token(data_folder(data), name)
    output.show_result({"name": name, "token": token}, token, as_json=as_json)
    output.note("keep it: only its digest is stored, so it cannot be shown again")


def list_tokens(*, data: Data = None, as_json: AsJson = False) -> None:
    """List tokens by name; the tokens themselves are not kept."""
    from signkit.registry.admin import list_tokens as load

    tokens = load(data_folder(data))
    rows = [[escape(token.name), token.inserted_at, token.revoked_at or ""] for token in tokens]
    text = format_table(["NAME", "MADE", "REVOKED"], rows)
    output.show_result({"tokens": [asdict(token) for token in tokens]}, text, as_json=as_json)


def revoke_token(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token; a registry that runs refuses it at once."""
    from signkit.registry.admin import revoke_token as revoke

    token = revoke(data_folder(data), name)
    output.show_result(asdict(token), f"revoked: {escape(name)}", as_json=as_json)
