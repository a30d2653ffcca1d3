"""Files are read with a bound, and written whole or not at all."""

import errno
import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from signkit.errors import FileError, TooLargeError
from signkit.formats import files
from signkit.formats.files import (
    PRIVATE_MODE,
    check_target,
    read_file,
    write_and_read_back,
    write_folder,
    write_new,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_reads_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_file(path, limit=5, what="thing") == b"12345"
    with pytest.raises(TooLargeError, match=r"thing .*/f is too large: expected at most 4 .* 5"):
        read_file(path, limit=4, what="thing")


def test_reads_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert read_file(tmp_path / "f", limit=0, what="thing") == b""


def test_reads_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "l").symlink_to("f")
    assert read_file(tmp_path / "l", limit=1, what="thing") == b"x"


def test_follows_no_symbolic_link_where_it_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "l").symlink_to("f")
    with pytest.raises(FileError, match="too many levels of symbolic links"):
        read_file(tmp_path / "l", limit=1, what="thing", follow=False)
    assert read_file(tmp_path / "f", limit=1, what="thing", follow=False) == b"x"


def test_reads_nothing_of_a_file_that_says_it_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: a file of 1 TiB, all of it a hole."""
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1 << 40)
    monkeypatch.setattr(files, "_read", None)
    with pytest.raises(TooLargeError, match=str(1 << 40)):
        read_file(tmp_path / "f", limit=1 << 30, what="thing")


def test_says_where_a_medium_cannot_be_read() -> None:
    """Page 0 of a process is never mapped: reading it fails as a bad sector does."""
    with pytest.raises(FileError, match="cannot be read: input/output error at byte 0"):
        read_file("/proc/self/mem", limit=10, what="thing")


def test_does_not_wait_on_a_fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    with pytest.raises(FileError, match="is a FIFO, not a regular file"):
        read_file(tmp_path / "f", limit=1, what="thing")


@pytest.mark.parametrize(
    ("path", "said"), [("/dev/null", "a device"), ("/", "is a directory"), ("/none", "no such")]
)
def test_refuses_to_read_what_is_no_file(path: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_file(path, limit=1, what="thing")


def test_refuses_a_path_with_a_nul_byte(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="null byte"):
        read_file(f"{tmp_path}/a\0b", limit=1, what="thing")
    with pytest.raises(FileError, match="null byte"):
        write_new(f"{tmp_path}/a\0b", b"")


def test_does_not_trust_the_size_it_was_told(tmp_path: Path) -> None:
    with pytest.raises(TooLargeError):
        read_file("/proc/self/status", limit=0, what="thing")


@pytest.mark.parametrize("mode", [0o644, 0o600])
@pytest.mark.usefixtures("open_umask")
def test_writes_with_the_mode_asked_for(tmp_path: Path, mode: int) -> None:
    write_new(tmp_path / "f", b"data", mode=mode)
    assert (tmp_path / "f").read_bytes() == b"data"
    assert mode_of(tmp_path / "f") == mode
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.usefixtures("open_umask")
def test_a_private_file_is_private_from_the_first_instant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: opens the file between its creation and a later chmod. There is no chmod."""
    seen: list[int] = []
    real = os.fsync

    def watch(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    monkeypatch.setattr(os, "chmod", None)
    monkeypatch.setattr(os, "fchmod", None)
    write_new(tmp_path / "f", b"data", mode=PRIVATE_MODE)
    assert seen[0] == PRIVATE_MODE


def test_never_overwrites_unless_told(tmp_path: Path) -> None:
    write_new(tmp_path / "f", b"one")
    with pytest.raises(FileError, match="f exists already"):
        write_new(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"one"
    write_new(tmp_path / "f", b"three", replace=True)
    assert (tmp_path / "f").read_bytes() == b"three"


@pytest.mark.parametrize("links", [True, False])
def test_never_overwrites_what_appears_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    monkeypatch.setattr(files, "check_target", lambda *_args, **_options: None)
    (tmp_path / "f").write_bytes(b"one")
    with pytest.raises(FileError, match="exists already"):
        write_new(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["f"]


def _no_links(*_args: object, **_options: object) -> None:
    """Answer as FAT does."""
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_one_of_many_writers_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)

    def attempt(number: int) -> int:
        try:
            write_new(tmp_path / "f", b"%d" % number)
        except FileError:
            return -1
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(attempt, range(32)) if number >= 0]
    assert [b"%d" % number for number in winners] == [(tmp_path / "f").read_bytes()]
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("replace", [True, False])
def test_refuses_a_target_that_is_no_regular_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, replace: bool
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket path may not be long
        listener.bind("socket")
    for name in ("folder", "link", "fifo", "socket"):
        with pytest.raises(FileError, match="expected a regular file or nothing"):
            check_target(tmp_path / name, replace=replace)
    with pytest.raises(FileError, match="a symbolic link"):
        write_new(tmp_path / "link", b"x", replace=replace)
    assert not (tmp_path / "nowhere").exists()


def test_says_which_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"none/f cannot be written: no such file"):
        write_new(tmp_path / "none" / "f", b"x")
    with pytest.raises(FileError, match=r"cannot be written: not a directory"):
        write_new(Path("/dev/null/f"), b"x")


