"""The kit of a station: the same bytes wherever it is built, and an installer that refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.station_page import build_kit, python_of_debian

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
KILLED = {-9, 137}

if not Path("/usr/bin/python3").exists() or python_of_debian() < "python3.11":
    pytest.skip("needs Debian's python3, 3.11 or newer", allow_module_level=True)


def build(folder: Path) -> Path:
    ran = build_kit(folder)
    assert ran.code == 0, ran.err
    (path,) = folder.glob("*.tar")
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def unpacked(archive: Path) -> Path:
    """The kit as it was unpacked; tests only read it."""
    with tarfile.open(archive) as file:
        file.extractall(archive.parent, filter="data")
    return archive.with_suffix("")


@pytest.fixture
def kit(unpacked: Path, tmp_path: Path) -> Path:
    """A kit to spoil."""
    return shutil.copytree(unpacked, tmp_path / "kit")


@pytest.fixture
def other(unpacked: Path, tmp_path: Path) -> Path:
    """The kit of another version."""
    made = shutil.copytree(unpacked, tmp_path / "other")
    say(made, version="0.0.9")
    return made


def install(
    kit: Path, prefix: Path, *options: str, watch: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*watch, "sh", str(kit / "install.sh"), "--prefix", str(prefix), *options],
        env={"HOME": str(prefix.parent), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def version(prefix: Path, **environment: str) -> str:
    """What the installed command says of itself."""
    command = [str(prefix / "bin" / "signkit"), "--version"]
    env = {"HOME": str(prefix.parent), **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout


def fact(kit: Path, name: str) -> str:
    lines = (kit / "KIT").read_text().splitlines()
    return dict(line.split("=") for line in lines)[name]


def say(kit: Path, **changes: str) -> None:
    """Make a kit say something else of itself, with sums that are right."""
    path = kit / "KIT"
    for name, value in changes.items():
        path.write_text(path.read_text().replace(f"{name}={fact(kit, name)}", f"{name}={value}"))
    sums = (kit / "SHA256SUMS").read_text().splitlines()
    line = f"{sha256(path.read_bytes()).hexdigest()}  KIT"
    kept = [line if each.endswith("  KIT") else each for each in sums]
    (kit / "SHA256SUMS").write_text("\n".join(kept) + "\n")


def test_built_elsewhere_it_is_the_same_file(archive: Path, tmp_path: Path) -> None:
    """Another folder, umask, time zone and language, and files beside those of git."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    copy = tmp_path / "another place"
    for name in listed.stdout.splitlines():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    git = ROOT / ".git"
    (shutil.copytree if git.is_dir() else shutil.copy)(git, copy / ".git")
    (copy / ".venv").symlink_to(ROOT / ".venv")
    (copy / "signkit" / "left_behind.py").write_text("x = 1\n")
    (copy / "signkit" / "left_behind.so").write_bytes(b"\x7fELF")
    subprocess.run(
        [
            *("sh", "-c", 'umask 077 && exec "$@"', "sh", copy / ".venv/bin/python"),
            *(copy / "scripts/station-kit", "--output", tmp_path / "out"),
            *("--python", python_of_debian().removeprefix("python")),
        ],
        cwd="/",
        env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8", "SOURCE_DATE_EPOCH": "1"},
        capture_output=True,
        check=True,
    )
    (made,) = (tmp_path / "out").glob("*.tar")
    if fact_of(archive, "commit") != fact_of(made, "commit"):
        pytest.skip("not all is committed here")
    assert made.name == archive.name
    assert made.read_bytes() == archive.read_bytes()


def fact_of(archive: Path, name: str) -> str:
    with tarfile.open(archive) as file:
        member = file.extractfile(f"{archive.stem}/KIT")
        assert member
        return dict(line.split("=") for line in member.read().decode().splitlines())[name]


def test_it_holds_nothing_of_the_machine_that_built_it(archive: Path) -> None:
    with tarfile.open(archive) as file:
        members = file.getmembers()
    assert {(each.uid, each.gid, each.uname, each.gname, each.mode) for each in members} == {
        (0, 0, "", "", 0o644)
    }
    assert len({each.mtime for each in members}) == 1
    assert [each.name for each in members] == sorted(each.name for each in members)
    assert str(ROOT).encode() not in archive.read_bytes()


def test_each_wheel_is_pinned_by_the_lock(unpacked: Path) -> None:
    lock = (ROOT / "requirements" / "station.txt").read_text()
    wheels = {
        path.name: sha256(path.read_bytes()).hexdigest() for path in unpacked.glob("wheels/*")
    }
    (own,) = [name for name in wheels if name.startswith("signkit-")]
    del wheels[own]
    assert len(wheels) > 10
    assert [name for name, digest in wheels.items() if digest not in lock] == []
    sums = (unpacked / "SHA256SUMS").read_text()
    assert all(f"{digest}  wheels/{name}" in sums for name, digest in wheels.items())


