"""`signkit verify` as typer sees it: only for the list of commands.

`cli/start.py` reaches the ground floor before typer is imported; this is the same door for whoever
comes through typer all the same.
"""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "verify",
        help="On the device: verify content against its release statement.",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )(verify)


def verify(context: typer.Context) -> int:
    """Hand every argument to the ground floor."""
    from signkit.cli.verify_from import FETCHER
    from signkit.device.main import run
    from signkit.formats.statement import statement_from_response

    return run(
        context.args,
        program="signkit verify",
        from_response=statement_from_response,
        fetcher=FETCHER,
    )
