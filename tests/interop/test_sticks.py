"""A ceremony on real FAT and exFAT: no permissions, no links of any kind, names folded."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from signkit.errors import FileError
from signkit.formats.files import PRIVATE_MODE, write_and_read_back, write_new
from signkit.formats.media import list_requests
from signkit.formats.response import open_response
from tests.support.commands import Machine
from tests.support.documents import request_file
from tests.support.sticks import KINDS, CannotMountError, mounted

pytestmark = pytest.mark.slow

REQUEST = request_file()


@pytest.fixture(scope="module", params=KINDS)
def drive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("stick")
        try:
            root = stack.enter_context(mounted(request.param, folder))
        except CannotMountError as error:
            pytest.skip(f"no {request.param} here: {error}")
        yield root


@pytest.fixture
def stick(drive: Path) -> Path:
    """The drive, empty."""
    for path in drive.iterdir():
        path.unlink()
    return drive


@pytest.fixture
def station(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.new_key()
    return made


def test_it_is_what_it_is_said_to_be(stick: Path) -> None:
    (stick / "f").touch()
    with pytest.raises(OSError, match=r"not (permitted|supported|implemented)") as caught:
        os.link(stick / "f", stick / "g")
    assert caught.value.errno in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
    with pytest.raises(OSError, match=r"not (permitted|supported|implemented)"):
        (stick / "l").symlink_to("f")


def test_a_ceremony_twice(stick: Path, station: Machine) -> None:
    (stick / "model.request.json").write_bytes(REQUEST)
    (stick / "AUTORUN.INF").write_bytes(b"[autorun]")
    digest = sha256(REQUEST).hexdigest()
    options = ("--key", "prod", "--passphrase-file", "pw", "--yes-to", digest)
    for _again in range(2):  # the second time the same response is given out again
        ran = station.run("sign", "--media", stick, *options)
        assert ran.code == 0, ran.err
        assert f"safe to remove after: umount {stick}" in ran.err
        data = (stick / "model.response.json").read_bytes()
        assert open_response(data).response.sequence == 1
    names = sorted(path.name for path in stick.iterdir())
    assert names == ["AUTORUN.INF", "model.request.json", "model.response.json"]


def test_files_are_written_and_never_overwritten_without_links(stick: Path) -> None:
    write_new(stick / "f", b"one")
    with pytest.raises(FileError, match="exists already"):
        write_new(stick / "f", b"two")
    write_and_read_back(stick / "f", os.urandom(3_000_000), replace=True)
    assert [path.name for path in stick.iterdir()] == ["f"]


def test_a_private_key_is_refused_where_others_could_read_it(stick: Path) -> None:
    (stick / "f").touch()
    if not (stick / "f").stat().st_mode & 0o077:
        pytest.skip("this driver lets nobody else in")
    (stick / "f").unlink()
    with pytest.raises(FileError, match="cannot hold a private file"):
        write_new(stick / "key.pem", b"secret", mode=PRIVATE_MODE)
    assert list(stick.iterdir()) == []


def test_a_full_stick_is_said_and_left_as_it_was(stick: Path) -> None:
    (stick / "model.request.json").write_bytes(REQUEST)
    with pytest.raises(FileError, match="cannot be written: "):
        write_and_read_back(stick / "model.response.json", bytes(64 * 1024 * 1024))
    assert [each.path.name for each in list_requests(stick).requests] == ["model.request.json"]
    assert len(list(stick.iterdir())) == 1
