"""Each contract of import-linter is kept, and notices when it is broken."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAMES = {c["id"]: c["name"] for c in CONFIG["tool"]["importlinter"]["contracts"]}

# Contract, room that gets one more module, what that module imports.
VIOLATIONS = [
    ("layers", "verify", "signkit.device"),
    ("layers", "device", "signkit.model"),
    ("layers", "errors", "signkit.verify.limits"),
    ("layers", "model", "signkit.formats"),
    ("layers", "formats", "signkit.schemes"),
    ("layers", "schemes", "signkit.custody"),
    ("layers", "client", "signkit.custody"),
    ("layers", "custody", "signkit.station"),
    ("layers", "prepare", "signkit.station"),
    ("layers", "policy", "signkit.custody"),
    ("layers", "schemes", "signkit.policy"),
    ("layers", "station", "signkit.submit"),
    ("layers", "submit", "signkit.registry"),
    ("layers", "registry", "signkit.cli"),
    ("layers", "trust", "signkit.prepare"),
    ("layers", "bundles", "signkit.submit"),
    ("air-gap", "station", "signkit.client"),
    ("air-gap", "prepare", "signkit.bundles"),
    ("air-gap", "custody", "socket"),
    ("air-gap", "station", "ssl"),
    ("air-gap", "formats", "urllib.parse"),
    ("air-gap", "prepare", "http.client"),
    ("air-gap", "trust", "socket"),
    ("air-gap", "policy", "urllib.request"),
    ("air-gap", "verify", "asyncio"),
    ("private-keys", "submit", "signkit.custody"),
    ("private-keys", "bundles", "signkit.custody"),
    ("private-keys", "registry", "signkit.station"),
    ("private-keys", "prepare", "signkit.custody"),
    ("private-keys", "trust", "signkit.custody"),
    ("ground-floor", "verify", "cryptography.hazmat.primitives.asymmetric.ed25519"),
    ("ground-floor", "verify", "dataclasses"),
    ("ground-floor", "device", "pathlib"),
    ("door-nacl", "formats", "nacl.signing"),
    ("door-cryptography", "schemes", "cryptography.hazmat.primitives.hashes"),
    ("door-gnupg", "station", "gnupg"),
    ("door-pkcs11", "custody", "pkcs11"),
    ("door-pkcs11", "cli", "pkcs11.mechanisms"),
    ("door-bcrypt", "custody", "bcrypt"),
    ("door-shares", "station", "shamir_mnemonic"),
    ("door-shares", "cli", "segno"),
    ("door-http", "submit", "httpx"),
    ("door-http", "client", "httpx"),
    ("door-retry", "registry", "tenacity"),
    ("door-zstd", "submit", "backports.zstd"),
    ("door-zstd", "bundles", "zstandard"),
    ("door-server", "submit", "sqlalchemy.orm"),
    ("door-server", "client", "fastapi"),
    ("door-typer", "prepare", "typer"),
]


def copy_package(folder: Path) -> Path:
    for path in sorted((ROOT / "signkit").rglob("*.py")):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    linter = str(Path(sys.executable).with_name("lint-imports"))
    command = [linter, "--no-logo", "--no-cache", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def plant(folder: Path, room: str, imported: str) -> None:
    path = folder / "signkit" / room
    target = path / "planted.py" if path.is_dir() else path.with_suffix(".py")
    with target.open("a") as file:
        file.write(f"\nimport {imported}\n")


def test_every_contract_is_kept(tmp_path: Path):
    result = lint(copy_package(tmp_path))
    assert result.returncode == 0, result.stdout
    assert f"Contracts: {len(NAMES)} kept, 0 broken." in result.stdout


@pytest.mark.parametrize(("contract", "room", "imported"), VIOLATIONS)
def test_a_planted_import_is_noticed(contract: str, room: str, imported: str, tmp_path: Path):
    plant(copy_package(tmp_path), room, imported)
    result = lint(tmp_path, "--contract", contract)
    assert result.returncode != 0
    assert f"{NAMES[contract]} BROKEN" in result.stdout


def test_every_contract_has_a_planted_violation():
    assert {contract for contract, _, _ in VIOLATIONS} == set(NAMES)


def test_one_module_knows_gnupg():
    knowing = [p.name for p in (ROOT / "signkit").rglob("*.py") if "gnupg" in imported_by(p)]
    assert len(knowing) <= 1, knowing


def test_no_import_hides_from_the_contracts():
    """Only the command line loads modules by name: the contracts see import statements alone."""
    for path in (ROOT / "signkit").rglob("*.py"):
        if path.parent.name != "cli":
            assert not called_by(path) & {"__import__", "import_module", "exec", "eval"}, path


def imported_by(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def called_by(path: Path) -> set[str]:
    calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    return {c.attr if isinstance(c, ast.Attribute) else ast.unparse(c) for c in calls}
