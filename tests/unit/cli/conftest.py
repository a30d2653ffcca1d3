"""Commands run in this process, with a home of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from signkit.cli import app


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command did.

    Attributes:
        code: Its exit code.
        out: Its stdout.
        err: Its stderr.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """signkit's home, which does not exist yet."""
    monkeypatch.setenv("SIGNKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run_keys(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Return a function that runs `signkit keys` with arguments."""
    monkeypatch.setattr(app, "_COMMANDS", ("keys",))  # only the group under test is loaded

    def run(*arguments: str | Path) -> Ran:
        words: Sequence[str] = ["keys", *map(str, arguments)]
        capfd.readouterr()
        code = app.run_app(list(words))
        out, err = capfd.readouterr()
        return Ran(code=code, out=out, err=err)

    return run