@pytest.mark.sweep
@pytest.mark.parametrize("options", [("--extra", "pkcs11"), ("--machine", "aarch64")])
def test_other_kits_are_built_too(tmp_path: Path, options: tuple[str, ...]) -> None:
    ran = build_kit(tmp_path, *options)
    assert ran.code == 0, ran.err
    (path,) = tmp_path.glob("*.tar")
    with tarfile.open(path) as file:
        names = " ".join(file.getnames())
    assert options[1] in path.name
    assert ("python_pkcs11" in names, "aarch64.whl" in names) == (
        options[1] == "pkcs11",
        options[1] == "aarch64",
    )


def test_installs_and_says_its_self_hash(unpacked: Path, tmp_path: Path) -> None:
    ran = install(unpacked, tmp_path / "opt")
    assert ran.returncode == 0, ran.stderr
    assert f"self-hash {fact(unpacked, 'tree')}\n" in ran.stdout
    line = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    found = subprocess.run(
        ["sh", "-c", line], cwd=tmp_path / "opt/current", capture_output=True, text=True, check=True
    )
    assert found.stdout.split()[0] == fact(unpacked, "tree")
    assert version(tmp_path / "opt") == f"signkit {fact(unpacked, 'version')}\n"


def test_a_second_run_changes_nothing(unpacked: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "opt"
    assert install(unpacked, prefix).returncode == 0
    before = {path: path.lstat().st_ino for path in prefix.rglob("*") if not path.is_symlink()}
    again = install(unpacked, prefix)
    assert "already, and unchanged" in again.stdout
    assert before == {
        path: path.lstat().st_ino for path in prefix.rglob("*") if not path.is_symlink()
    }


def test_another_version_is_replaced_only_when_told(
    unpacked: Path, other: Path, tmp_path: Path
) -> None:
    prefix = tmp_path / "opt"
    assert install(other, prefix).returncode == 0
    refused = install(unpacked, prefix)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"has signkit 0.0.9-{fact(other, 'tree')[:16]}" in refused.stderr
    assert os.readlink(prefix / "current").startswith("versions/0.0.9-")
    assert install(unpacked, prefix, "--upgrade").returncode == 0
    assert [path.name for path in (prefix / "versions").iterdir()] == [
        f"{fact(unpacked, 'version')}-{fact(unpacked, 'tree')[:16]}"
    ]


def test_a_changed_installation_is_noticed(unpacked: Path, tmp_path: Path) -> None:
    """Attacker: adds one line to what is installed, and waits for the next ceremony."""
    prefix = tmp_path / "opt"
    assert install(unpacked, prefix).returncode == 0
    with (prefix / "current/lib/signkit/errors.py").open("a") as file:
        file.write("print()\n")
    ran = install(unpacked, prefix)
    assert (ran.returncode, "it was changed" in ran.stderr) == (1, True)
    assert install(unpacked, prefix, "--upgrade").returncode == 0
    assert "already, and unchanged" in install(unpacked, prefix).stdout


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


SPOILED: dict[str, Callable[[Path], object]] = {
    "wheel": lambda kit: _flip(min(kit.glob("wheels/*"))),
    "own wheel": lambda kit: _flip(min(kit.glob("wheels/signkit-*"))),
    "installer": lambda kit: _flip(kit / "install.py"),
    "description": lambda kit: _flip(kit / "KIT"),
    "sums": lambda kit: _flip(kit / "SHA256SUMS"),
    "sums emptied": lambda kit: (kit / "SHA256SUMS").write_text(""),
    "sums without a line": lambda kit: (kit / "SHA256SUMS").write_text(
        "".join((kit / "SHA256SUMS").read_text().splitlines(keepends=True)[1:])
    ),
    "sums gone": lambda kit: (kit / "SHA256SUMS").unlink(),
    "wheel gone": lambda kit: min(kit.glob("wheels/*")).unlink(),
    "wheel cut": lambda kit: os.truncate(max(kit.glob("wheels/*")), 100),
    "one more wheel": lambda kit: (kit / "wheels" / "evil-1-py3-none-any.whl").touch(),
    "a module beside it": lambda kit: (kit / "argparse.py").write_text("print('evil')"),
    "a link beside it": lambda kit: (kit / "zipfile.py").symlink_to("/etc/passwd"),
    "a name with a line feed": lambda kit: (kit / "x\nKIT").touch(),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_damaged_kit_installs_nothing(kit: Path, tmp_path: Path, name: str) -> None:
    SPOILED[name](kit)
    ran = install(kit, tmp_path / "opt")
    assert ran.returncode == 1
    assert "error: the kit" in ran.stderr
    assert "evil" not in ran.stdout
    assert not (tmp_path / "opt").exists()


def test_a_script_that_was_cut_off_does_nothing(kit: Path, tmp_path: Path) -> None:
    whole = (kit / "install.sh").read_bytes()
    for size in range(0, len(whole) - 1, 37):
        (kit / "install.sh").write_bytes(whole[:size])
        install(kit, tmp_path / "opt")
        assert not (tmp_path / "opt").exists(), size


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"python": "3.10"}, "this kit is for python 3.10, and this machine has 3."),
        ({"machine": "riscv64"}, "this kit is for machine riscv64, and this machine has "),
        ({"glibc": "9.99"}, "this kit needs glibc 9.99 or newer, and this machine has 2."),
    ],
)
def test_another_machine_is_refused_with_a_sentence(
    kit: Path, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    say(kit, **changes)
    ran = install(kit, tmp_path / "opt")
    assert (ran.returncode, said in ran.stderr) == (1, True), ran.stderr
    assert not (tmp_path / "opt").exists()


def test_a_tree_that_is_not_the_kits_is_not_installed(kit: Path, tmp_path: Path) -> None:
    say(kit, tree="0" * 64)
    ran = install(kit, tmp_path / "opt")
    assert (ran.returncode, "what was written is not" in ran.stderr) == (1, True)
    assert not (tmp_path / "opt" / "current").exists()


@pytest.mark.parametrize("name", ["current", "bin/signkit"])
def test_a_folder_of_somebody_else_is_refused(unpacked: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "opt" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    ran = install(unpacked, tmp_path / "opt", "--upgrade")
    assert (ran.returncode, "is not of a kit" in ran.stderr) == (1, True)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("option", ["--frobnicate", "--prefix=/dev/null/x", "--prefix=/proc/x"])
def test_wrong_arguments_are_one_sentence(unpacked: Path, tmp_path: Path, option: str) -> None:
    ran = install(unpacked, tmp_path / "opt", option)
    assert ran.returncode in {1, 2}
    assert "Traceback" not in ran.stderr
    assert "error:" in ran.stderr


def test_nothing_of_the_environment_gets_in(unpacked: Path, tmp_path: Path) -> None:
    """Attacker: sets variables, and leaves modules where Python would look for them."""
    assert install(unpacked, tmp_path / "opt").returncode == 0
    evil = tmp_path / "evil"
    for name in ("signkit", "typer", "sitecustomize", "usercustomize"):
        (evil / name).mkdir(parents=True)
        (evil / name / "__init__.py").write_text("print('evil')\n")
    site = tmp_path / ".local/lib" / python_of_debian() / "site-packages"
    shutil.copytree(evil, site)
    said = version(tmp_path / "opt", PYTHONPATH=str(evil), PYTHONSTARTUP=str(evil / "x"))
    assert said == f"signkit {fact(unpacked, 'version')}\n"
    assert (
        fact(unpacked, "tree") in install(unpacked, tmp_path / "opt").stdout
    )  # no bytecode either


def install_killed(kit: Path, prefix: Path, calls: str, number: int) -> bool:
    """Install, killed at the N-th of some system calls; return whether it came so far."""
    inject = f"inject={calls}:signal=KILL:when={number}"
    watch = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)
    ran = install(kit, prefix, "--upgrade", watch=watch)
    assert ran.returncode in {0, *KILLED}, ran.stderr
    return ran.returncode != 0


@pytest.mark.sweep
@pytest.mark.parametrize("before", ["nothing", "another version"])
def test_killed_at_any_step_it_can_be_run_again(
    unpacked: Path, other: Path, tmp_path: Path, before: str
) -> None:
    """The power fails: what is installed is the old or the new one, and never a mixture."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    prefix, new = tmp_path / "opt", f"signkit {fact(unpacked, 'version')}\n"
    steps = {"rename": (1, 2, 3, 4), "symlink": (1, 2, 3), "mkdir": (1, 2, 3, 700)}
    if before != "nothing":
        steps["unlinkat"] = (1, 500)
    for calls, number in (
        (calls, number) for calls, numbers in steps.items() for number in numbers
    ):
        if before != "nothing":
            assert install(other, prefix).returncode == 0
        if not install_killed(unpacked, prefix, calls, number):
            pytest.skip(f"strace cannot inject here, or there is no {calls} number {number}")
        if before != "nothing" or (prefix / "bin" / "signkit").exists():
            assert version(prefix) == new
        again = install(unpacked, prefix, "--upgrade")
        assert again.returncode == 0, again.stderr
        assert f"self-hash {fact(unpacked, 'tree')}\n" in again.stdout
        assert version(prefix) == new
        shutil.rmtree(prefix)
