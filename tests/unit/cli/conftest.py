"""Commands run in this process, with a home of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signkit.cli import app
from tests.support.commands import Ran


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
        capfd.readouterr()
        code = app.run_app(["keys", *map(str, arguments)])
        out, err = capfd.readouterr()
        return Ran(code=code, out=out, err=err)

    return run
