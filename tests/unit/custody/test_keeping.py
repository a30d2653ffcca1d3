"""Wiping a private key file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signkit.custody.keeping import wipe_private
from signkit.errors import FileError

SECRET = b"-----BEGIN SECRET-----" * 10_000


def test_a_file_is_overwritten_and_removed(tmp_path: Path) -> None:
    path, link = tmp_path / "prod.pem", tmp_path / "other-name"
    path.write_bytes(SECRET)
    link.hardlink_to(path)  # the very bytes of the file, seen by another name
    wipe_private(path)
    assert not path.exists()
    assert link.read_bytes() == bytes(len(SECRET))


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "prod.pem").touch()
    wipe_private(tmp_path / "prod.pem")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["missing", "link", "folder", "fifo"])
def test_what_is_no_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "prod.pem", tmp_path / "target"
    target.write_bytes(SECRET)
    if kind == "link":
        path.symlink_to(target)
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(FileError, match=r"prod.pem (cannot be wiped: |is not a regular file)"):
        wipe_private(path)
    assert target.read_bytes() == SECRET
    assert os.path.lexists(path) == (kind != "missing")


def test_a_fifo_with_a_reader_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "prod.pem"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(FileError, match=r"is not a regular file$"):
            wipe_private(path)
    finally:
        os.close(reader)
