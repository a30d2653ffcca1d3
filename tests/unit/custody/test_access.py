"""Who may read a private key file (F28)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from signkit.custody.access import check_private_file, check_private_folder, make_private_folder
from signkit.errors import CustodyError, FileError


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "k.pem"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_ones_own_is_accepted(key: Path, mode: int) -> None:
    key.chmod(mode)
    check_private_file(key, key.stat())


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o660, 0o620, 0o604, 0o601])
def test_a_file_open_to_others_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(CustodyError, match=f"expected mode 600, got {mode:o}") as caught:
        check_private_file(key, key.stat())
    assert caught.value.hint == f"chmod 600 {key}"


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o702])
def test_a_folder_that_others_may_write_is_refused(key: Path, mode: int) -> None:
    """Attacker: puts another key in the place of this one."""
    key.parent.chmod(mode)
    with pytest.raises(CustodyError, match="can be written by others") as caught:
        check_private_file(key, key.stat())
    assert caught.value.hint == f"chmod go-w {key.parent}"


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o1777])
def test_a_folder_where_others_cannot_replace_it_is_accepted(key: Path, mode: int) -> None:
    key.parent.chmod(mode)
    check_private_file(key, key.stat())


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_or_folder_of_somebody_else_is_refused(
    key: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    status = key.stat()
    if what == "file":
        fields = list(status)
        fields[stat.ST_UID] = 4711
        status = os.stat_result(fields)
    else:
        monkeypatch.setattr(Path, "stat", lambda _path: os.stat_result([0o40700, *[4711] * 9]))
    with pytest.raises(CustodyError, match="belongs to user 4711"):
        check_private_file(key, status)


def test_makes_folders_for_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    make_private_folder(tmp_path / "a" / "b")
    os.umask(before)
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    make_private_folder(tmp_path / "a" / "b")


def test_refuses_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(FileError, match="is not a folder"):
        make_private_folder(tmp_path / "f")
    with pytest.raises(FileError, match=r"cannot be made: (not a directory|file exists)"):
        make_private_folder(tmp_path / "f" / "g")
    with pytest.raises(FileError, match="cannot be read: no such file"):
        check_private_folder(tmp_path / "none")
