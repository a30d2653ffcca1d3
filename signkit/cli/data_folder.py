"""The data folder of the embedded registry, as its commands are told it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signkit.cli.home import signkit_home

Data = Annotated[
    Path | None,
    typer.Option(help="Data folder, or a footing file; $SIGNKIT_HOME/registry when not given."),
]


def data_folder(data: Path | None) -> Path:
    """Return the data folder that is meant."""
    return (signkit_home() / "registry" if data is None else data).absolute()
