"""A bare Debian without a network: its essential packages and python3, and no interface but `lo`.

Its root is copied from the packages of the Debian that runs this, file by file as dpkg lists them, so
nothing that somebody installed beside them (pip, a venv module, other libraries) is there. Each
command runs in a network namespace of its own, in which nothing was ever configured.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import Ran

# openssl comes with ca-certificates, which each Debian with the standard system utilities has.
PACKAGES = ("python3", "openssl")
# Names as they lie in the kernel's packages, which a root without a kernel does not have.
_MODULES = (
    "drivers/bluetooth/btusb.ko",
    "drivers/net/ethernet/intel/e1000e/e1000e.ko",
    "drivers/usb/storage/usb-storage.ko",
    "net/wireless/cfg80211.ko.xz",
)
_MERGED = ("bin", "lib", "lib64", "sbin")  # links into /usr
_LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/")
_ENTER = """
mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" &&
exec chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  LANG=C.UTF-8 TERM=dumb sh -l -c "cd /root && $2"
"""


class CannotEnterError(Exception):
    """Why there is no such machine here."""


@dataclass(frozen=True)
class BareMachine:
    """A root folder that is entered without a network."""

    root: Path

    def run(self, command: str, *, prefix: tuple[str, ...] = ()) -> Ran:
        """Run a line of shell as root of the machine, in /root.

        Args:
            command: The line.
            prefix: What is to watch it (`strace ...`).
        """
        user = () if os.geteuid() == 0 else ("--map-root-user",)
        done = subprocess.run(
            [
                *prefix,
                *("unshare", *user, "--net", "--mount", "--pid", "--fork"),
                *("sh", "-c", _ENTER, "sh", str(self.root), command),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def make_bare_machine(root: Path) -> BareMachine:
    """Make a machine in a new folder.

    Raises:
        CannotEnterError: this is no Debian, or namespaces are not permitted.
    """
    if not (shutil.which("dpkg-query") and shutil.which("unshare")):
        message = "needs dpkg-query and unshare: a Debian"
        raise CannotEnterError(message)
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in (
        "dev",
        "proc",
        "sys",
        "tmp",
        "root",
        "media/stick",
        "etc/modprobe.d",
        "opt",
        "var",
    ):
        (root / name).mkdir(parents=True)
    for name in _MODULES:
        path = root / "usr/lib/modules/6.1.0-1-amd64/kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "hostname").write_text("vault\n")
    for name in sorted(_files(_closure())):
        _copy(name, root)
    machine = BareMachine(root)
    if (ran := machine.run("python3 -c 'print(1)'")).out != "1\n":
        raise CannotEnterError(ran.err.strip()[-300:])
    return machine


def _closure() -> set[str]:
    """Return the packages: those that are essential, those asked for, and what these need."""
    form = "${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True
    ).stdout
    needs, providers, wanted = {}, {}, set(PACKAGES)
    for line in listed.splitlines():
        name, essential, depends, provides = line.split("\t")
        needs[name] = depends
        providers.update(dict.fromkeys(_names(provides), name))
        if essential == "yes":
            wanted.add(name)
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        name = name if name in needs else providers.get(name, "")
        if name and name not in found:
            found.add(name)
            wanted |= set(_names(needs[name]))
    return found


def _names(depends: str) -> list[str]:
    """Return the names in a field of dpkg; of alternatives the first."""
    return re.findall(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]+)", depends)


def _files(packages: set[str]) -> set[str]:
    command = ["dpkg-query", "-L", *sorted(packages)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {line for line in listed.splitlines() if not line.startswith(_LEFT_OUT)}


def _copy(name: str, root: Path) -> None:
    """Copy a file or link; of a path through /bin and the like the place in /usr."""
    source = Path(name)
    first = name.split("/")[1] if name.startswith("/") else ""
    target = root / (f"usr{name}" if first in _MERGED else name[1:])
    try:
        if source.is_symlink() and target.name not in _MERGED:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(os.readlink(source))
        elif source.is_file() and os.access(source, os.R_OK):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    except FileExistsError:  # a folder that is a link here
        pass
