"""`signkit registry`: the embedded registry."""

from __future__ import annotations

import json
from dataclasses import asdict
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from signkit.cli import (
    output,
    registry_audit,
    registry_backup,
    registry_people,
    registry_profile,
    registry_records,
)
from signkit.cli.key_source import AllowTestKeys
from signkit.cli.registry_folder import AsJson, Data, data_folder
from signkit.errors import UsageError
from signkit.formats.display import escape, format_table

if TYPE_CHECKING:
    from signkit.registry.server import Ready
    from signkit.registry.tls import Certificate

_LARGEST_PORT = 65535


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The embedded registry, and what is in any.", no_args_is_help=True)
    group.command("serve")(serve)
    group.command("worker")(work)
    group.command("doctor")(examine)
    registry_people.register(group)
    registry_audit.register(group)
    registry_records.register(group)
    registry_profile.register(group)
    registry_backup.register(group)
    app.add_typer(group, name="registry")


Port = typer.Option(min=0, max=_LARGEST_PORT, help="Port; 0 takes a free one.")
MetricsPort = typer.Option(
    min=0, max=_LARGEST_PORT, help="Serve Prometheus metrics on this port as well."
)
Proxies = typer.Option(
    metavar="NETWORK",
    help="Believe the X-Forwarded-For and -Proto of this address or network; again for several.",
)
Rate = typer.Option(
    min=0, help="Requests a second of one token, or of one address without one; 0: any."
)
Drain = typer.Option(min=0, help="Seconds to serve on, not ready, after SIGTERM.")


def serve(
    *,
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Port] = 8377,
    public_url: Annotated[
        str | None, typer.Option(help="How clients reach it, where a proxy stands before it.")
    ] = None,
    content_url: Annotated[
        str | None, typer.Option(help="Where devices fetch content: a cache before the registry.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Serve https under this certificate (PEM, with its chain).")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(help="Its private key, where that is in another file.")
    ] = None,
    trusted_proxy: Annotated[list[str] | None, Proxies] = None,
    insecure_http: Annotated[
        bool, typer.Option(help="Listen beyond this machine without TLS.")
    ] = False,
    rate_limit: Annotated[float, Rate] = 0,
    drain: Annotated[float, Drain] = 0,
    log_file: Annotated[
        Path | None, typer.Option(help="Append the log to this file as well.")
    ] = None,
    metrics_port: Annotated[int | None, MetricsPort] = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve metrics on.")] = "127.0.0.1",
    allow_test_keys: AllowTestKeys = False,
    as_json: AsJson = False,
) -> None:
    """Serve the registry from a folder, until interrupted."""
    from signkit.registry.server import check_host
    from signkit.registry.server import serve as run
    from signkit.registry.settings import Settings

    check_host(host, insecure=insecure_http or tls_certificate is not None)
    settings = Settings(
        data=data_folder(data),
        public_url=_check_url(public_url, "--public-url"),
        content_url=_check_url(content_url, "--content-url"),
        tls=_find_certificate(tls_certificate, tls_key),
        trusted_proxies=tuple(_check_network(each) for each in trusted_proxy or ()),
        rate_limit=rate_limit,
        drain_seconds=drain,
        log_path=log_file,
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        allow_test_keys=allow_test_keys,
    )

    def announce(ready: Ready) -> None:
        _announce(ready, as_json=as_json)

    run(settings, host=host, port=port, announce=announce)


def _find_certificate(path: Path | None, key: Path | None) -> Certificate | None:
    from signkit.registry.tls import Certificate

    if path is None and key is not None:
        message = "--tls-key without --tls-certificate"
        raise UsageError(message, hint="give both, or neither for plain http")
    return None if path is None else Certificate(path=path, key=key)


def _check_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        message = f"--trusted-proxy: expected an address or a network: {error}"
        raise UsageError(message, hint="such as 10.0.0.7 or 10.0.0.0/24") from None
    return text


def _announce(ready: Ready, *, as_json: bool) -> None:
    if as_json:
        value = {"url": ready.url, "data": ready.data, "pid": ready.pid, "metrics": ready.metrics}
        output.show_bytes(json.dumps(value).encode("ascii") + b"\n")
        return
    output.show_result({}, f"registry: {ready.url}", as_json=False)
    output.note(f"data folder: {escape(ready.data)}")
    if ready.metrics is not None:
        output.note(f"metrics: {ready.metrics}")
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


def _check_url(url: str | None, option: str) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    plain = parts.scheme in {"http", "https"} and parts.hostname and not parts.path.strip("/")
    if not plain or parts.query or parts.fragment or parts.username or not url.isprintable():
        message = f"{option}: expected scheme, host and port only, got {url!r}"
        raise UsageError(message, hint="such as https://registry.example")
    return url.rstrip("/")