@pytest.mark.parametrize("name", ["fsync", "link"])
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(FileError, match="no space left on device"):
        write_new(tmp_path / "f", b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("mode", "fatal"), [(0o644, False), (0o600, True)])
def test_a_folder_that_cannot_be_synced_is_fatal_for_private_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, *, fatal: bool
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    if fatal:
        with pytest.raises(FileError, match="invalid argument"):
            write_new(tmp_path / "f", b"x", mode=mode)
    else:
        write_new(tmp_path / "f", b"x", mode=mode)


def test_a_private_file_is_refused_where_permissions_do_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def fat(path: str, flags: int, mode: int = 0o777, **options: int) -> int:
        return real(path, flags, 0o755 if flags & os.O_CREAT else mode, **options)

    monkeypatch.setattr(os, "open", fat)
    with pytest.raises(FileError, match="cannot hold a private file"):
        write_new(tmp_path / "f", b"x", mode=PRIVATE_MODE)
    assert os.listdir(tmp_path) == []


def test_reads_back_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *told: dropped.append(told[-1]))
    write_and_read_back(tmp_path / "f", b"data")
    write_and_read_back(tmp_path / "f", b"", replace=True)
    assert (tmp_path / "f").read_bytes() == b""
    assert dropped == [os.POSIX_FADV_DONTNEED] * 2
    with pytest.raises(FileError, match="f exists already"):
        write_and_read_back(tmp_path / "f", b"data")


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (b"0123456789", None),
        (b"01234x6789", "the first byte that differs is byte 5 of 10"),
        (b"x", "the first byte that differs is byte 0 of 10"),
        (b"0123", "it ends after 4 of 10 bytes"),
        (b"", "it ends after 0 of 10 bytes"),
        (b"01234567890", "it goes on after its 10 bytes"),
    ],
)
def test_says_where_a_medium_kept_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bytes, said: str | None
) -> None:
    """The stick claims to have written, and has not: it shows once memory is dropped."""

    def spoil(descriptor: int, *_told: int) -> None:
        Path(f"/proc/self/fd/{descriptor}").resolve().write_bytes(kept)

    monkeypatch.setattr(os, "posix_fadvise", spoil)
    if said is None:
        write_and_read_back(tmp_path / "f", b"0123456789")
        return
    with pytest.raises(FileError, match=said):
        write_and_read_back(tmp_path / "f", b"0123456789")


def test_says_where_a_medium_cannot_be_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap(descriptor: int, *_told: int) -> None:
        memory = os.open("/proc/self/mem", os.O_RDONLY)
        os.dup2(memory, descriptor)
        os.close(memory)

    monkeypatch.setattr(os, "posix_fadvise", swap)
    with pytest.raises(FileError, match="cannot be read back: input/output error at byte 0"):
        write_and_read_back(tmp_path / "f", b"data")


def test_a_folder_is_written_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "new", {"a": b"1", "b": b"2"})
    assert {each.name: each.read_bytes() for each in (tmp_path / "new").iterdir()} == {
        "a": b"1",
        "b": b"2",
    }
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_of_a_folder_on_a_full_disk_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="no space left"):
        write_folder(tmp_path / "new", {"a": b"1"})
    assert not list(tmp_path.iterdir())
