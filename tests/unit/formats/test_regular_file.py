"""Only regular files are content, and only while they stay the same."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from signkit.errors import FileError
from signkit.formats import regular_file
from signkit.formats.regular_file import check_read, look_at, open_content, telling_ctime

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND + 123_456_789


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


SPECIAL = {
    "a folder": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a character device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_names_what_is_no_regular_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    SPECIAL[kind](path)
    with pytest.raises(FileError, match=f"f is {kind}: expected a regular file"):
        open_content(str(path))


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes device nodes")
def test_names_a_block_device(tmp_path: Path) -> None:
    path = tmp_path / "f"
    try:
        os.mknod(path, 0o60600, os.makedev(7, 200))
    except PermissionError:
        pytest.skip("no device nodes in this container")
    with pytest.raises(FileError, match="f is a block device: expected a regular file"):
        look_at(str(path))


def test_says_what_to_name_instead_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        look_at(str(tmp_path))
    assert caught.value.hint == "name the files in it"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("missing", "missing cannot be read: no such file or directory"),
        ("f/below", "f/below cannot be read: not a directory"),
        ("loop", "loop cannot be read: too many levels of symbolic links"),
        ("a\0b", "cannot be read: embedded null byte"),
        ("x" * 256, "cannot be read: file name too long"),
    ],
)
def test_says_why_a_file_cannot_be_read(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FileError, match=said):
        open_content(f"{tmp_path}/{path}")


def test_opens_a_regular_file_and_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123")
    (tmp_path / "l").symlink_to("f")
    for name in ("f", "l"):
        descriptor, status = open_content(str(tmp_path / name))
        assert (os.read(descriptor, 9), status.st_size) == (b"123", 3)
        os.close(descriptor)


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_name_that_is_swapped_after_the_look_is_caught(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attacker puts something else under the name between look and open: it is refused."""
    path = tmp_path / "f"
    path.write_bytes(b"123")
    look = regular_file.look_at

    def look_then_swap(name: str) -> os.stat_result:
        status = look(name)
        path.unlink()
        SPECIAL[kind](path)
        return status

    monkeypatch.setattr(regular_file, "look_at", look_then_swap)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileError, match=f"is {kind}|no such device"):
        open_content(str(path))
    assert os.listdir("/proc/self/fd") == before


def test_permission_is_refused_in_words(tmp_path: Path, unprivileged: None) -> None:
    path = tmp_path / "f"
    path.touch(mode=0o000)
    with pytest.raises(FileError, match="f cannot be read: permission denied") as caught:
        open_content(str(path))
    assert caught.value.hint == "check the path and its permissions"


@pytest.fixture
def unprivileged(tmp_path: Path):
    """Give up root for one test; others are not root to begin with."""
    if os.getuid() != 0:
        yield
        return
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o777)
    os.seteuid(65534)
    yield
    os.seteuid(0)


def status_of(path: Path, **changes: int) -> os.stat_result:
    status = path.stat()
    named = {name: getattr(status, name) for name in dir(status) if name.startswith("st_")}
    fields = [named[name] for name in ("st_mode", "st_ino", "st_dev", "st_nlink")]
    fields += [named[name] for name in ("st_uid", "st_gid", "st_size")]
    for place, name in ((1, "st_ino"), (2, "st_dev"), (6, "st_size")):
        fields[place] = changes.get(name, fields[place])
    return os.stat_result([*fields, 0, 0, 0], {**named, **changes})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"st_size": 4}, "its size was 3, then 4"),
        ({"st_ino": 1}, r"its inode was \d+, then 1"),
        ({"st_dev": 1}, r"its device was \d+, then 1"),
        ({"st_mtime_ns": 1}, r"its time of modification was \d+, then 1"),
        ({"st_ctime_ns": 1}, r"its time of change was \d+, then 1"),
    ],
)
def test_names_what_changed(tmp_path: Path, change: dict[str, int], said: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"123")
    with pytest.raises(FileError, match=f"f changed while it was read: {said}"):
        check_read(str(path), path.stat(), after=status_of(path, **change), count=3)


def test_counts_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"123")
    check_read(str(path), path.stat(), after=path.stat(), count=3)
    for count in (2, 4):
        with pytest.raises(FileError, match=f"its number of bytes was 3, then {count}"):
            check_read(str(path), path.stat(), after=path.stat(), count=count)


def test_a_ctime_tells_only_once_it_has_settled() -> None:
    opened = NOW + 2 * SECOND
    assert telling_ctime(NOW, opened_ns=opened) == NOW
    assert telling_ctime(NOW, opened_ns=opened - 1) is None
    assert telling_ctime(NOW, opened_ns=NOW - 1) is None


@pytest.mark.parametrize("step", [10_000_000, SECOND, 2 * SECOND])
def test_a_ctime_of_a_coarse_clock_tells_nothing(step: int) -> None:
    coarse = NOW - NOW % step
    assert telling_ctime(coarse, opened_ns=NOW + 9 * SECOND) is None
    assert telling_ctime(coarse + 1, opened_ns=NOW + 9 * SECOND) == coarse + 1
