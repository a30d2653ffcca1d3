"""Content files are hashed once, and known again where nothing was written to them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.errors import DigestMismatchError, FileError
from signkit.formats.content import check_unchanged, hash_content, identify, read_content
from signkit.model.plan import FileIdentity, PlannedItem
from signkit.verify.digest import Sha256

MIB = 1024 * 1024


def ignore(_count: int) -> None:
    pass


def never(_count: int) -> None:
    pytest.fail("content was read that needed not be")


def planned(path: Path, *, digest: bytes | None = None) -> PlannedItem:
    """Plan a file as it is now; with another digest, so that believing and hashing differ."""
    computed, identity = hash_content(str(path), advance=ignore)
    return PlannedItem(
        path=str(path),
        identity=identity,
        digest=computed if digest is None else Sha256(digest),
        part_size=MIB,
        parts=(),
    )


def settled(path: Path) -> FileIdentity:
    """Return the identity that a file will have once it has settled."""
    status = path.stat()
    return FileIdentity(
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
    )


def settled_plan(path: Path, *, digest: bytes) -> PlannedItem:
    return PlannedItem(
        path=str(path), identity=settled(path), digest=Sha256(digest), part_size=MIB, parts=()
    )


@pytest.mark.parametrize("size", [0, 1, 20_000, MIB, 9 * MIB + 1])
def test_hashes_as_openssl_does(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(size))
    said = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r", path], capture_output=True, text=True, check=True
    )
    counted: list[int] = []
    digest, identity = hash_content(str(path), advance=counted.append)
    assert digest.hex() == said.stdout[:64]
    assert sum(counted) == size == identity.size


def test_a_file_just_written_has_no_telling_ctime(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    _digest, identity = hash_content(str(tmp_path / "f"), advance=ignore)
    assert identity.ctime_ns is None
    assert identity.inode == (tmp_path / "f").stat().st_ino


def test_a_file_opened_later_has_its_whole_identity(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    status = path.stat()
    identity = identify(status, opened_ns=status.st_ctime_ns + 2_000_000_000)
    assert identity == settled(path)


def test_a_known_file_is_believed_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"as prepared")
    identity = check_unchanged(settled_plan(path, digest=bytes(32)), advance=never)
    assert identity == settled(path)


def test_a_file_that_had_not_settled_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"as prepared")
    counted: list[int] = []
    check_unchanged(planned(path), advance=counted.append)
    assert sum(counted) == len(b"as prepared")
    with pytest.raises(DigestMismatchError):
        check_unchanged(planned(path, digest=bytes(32)), advance=ignore)


def test_a_touched_file_of_the_same_content_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"as prepared")
    item = settled_plan(path, digest=sha256(b"as prepared").digest())
    os.utime(path, (1, 1))
    counted: list[int] = []
    identity = check_unchanged(item, advance=counted.append)
    assert sum(counted) == len(b"as prepared")
    assert identity.mtime_ns == 1_000_000_000


def test_one_flipped_byte_with_size_and_mtime_restored_is_refused(tmp_path: Path) -> None:
    """F16. The attacker changes a byte after prepare and sets the times back: refused."""
    path = tmp_path / "f"
    path.write_bytes(b"as prepared")
    status = path.stat()
    item = settled_plan(path, digest=sha256(b"as prepared").digest())
    time.sleep(0.02)  # a kernel's clock has ticks of up to 10 ms
    with path.open("r+b") as file:
        file.write(b"As")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    with pytest.raises(DigestMismatchError) as caught:
        check_unchanged(item, advance=ignore)
    for named in (str(path), item.digest.hex(), sha256(b"As prepared").hexdigest()):
        assert named in str(caught.value)


def test_a_file_that_replaced_the_planned_one_is_hashed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"as prepared")
    item = settled_plan(path, digest=sha256(b"as prepared").digest())
    (tmp_path / "g").write_bytes(b"Another one")
    (tmp_path / "g").rename(path)
    with pytest.raises(DigestMismatchError, match="changed since it was prepared"):
        check_unchanged(item, advance=ignore)


@pytest.mark.parametrize("make", [Path.touch, Path.unlink, os.mkfifo, Path.mkdir])
def test_a_file_that_is_gone_or_no_file_any_more_is_refused(tmp_path: Path, make) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"as prepared")
    item = settled_plan(path, digest=sha256(b"as prepared").digest())
    if make is not Path.unlink:
        path.unlink()
    make(path)
    with pytest.raises((FileError, DigestMismatchError), match=r"cannot be|is a|changed"):
        check_unchanged(item, advance=ignore)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"x")


def replace(path: Path) -> None:
    path.with_name("g").write_bytes(bytes(16 * MIB))
    path.with_name("g").replace(path)


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: os.truncate(path, 1),
    "appended": lambda path: os.truncate(path, 20 * MIB),
    "overwritten": overwrite,
    "replaced": replace,
    "removed": Path.unlink,
    "made a FIFO": make_fifo,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: str) -> None:
    """F17. The attacker changes the file once its first bytes were read: refused."""
    path = tmp_path / "f"
    path.write_bytes(bytes(16 * MIB))
    time.sleep(0.02)
    changed: list[int] = []

    def advance(count: int) -> None:
        if not changed:
            changed.append(count)
            CHANGES[change](path)

    with pytest.raises(FileError, match=r"changed while it was|cannot be read|is a FIFO"):
        hash_content(str(path), advance=advance)


def test_an_endless_file_is_read_to_one_byte_more_than_its_size(tmp_path: Path) -> None:
    """A file of /proc says that it is empty, and is not."""
    with pytest.raises(FileError, match="its number of bytes was 0, then 1"):
        hash_content("/proc/self/maps", advance=ignore)


def test_an_input_error_is_a_file_error() -> None:
    """Reading /proc/self/mem at 0 gives EIO, as a broken disk does."""
    with pytest.raises(FileError, match="/proc/self/mem cannot be read: input/output error"):
        hash_content("/proc/self/mem", advance=ignore)


def test_leaves_no_descriptor_behind(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")

    def stop(_read_into: object, _size: int) -> tuple[None, int]:
        raise KeyboardInterrupt

    before = os.listdir("/proc/self/fd")
    with pytest.raises(KeyboardInterrupt):
        read_content(str(tmp_path / "f"), stop)
    assert os.listdir("/proc/self/fd") == before
