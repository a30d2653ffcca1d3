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

# What a room needs beside the core dependencies, and what some modules of it need in turn.
EXTRAS = {
    "bundles": ("httpx", "tenacity"),
    "client": ("httpx", "tenacity"),
    "registry": ("fastapi", "sqlalchemy.orm", "uvicorn"),
}
SCALE = ("boto3", "procrastinate", "psycopg")
SCALE_MODULES = {
    f"signkit.registry.{name}"
    for name in (
        *("doctor_shared", "job_queue", "s3_store", "shared", "shared_restore", "shared_source"),
        "worker",
    )
}
# Imports the libraries before the sign, then each module after it in a process of its own.
EACH_ALONE = """
import os, sys
split = sys.argv.index("--")
for library in sys.argv[1:split]:
    __import__(library)
for module in sys.argv[split + 1:]:
    if not os.fork():
        try:
            __import__(module)
        except BaseException as error:
            print(module, repr(error), flush=True)
        os._exit(0)
    os.wait()
"""

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


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


ROOMS = sorted({room_of(name) for name in MODULES})


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


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_loads_alone(room: str):
    """What the libraries take to load is no part of it, and is paid once."""
    if missing := [name for name in EXTRAS.get(room, ()) if not find_spec(name)]:
        pytest.skip(f"needs {', '.join(missing)}")
    modules = [name for name in MODULES if room_of(name) == room]
    libraries = EXTRAS.get(room, ())
    if room == "registry" and all(map(find_spec, SCALE)):
        libraries += SCALE
    elif room == "registry":
        modules = [name for name in modules if name not in SCALE_MODULES]
    done = subprocess.run(
        [sys.executable, "-c", EACH_ALONE, *libraries, "--", *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


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
