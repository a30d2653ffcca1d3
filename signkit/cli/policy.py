"""`signkit policy`: read a station's policy, and ask it of a request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.gate import open_gate
from signkit.cli.policy_file import StationPolicy

if TYPE_CHECKING:
    from signkit.policy.controls import Outcome

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.command("check", help="Read the policy, and ask it of a request.")(check)
    group.command("show", help="Show what the policy says, in sentences.")(show)
    app.add_typer(group, name="policy", help="What a station signs, and for whom.")


def check(
    request: Annotated[
        Path | None, typer.Argument(metavar="[REQUEST]", help="X.request.json")
    ] = None,
    *,
    policy: StationPolicy = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every control that can be asked without a ceremony; exit code 19 where one refuses."""
    from signkit.cli.policy_file import load_policy, station_policy_path
    from signkit.policy.controls import ask_controls, check_outcomes
    from signkit.policy.report import outcome_lines, outcome_values

    path = station_policy_path(policy)
    read = load_policy(path)
    outcomes: tuple[Outcome, ...] = ()
    if request is not None:
        gate = open_gate(path, request)
        outcomes = ask_controls(gate.verified.request, gate.policy, gate.facts)
    value: dict[str, object] = {
        "policy": str(path),
        "sha256": read.digest and read.digest.hex(),
        "controls": outcome_values(outcomes),
    }
    digest = read.digest.hex() if read.digest else ""
    lines = [f"policy   {path}", f"SHA-256  {digest}", *outcome_lines(outcomes)]
    output.show_result(value, "\n".join(lines), as_json=as_json)
    check_outcomes(outcomes)


def show(*, policy: StationPolicy = None, as_json: JsonOption = False) -> None:
    """Show the policy of this station, or of a file."""
    from dataclasses import asdict

    from signkit.cli.policy_file import load_station_policy
    from signkit.policy.report import policy_lines

    read = load_station_policy(policy)
    value = asdict(read) | {"digest": read.digest and {"sha256": read.digest.hex()}}
    output.show_result(value, "\n".join(policy_lines(read)), as_json=as_json)
