"""How a command reaches a registry: the options, and the client that they make."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from signkit.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signkit.client.connect import Surroundings
    from signkit.client.protocol import RegistryClient

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the registry is reached, as it was typed: `connecting` makes options of these fields."""

    registry: Annotated[str | None, typer.Option(metavar="URL", help="The registry's address.")] = (
        None
    )
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Or one of `registry profile list`.")
    ] = None
    token_file: TokenFile = None
    token_env: TokenEnv = None
    ca_file: CaFile = None
    insecure_http: InsecureHttp = False
    timeout: Annotated[
        float, typer.Option(min=1.0, metavar="SECONDS", help="Give up on a step after this long.")
    ] = 120.0


def connecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a Connection in the place of its parameter `how`."""
    hints = get_type_hints(Connection, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(each.name, keyword, default=each.default, annotation=hints[each.name])
        for each in fields(Connection)
        if each.default is not MISSING
    ]
    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.name != "how"]
    first = [each for each in own if each.kind is not keyword]
    rest = [each for each in own if each.kind is keyword]

    @wraps(command)
    def run(*given: Any, **named: Any) -> None:  # noqa: ANN401
        how = Connection(**{each.name: named.pop(each.name) for each in options})
        command(*given, how=how, **named)

    vars(run)["__signature__"] = signature.replace(parameters=[*first, *options, *rest])
    return run


@contextmanager
def connected(
    how: Connection, *, upload_hosts: Sequence[str] = (), deadline: float | None = None
) -> Iterator[tuple[RegistryClient, str]]:
    """Yield the registry's client and its address; close the connections in the end.

    Args:
        how: As it was typed.
        upload_hosts: Other hosts that parts may go to, beside those of the profile.
        deadline: Seconds from now in which everything must be done; None for no such end.

    Raises:
        UsageError: neither an address nor a profile, or both; no token; not an address.
    """
    from signkit.client.connect import Target, connect

    typed = {each.name: getattr(how, each.name) for each in fields(how)}
    target = Target(upload_hosts=tuple(upload_hosts), deadline=deadline, **typed)
    with connect(target, surroundings(), say=note) as made:
        yield made


def surroundings() -> Surroundings:
    """Return what this machine says of registries."""
    from signkit.cli.home import config_folder, signkit_home
    from signkit.client.connect import Surroundings

    default = signkit_home() / "token"
    return Surroundings(config=config_folder(), default_token=default, environment=os.environ)


def note(text: str) -> None:
    """Say a line that may hold text from a file or the registry."""
    from signkit.formats.display import one_line

    output.note(one_line(text))
