"""What the scripts make and measure: the figures, the locks, and the verifier as one file."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False
    )


def package_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def pins(lock: str) -> dict[str, set[str]]:
    """Return the versions that a lock pins for each package."""
    found: dict[str, set[str]] = {}
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    for name, version in re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_figures_are_below_their_caps():
    result = run(ROOT / "scripts/metrics")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ('"""Doc."""\nassert True\n', "assert True"),
        ('"""Doc."""\n\n\ndef bare() -> None:\n    pass\n', "bare: no docstring"),
        ('"""Doc."""\n\n\ndef _f(a) -> None:\n    pass\n', "_f: an annotation is missing"),
        ('"""Doc."""\nimport signkit.planted\n\nX = 1\n' + "X\n" * 500, "504 lines"),
        (
            '"""Doc."""\n\n\ndef f() -> None:\n    """Do."""\n    raise OSError\n',
            "f: no `Raises:`",
        ),
        ('"""Doc."""\n\n\ndef _f(a: int, b: int, c: int, d: int, e: int) -> None: ...\n', "5 pos"),
        ('"""Doc."""\n\n\ndef _f() -> None:\n' + "    f()\n" * 40, "41 code lines"),
        ('"""Doc."""\n\n\ndef _f() -> None:\n' + "    if f: f()\n" * 10, "complexity 11"),
    ],
)
def test_the_figures_notice(code: str, complaint: str, tmp_path: Path):
    (tmp_path / "signkit").mkdir()
    (tmp_path / "signkit" / "planted.py").write_text(code)
    result = run(ROOT / "scripts/metrics", tmp_path)
    assert result.returncode == 1, result.stdout
    assert complaint in result.stdout


def test_the_figures_notice_a_cycle(tmp_path: Path):
    (tmp_path / "signkit").mkdir()
    (tmp_path / "signkit" / "here.py").write_text('"""Doc."""\nfrom signkit import there\n')
    (tmp_path / "signkit" / "there.py").write_text('"""Doc."""\nimport signkit.here\n')
    result = run(ROOT / "scripts/metrics", tmp_path)
    assert "signkit.here > signkit.there > signkit.here" in result.stdout


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("station", []),
        ("submit", ["submit"]),
        ("registry", ["registry"]),
        ("scale", ["registry", "scale"]),
        ("all", ["submit", "registry"]),
        ("dev", ["submit", "registry"]),
    ],
)
def test_a_lock_pins_what_the_project_asks_for(lock: str, extras: list[str]):
    project = PROJECT["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    assert {package_of(requirement) for requirement in asked} <= pins(lock).keys()


def test_the_locks_agree_with_each_other():
    everything = pins("dev")
    for path in REQUIREMENTS.glob("*.txt"):
        found = pins(path.stem)
        if path.stem == "fuzz":  # the one lock with packages beyond those of a developer
            found = {package: found[package] for package in found.keys() & everything.keys()}
        for package, versions in found.items():
            assert versions <= everything[package], f"{path.name}: {package}"


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_lock_hashes_every_file_and_names_no_index(path: Path):
    text = path.read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", text):
        assert entry.startswith("#") or "--hash=sha256:" in entry, entry


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / "signkit-verify.pyz"
    result = run(ROOT / "scripts/build-pyz", "--output", path)
    assert result.returncode == 0, result.stderr
    return path


def test_the_verifier_is_the_same_file_when_built_again(pyz: Path, tmp_path: Path):
    again = tmp_path / "again.pyz"
    run(ROOT / "scripts/build-pyz", "--output", again)
    assert again.read_bytes() == pyz.read_bytes()


def test_the_verifier_holds_the_ground_floor_and_nothing_else(pyz: Path):
    expected = {"__main__.py", "signkit/__init__.py", "signkit/errors.py"}
    for room in ("verify", "device"):
        for path in (ROOT / "signkit" / room).glob("*.py"):
            expected.add(path.relative_to(ROOT).as_posix())
    names = zipfile.ZipFile(pyz).namelist()
    assert set(names) == expected | {f"{name}c" for name in expected}
    assert names == sorted(names)


def test_the_verifier_runs_from_its_bytecode(pyz: Path):
    result = run("-I", pyz, "--help")
    assert result.returncode == 2, result.stderr
    assert "usage: signkit-verify" in result.stdout


def test_the_verifier_runs_from_its_source_under_another_python(pyz: Path, tmp_path: Path):
    other = tmp_path / "other.pyz"
    with zipfile.ZipFile(pyz) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, b"\0\0\0\0" + data[4:] if name.endswith(".pyc") else data)
    result = run("-I", other, "--help")
    assert result.returncode == 2, result.stderr
    assert "usage: signkit-verify" in result.stdout


def test_the_verifier_can_be_started_by_its_name(pyz: Path):
    assert pyz.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert pyz.stat().st_mode & 0o111
