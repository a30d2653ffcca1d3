"""Install signkit from the kit that this file lies in; `install.sh` has checked every file of it.

A wheel is a zip file: its files are written as they are, without pip, which a bare Debian does not
have and a station does not need. No bytecode is made, so that what is installed is what the
wheels hold, on every machine the same:

    PREFIX/versions/VERSION-HASH/{bin,lib}    all of it, written beside and given its name at the end
    PREFIX/current -> versions/VERSION-HASH   switched in one step
    PREFIX/bin/signkit -> ../current/bin/signkit

It can be killed at any instant and run again. Runs on any Python 3, to say which one it needs.

Control: SK-KIT-TREE.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

LAUNCHER = """\
#!/usr/bin/python3 -ISB
import os
import sys

here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.append(os.path.join(here, "lib"))

from {module} import main

sys.exit(main())
"""
COMMANDS = {"signkit": "signkit.cli.start", "signkit-verify": "signkit.device.main"}
# Parts of a wheel that are installed outside the library: a station needs none of them.
LEFT_OUT = {"data", "headers", "scripts"}


class KitError(Exception):
    """Why nothing was installed, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def read_kit(folder: Path) -> dict[str, str]:
    """Return what the file KIT says, as text by name."""
    lines = (folder / "KIT").read_text("ascii").splitlines()
    return dict(line.split("=", 1) for line in lines)


def check_platform(kit: dict[str, str]) -> None:
    """Refuse a machine for which the kit was not built."""
    glibc = platform.libc_ver()[1]
    here = {
        "python": "{}.{}".format(*sys.version_info),
        "machine": platform.machine(),
        "system": "glibc" if glibc else "another C library",
    }
    wanted = {**{name: kit[name] for name in ("python", "machine")}, "system": "glibc"}
    for name, expected in wanted.items():
        if here[name] != expected:
            message = f"this kit is for {name} {expected}, and this machine has {here[name]}"
            raise KitError(message, "build one for this machine: scripts/station-kit --help")
    if _version(glibc) < _version(kit["glibc"]):
        message = f"this kit needs glibc {kit['glibc']} or newer, and this machine has {glibc}"
        raise KitError(message, "use a newer release of Debian")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def write_tree(wheels: Iterable[Path], folder: Path) -> None:
    """Write the files of all wheels, and the commands, into a new folder."""
    for path in sorted(wheels):
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if not name.endswith("/") and not _is_left_out(name, path):
                    _write(folder / "lib" / name, wheel.read(name), 0o644)
    for command, module in COMMANDS.items():
        _write(folder / "bin" / command, LAUNCHER.format(module=module).encode(), 0o755)


def _is_left_out(name: str, wheel: Path) -> bool:
    first, _, rest = name.partition("/")
    if name.startswith("/") or ".." in name.split("/"):
        raise KitError(f"{wheel.name} holds the name {name!r}", "build the kit again")
    if not first.endswith(".data"):
        return False
    if rest.partition("/")[0] not in LEFT_OUT:
        raise KitError(f"{wheel.name} holds {name!r}, which has no place here", "report this")
    return True


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)


def hash_tree(folder: Path) -> str:
    """Return the SHA-256 of a tree, as `sha256sum` over the sorted output of `sha256sum` has it."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = sorted(b"./" + os.fsencode(path.relative_to(folder)) for path in paths)
    total = hashlib.sha256()
    for name in names:
        data = (folder / os.fsdecode(name)).read_bytes()
        total.update(hashlib.sha256(data).hexdigest().encode() + b"  " + name + b"\n")
    return total.hexdigest()


def install(kit_folder: Path, prefix: Path, *, upgrade: bool) -> str:
    """Install, and return what to say."""
    kit = read_kit(kit_folder)
    check_platform(kit)
    prefix.mkdir(parents=True, exist_ok=True)
    lock = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # until the process ends
    current, name = prefix / "current", f"{kit['version']}-{kit['tree'][:16]}"
    before = _installed(prefix, current)
    if not upgrade and before is not None:
        if before.name != name:
            message = f"{prefix} has signkit {before.name}, and this kit has {name}"
            raise KitError(message, "--upgrade replaces it; keys and ledger are elsewhere and stay")
        if hash_tree(before) == kit["tree"]:
            _link_commands(prefix)
            return f"signkit {name} is installed in {prefix} already, and unchanged"
        message = f"signkit {name} in {prefix} is not what this kit installs: it was changed"
        raise KitError(message, "find out by whom; --upgrade replaces it")
    _check_commands(prefix)
    place = prefix / "versions" / name
    _make(kit, kit_folder, prefix / ".new")
    shutil.rmtree(place, ignore_errors=True)  # of a run that was killed, or changed since
    place.parent.mkdir(exist_ok=True)
    (prefix / ".new").rename(place)
    os.sync()
    _link(current, f"versions/{name}")
    _link_commands(prefix)
    os.sync()
    if before is not None and before != place:
        shutil.rmtree(before)
    return f"signkit {name} is installed in {prefix}"


def _make(kit: dict[str, str], kit_folder: Path, folder: Path) -> None:
    """Write the tree into a folder, and read it again."""
    if folder.exists():
        shutil.rmtree(folder)
    write_tree((kit_folder / "wheels").iterdir(), folder)
    made = hash_tree(folder)
    if made != kit["tree"]:
        message = f"what was written is not what is read: expected {kit['tree']}, got {made}"
        raise KitError(message, "the disk or the memory of this machine is faulty")


def _installed(prefix: Path, current: Path) -> Path | None:
    """Return the folder of what is installed, or None."""
    if not current.is_symlink():
        if current.exists():
            raise KitError(f"{current} is not of a kit", "choose another folder with --prefix")
        return None
    target = prefix / os.readlink(current)
    if target.parent != prefix / "versions":
        raise KitError(f"{current} is not of a kit", "choose another folder with --prefix")
    return target if target.is_dir() else None


def _check_commands(prefix: Path) -> None:
    for command in COMMANDS:
        path = prefix / "bin" / command
        if os.path.lexists(path) and not _is_ours(path, command):
            raise KitError(f"{path} is not of a kit", "choose another folder with --prefix")


def _is_ours(path: Path, command: str) -> bool:
    return path.is_symlink() and os.readlink(path) == f"../current/bin/{command}"


def _link_commands(prefix: Path) -> None:
    _check_commands(prefix)
    (prefix / "bin").mkdir(exist_ok=True)
    for command in COMMANDS:
        _link(prefix / "bin" / command, f"../current/bin/{command}")


def _link(path: Path, target: str) -> None:
    """Make a symbolic link, in one step also where there is one."""
    new = path.with_name(f".{path.name}.new")
    if os.path.lexists(new):
        new.unlink()
    new.symlink_to(target)
    new.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="sh install.sh", description="Install signkit, offline.")
    parser.add_argument(
        "--prefix", type=Path, default=Path("/opt/signkit"), help="where to (default: /opt/signkit)"
    )
    parser.add_argument(
        "--upgrade", action="store_true", help="replace another version that is installed there"
    )
    options = parser.parse_args()
    os.umask(0o022)
    prefix = Path(os.path.abspath(options.prefix))
    try:
        said = install(Path(__file__).resolve().parent, prefix, upgrade=options.upgrade)
        print(said)
        print(f"self-hash {hash_tree(prefix / 'current')}")
        print(f"command   {prefix}/bin/signkit")
        print(f"remove it with: rm -r {prefix}")
    except KitError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        print(
            f"error: {where}{error.strerror}\nhint: be root, and have some 50 MB free",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
