"""How a command reaches a registry: the options, and the client that they make."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from signkit.client.protocol import RegistryClient

Registry = Annotated[str, typer.Option(metavar="URL", help="The registry's address.")]
TokenFile = Annotated[Path | None, typer.Option(metavar="FILE", help="The token; mode 0600.")]
TokenEnv = Annotated[
    str | None,
    typer.Option(metavar="VAR", help="Take the token from this environment variable."),
]
CaFile = Annotated[
    Path | None, typer.Option(metavar="PEM", help="The only certificate roots to trust.")
]
InsecureHttp = Annotated[
    bool, typer.Option("--insecure-http", help="Allow plain http beyond this machine.")
]
Timeout = Annotated[
    float, typer.Option(min=1.0, metavar="SECONDS", help="Give up on a step after this long.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the registry is reached, as it was typed."""

    registry: str
    token_file: Path | None
    token_env: str | None
    ca_file: Path | None
    insecure_http: bool
    timeout: float
    deadline: float | None = None
    upload_hosts: Sequence[str] = ()


@contextmanager
def connected(how: Connection) -> Iterator[tuple[RegistryClient, str]]:
    """Yield the registry's client and its address; close the connections in the end.

    Token and address are checked at once; the registry hears of nothing yet.
    """
    from signkit.cli.home import signkit_home
    from signkit.client.address import make_reach
    from signkit.client.http import Http
    from signkit.client.protocol import RegistryClient
    from signkit.client.retry import Retrier, make_patience
    from signkit.client.token import load_token

    reach = make_reach(how.registry, upload_hosts=how.upload_hosts, insecure_http=how.insecure_http)
    token = load_token(
        file=how.token_file,
        variable=how.token_env,
        default_file=signkit_home() / "token",
        environment=os.environ,
    )
    http = Http(ca_file=how.ca_file)
    retrier = Retrier(make_patience(how.timeout), say=note, deadline=how.deadline)
    try:
        yield RegistryClient(http, reach, token=token, retrier=retrier), str(reach.registry)
    finally:
        http.close()


def note(text: str) -> None:
    """Say a line that may hold text from a file or the registry."""
    from signkit.formats.display import one_line

    output.note(one_line(text))
