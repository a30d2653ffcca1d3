from __future__ import annotations

import threading

import pytest

from signkit.errors import RegistryError
from signkit.registry.folder import open_data_folder, server_lock, setup_lock


def test_the_secret_stays(tmp_path):
    first = open_data_folder(tmp_path / "a" / "b")
    assert open_data_folder(tmp_path / "a" / "b") == first
    assert len(first.secret) == 32
    assert (tmp_path / "a" / "b" / "secret").stat().st_mode & 0o777 == 0o600
    assert first.database_path.parent == first.content_path.parent == first.path


def test_a_damaged_secret(tmp_path):
    open_data_folder(tmp_path / "d")
    (tmp_path / "d" / "secret").write_bytes(b"short")
    with pytest.raises(RegistryError, match="expected 32 bytes, got 5"):
        open_data_folder(tmp_path / "d")


def test_a_secret_that_was_half_written(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "secret.tmp").write_bytes(b"half")
    assert len(open_data_folder(tmp_path / "d").secret) == 32
    assert not (tmp_path / "d" / "secret.tmp").exists()


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RegistryError, match=r"data folder .*file"):
        open_data_folder(tmp_path / "file")


def test_one_server(tmp_path):
    with (
        server_lock(tmp_path),
        pytest.raises(RegistryError, match="another registry"),
        server_lock(tmp_path),
    ):
        pass
    with server_lock(tmp_path):
        pass


def test_set_up_waits_for_set_up(tmp_path):
    entered = threading.Event()

    def second():
        with setup_lock(tmp_path):
            entered.set()

    waiting = threading.Thread(target=second)
    with setup_lock(tmp_path):
        waiting.start()
        assert not entered.wait(0.2)
    waiting.join(20)
    assert entered.is_set()
