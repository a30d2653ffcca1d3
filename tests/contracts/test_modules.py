"""Each module loads by itself, and none loads more than its room may carry."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "signkit"

# What a room needs beside the core dependencies.
EXTRAS = {
    "bundles": ("httpx", "tenacity"),
    "client": ("httpx", "tenacity"),
    "registry": ("fastapi", "sqlalchemy", "uvicorn"),
}

# The network; and what costs a device as much time to load as the verdict itself.
NETWORK = {"_socket", "_ssl", "asyncio", "http", "http.client", "socket", "ssl", "urllib.request"}
SLOW = {"dataclasses", "inspect", "logging", "pathlib", "subprocess", "typing"}
# PyNaCl is one package and the compiled modules that it brings.
PYNACL = {"_cffi_backend", "_sodium", "nacl"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_loadable(path: Path) -> bool:
    """Whether it may be imported: not what runs when it is, nor alembic's steps."""
    return path.name != "__main__.py" and "migrations" not in path.parts


MODULES = [name_of(path) for path in sorted(PACKAGE.rglob("*.py")) if is_loadable(path)]
GROUND_FLOOR = [
    name
    for name in MODULES
    if name.startswith(("signkit.verify", "signkit.device", "signkit.errors"))
]


def load(module: str) -> set[str]:
    """Import a module in a fresh interpreter and return what that has loaded."""
    code = (
        "import sys; before = set(sys.modules)\n"
        f"import {module}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_loads_alone(module: str):
    needed = EXTRAS.get(module.split(".")[1] if "." in module else "", ())
    if missing := [name for name in needed if not find_spec(name)]:
        pytest.skip(f"needs {', '.join(missing)}")
    assert module in load(module)


@pytest.mark.parametrize("module", GROUND_FLOOR)
def test_the_ground_floor_loads_nothing_else(module: str):
    loaded = load(module)
    foreign = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"signkit"}
    assert foreign <= PYNACL
    assert not loaded & (NETWORK | SLOW)
    assert {name for name in loaded if name.startswith("signkit.")} <= {
        *GROUND_FLOOR,
    }


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=name_of)
def test_an_init_is_a_docstring(path: Path):
    tree = ast.parse(path.read_text())
    assert len(tree.body) == 1
    assert ast.get_docstring(tree)


def test_every_folder_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [name for name in sorted(folders) if not (name / "__init__.py").is_file()] == []
