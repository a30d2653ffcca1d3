"""The verifiers of this checkout, as the suite drives them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from tests.conformance.harness import Verifier, ask

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = Path(__file__).with_name("adapters")
NAMES = ("library", "cli", "pyz", "sh")
NEEDED_BY_PYNACL = ("pynacl", "cffi", "pycparser")


def ours(names: tuple[str, ...], folder: Path) -> list[Verifier]:
    """Return verifiers of this checkout by name, built into a folder where they must be."""
    return [ask(name, command_of(name, folder)) for name in names]


def command_of(name: str, folder: Path) -> list[str]:
    """Return the command of one of NAMES."""
    python = sys.executable
    command = [python, "-I", "-S", str(ADAPTERS / "command.py")]
    if name == "library":
        # The checkout is on the path because it is installed; nothing of tests is.
        return [python, "-I", str(ADAPTERS / "library.py")]
    if name == "cli":
        return [*command, python, "-I", "-m", "signkit.cli", "verify", "--"]
    if name == "pyz":
        return [*command, bare_python(folder), "-I", build_pyz(folder), "--"]
    return [python, "-I", str(ADAPTERS / "sh.py"), str(ROOT / "scripts" / "build-sh-verifier")]


def build_pyz(folder: Path) -> str:
    """Build the verifier as one file and return its path."""
    path = folder / "signkit-verify.pyz"
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "build-pyz", "--output", path],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return str(path)


def bare_python(folder: Path) -> str:
    """Make a fresh venv with PyNaCl and what PyNaCl needs, nothing else, and return its Python.

    The files are those of this environment, which came from the locks, so that no index is asked.
    """
    place = folder / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = place / "lib" / version / "site-packages"
    for name in NEEDED_BY_PYNACL:
        for file in distribution(name).files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                target = packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(os.fspath(file.locate()), target)
    return str(place / "bin" / "python")
