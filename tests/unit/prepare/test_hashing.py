"""Files are hashed whole and in parts, once, and only where they stay what they are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FileError, TooLargeError
from signkit.prepare import hashing
from signkit.prepare.hashing import hash_file, hash_files, total_size
from signkit.prepare.parts import LARGEST_CONTENT

MIB = 1024**2
PART = 16 * MIB


def ignore(_count: int) -> None:
    pass


def never(_count: int) -> None:
    pytest.fail("content was read that needed not be")


def make_files(folder: Path, count: int) -> list[str]:
    """Make files of different content and size, some empty."""
    paths = [folder / f"file-{number:03}" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(f"{number} ".encode() * (number % 7) * number)
    return [str(path) for path in paths]


@pytest.mark.parametrize("size", [1, MIB, PART - 1, PART])
def test_content_of_one_part_has_the_digest_of_its_part(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(size))
    hashed = hash_file(str(path), advance=ignore)
    assert hashed.digest == sha256(path.read_bytes()).digest()
    assert hashed.parts == (hashed.digest,)
    assert (hashed.identity.size, hashed.part_size) == (size, PART)


@pytest.mark.parametrize("size", [PART + 1, 2 * PART, 2 * PART + 1])
def test_content_of_more_parts_matches_openssl(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(size))
    hashed = hash_file(str(path), advance=ignore)
    data = path.read_bytes()
    said = subprocess.run(
        ["openssl", "dgst", "-sha256", "-r", path], capture_output=True, check=True
    )
    assert hashed.digest.hex().encode() == said.stdout[:64]
    assert hashed.parts == tuple(
        sha256(data[start : start + PART]).digest() for start in range(0, size, PART)
    )


def test_empty_content_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    hashed = hash_file(str(tmp_path / "f"), advance=ignore)
    assert (hashed.digest, hashed.parts) == (sha256().digest(), ())


@given(data=st.binary(max_size=400), part_size=st.integers(1, 100))
def test_parts_of_any_size_cover_the_content(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, part_size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "parts"
    path.write_bytes(data)
    hashed = hash_file(str(path), advance=ignore, part_size=part_size)
    starts = range(0, len(data), part_size)
    parts = tuple(sha256(data[start : start + part_size]).digest() for start in starts)
    assert (hashed.parts, hashed.part_size) == (parts, part_size)
    assert hashed.digest == sha256(data).digest()


@pytest.mark.parametrize("size", [0, 5, 9 * MIB, PART + 5])
def test_progress_adds_up(tmp_path: Path, size: int) -> None:
    (tmp_path / "f").write_bytes(bytes(size))
    counted: list[int] = []
    hash_file(str(tmp_path / "f"), advance=counted.append)
    assert sum(counted) == size


def test_paths_are_made_absolute_but_not_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`link/../f` is not `f`: what stands above a link is decided by the link."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "f").write_bytes(b"above the link's target")
    (tmp_path / "link").symlink_to("a/b")
    monkeypatch.chdir(tmp_path)
    hashed = hash_file("link/../f", advance=ignore)
    assert hashed.path == f"{tmp_path}/link/../f"
    assert hashed.digest == sha256(b"above the link's target").digest()


def test_a_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    monkeypatch.chdir(tmp_path / "d")
    (tmp_path / "d").rmdir()
    with pytest.raises(FileError, match="the current folder is gone"):
        hash_file("f", advance=ignore)


@pytest.mark.parametrize("name", ["a\udcff", "a\0b"])
def test_a_path_that_cannot_be_written_down_is_refused(tmp_path: Path, name: str) -> None:
    for hash_it in (hash_file, lambda path, advance: list(hash_files([path], advance=advance))):
        with pytest.raises(FileError, match="expected UTF-8 without NUL") as caught:
            hash_it(f"{tmp_path}/{name}", advance=ignore)
        assert caught.value.hint == "rename the file"


def test_a_path_that_is_not_ascii_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "модель-\u202e \n.bin"
    path.write_bytes(b"1")
    assert hash_file(str(path), advance=ignore).path == str(path)


def test_more_than_5_tib_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    try:
        os.truncate(path, LARGEST_CONTENT + 1)
    except OSError:
        pytest.skip("this file system has no files of 5 TiB")
    with pytest.raises(TooLargeError, match=f"{path}: content is too large"):
        hash_file(str(path), advance=never)


def truncate(path: Path) -> None:
    os.truncate(path, 1)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def overwrite_with_the_mtime_restored(path: Path) -> None:
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    path.with_name("g").write_bytes(path.read_bytes())
    path.with_name("g").replace(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (truncate, r"its size was 50331648, then 1"),
        (append, r"its size was 50331648, then 50331649"),
        (overwrite_with_the_mtime_restored, r"its time of change was \d+, then \d+"),
        (replace, r"its (time of change|time of modification) was \d+, then \d+"),
        (Path.unlink, r"no such file"),
    ],
)
@pytest.mark.parametrize("part_size", [PART, 64 * MIB])
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, change, said: str, part_size: int
) -> None:
    """F17. The attacker changes the file when its first bytes were hashed: refused."""
    path = tmp_path / "f"
    path.write_bytes(bytes(48 * MIB))
    time.sleep(0.02)  # a kernel's clock has ticks of up to 10 ms
    changed: list[int] = []

    def advance(count: int) -> None:
        if not changed:
            changed.append(count)
            change(path)

    with pytest.raises(FileError, match=said):
        hash_file(str(path), advance=advance, part_size=part_size)


def test_a_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    """A writer that keeps appending cannot keep prepare reading."""
    path = tmp_path / "f"
    path.write_bytes(bytes(4 * MIB))

    def advance(_count: int) -> None:
        append(path)

    with pytest.raises(FileError, match="its size was 4194304, then"):
        hash_file(str(path), advance=advance, part_size=MIB)


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_many_files_are_hashed_as_one_is(tmp_path: Path, count: int) -> None:
    paths = make_files(tmp_path, count)
    counted: list[int] = []
    hashed = list(hash_files(paths, advance=counted.append))
    assert hashed == [hash_file(path, advance=ignore) for path in paths]
    assert sum(counted) == total_size(paths)


def test_large_files_among_many_are_cut_into_parts(tmp_path: Path) -> None:
    paths = make_files(tmp_path, 100)
    os.truncate(paths[3], PART)
    os.truncate(paths[50], PART + 1)
    counted: list[int] = []
    hashed = list(hash_files(paths, advance=counted.append))
    assert [len(hashed[place].parts) for place in (0, 1, 3, 50)] == [0, 1, 1, 2]
    assert hashed[50] == hash_file(paths[50], advance=ignore)
    assert sum(counted) == total_size(paths)


@pytest.mark.parametrize("count", [10, 100])
def test_the_first_file_that_is_refused_is_named(tmp_path: Path, count: int) -> None:
    paths = make_files(tmp_path, count)
    os.mkfifo(tmp_path / "fifo")
    paths[5] = str(tmp_path / "fifo")
    paths[7] = str(tmp_path / "missing")
    with pytest.raises(FileError, match="fifo is a FIFO: expected a regular file"):
        list(hash_files(paths, advance=ignore))


def test_one_core_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = make_files(tmp_path, 70)
    several = list(hash_files(paths, advance=ignore))
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setattr(hashing, "hash_small_files", pytest.fail)
    assert list(hash_files(paths, advance=ignore)) == several


def test_interrupting_leaves_no_thread_and_no_process(tmp_path: Path) -> None:
    paths = make_files(tmp_path, 300)
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    before = (threading.active_count(), children.read_text())

    def interrupt(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(hash_files(paths, advance=interrupt))
    assert (threading.active_count(), children.read_text()) == before


def test_sizes_add_up_and_what_is_missing_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123")
    paths = [str(tmp_path / "f"), str(tmp_path / "f"), str(tmp_path / "none"), "a\0b"]
    assert total_size(paths) == 6


# Not ru_maxrss: a process inherits that of the one that started it.
MEASURE = """
import sys
from pathlib import Path
from signkit.prepare.hashing import hash_file
print(len(hash_file(sys.argv[1], advance=lambda count: None).parts))
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_content(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    os.truncate(path, 320 * MIB)
    said = subprocess.run(
        [sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True
    )
    parts, kibibytes = said.stdout.split()
    assert parts == "20"
    assert int(kibibytes) < 100 * 1024
