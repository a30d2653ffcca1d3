"""Commands run in this process, with a home of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signkit.cli import app
from tests.support.commands import PASSPHRASE, Machine, Ran
from tests.support.key_commands import ok


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


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE + "\n")
    return path


@pytest.fixture
def made(run_keys: Callable[..., Ran], secret: Path) -> dict[str, Any]:
    return ok(run_keys, "new", "prod", "--passphrase-file", secret)


@pytest.fixture
def machine(tmp_path: Path, home: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def trust(run_keys: Callable[..., Ran], machine: Machine) -> Path:
    """A trust root of prod and other, beside the root key."""
    for name in ("root", "prod", "other"):
        machine.new_key(name)
    public = [machine.home / "keys" / f"{name}.pub.pem" for name in ("prod", "other")]
    release = [word for path in public for word in ("--release", path)]
    machine.ok("trust", "init", "--root", "root", *release, "--passphrase-file", "pw")
    return machine.folder / "trust.json"
