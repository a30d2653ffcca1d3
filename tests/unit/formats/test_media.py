"""A stick is looked at by its names alone: what is no request is passed over, whatever it is."""

import os
import socket
from pathlib import Path

import pytest

from signkit.errors import FileError
from signkit.formats.media import list_requests


def names(folder: Path) -> list[str]:
    return [each.path.name for each in list_requests(folder).requests]


def test_lists_requests_by_name_with_size_and_answer(tmp_path: Path) -> None:
    for name, size in (("b.request.json", 3), ("a.request.json", 0), ("a.response.json", 9)):
        (tmp_path / name).write_bytes(b"x" * size)
    stick = list_requests(tmp_path)
    assert [(each.path, each.size, each.answered) for each in stick.requests] == [
        (tmp_path / "a.request.json", 0, True),
        (tmp_path / "b.request.json", 3, False),
    ]
    assert stick.others == 1


def test_passes_over_whatever_is_no_regular_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacker: gives links, FIFOs, sockets and folders the name of a request."""
    (tmp_path / "elsewhere").write_bytes(b"x")
    (tmp_path / "link.request.json").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "nowhere.request.json").symlink_to(tmp_path / "none")
    (tmp_path / "folder.request.json").mkdir()
    (tmp_path / "folder.request.json" / "inner.request.json").touch()
    os.mkfifo(tmp_path / "fifo.request.json")
    monkeypatch.chdir(tmp_path)  # a socket path may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.request.json")
        assert list_requests(tmp_path) == ((), 6)


@pytest.mark.parametrize(
    "name",
    [
        ".request.json",
        "._model.request.json",  # what macOS leaves beside each file
        "model.request.json.lnk",
        "model.request.JSON",
        "autorun.inf",
        "request.json",
        "model.plan.json",
    ],
)
def test_passes_over_other_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert list_requests(tmp_path) == ((), 1)


@pytest.mark.parametrize(
    "name", [b"a\x1b[2J.request.json", b"\xff.request.json", b"a\n.request.json"]
)
def test_keeps_names_as_they_are(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).touch()
    assert names(tmp_path) == [os.fsdecode(name)]


@pytest.mark.parametrize("folder", ["none", "file"])
def test_says_which_folder_cannot_be_read(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=f"{folder} cannot be read: no"):
        list_requests(tmp_path / folder)
