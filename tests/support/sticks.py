"""Real FAT and exFAT file systems in a file, mounted as the station would mount a stick.

The kernel's own drivers where it has them, else those of FUSE (Debian: fusefat, exfat-fuse).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

KINDS = ("vfat", "exfat")
_SIZE = 48 * 1024 * 1024


class CannotMountError(Exception):
    """Why there is no such stick here."""


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """Yield the root of an empty file system of a kind.

    Raises:
        CannotMountError: a tool, a driver or a right is missing.
    """
    mkfs = shutil.which(f"mkfs.{kind}", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if os.geteuid() != 0 or mkfs is None:
        message = f"needs root and mkfs.{kind} (Debian: dosfstools, exfatprogs)"
        raise CannotMountError(message)
    image, root = folder / f"{kind}.img", folder / kind
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(_SIZE)
    _run([mkfs, image])
    loop = _run(["losetup", "--find", "--show", image]).strip()
    try:
        _mount(kind, loop, image, root)
        try:
            yield root
        finally:
            _run(["umount", root])
    finally:
        _run(["losetup", "--detach", loop])


def _mount(kind: str, loop: str, image: Path, root: Path) -> None:
    user_space: dict[str, Sequence[object]] = {
        "vfat": ("fusefat", "-o", "rw+", image, root),
        "exfat": ("mount.exfat-fuse", loop, root),
    }
    failed = []
    for command in (("mount", "-i", "-t", kind, loop, root), user_space[kind]):
        try:
            _run(command)
        except (OSError, subprocess.CalledProcessError) as error:
            failed.append(str(getattr(error, "stderr", error)).strip()[-200:])
        else:
            return
    raise CannotMountError("; ".join(failed))


def _run(command: Sequence[object]) -> str:
    # FUSE drivers go on in the background: they must not hold a pipe that somebody reads to its end.
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE if command[0] == "losetup" else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if "fuse" in str(command[0]) else subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout or ""
