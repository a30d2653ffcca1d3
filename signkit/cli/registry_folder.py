"""Where a registry's data is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signkit.cli.home import signkit_home

Data = Annotated[
    Path | None,
    typer.Option(help="Data folder, or a footing file; $SIGNKIT_HOME/registry when not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def data_folder(data: Path | None) -> Path:
    """Return the data folder that an option names, or the one in the signkit home."""
    return (signkit_home() / "registry" if data is None else data).absolute()
