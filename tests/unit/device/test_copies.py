"""Copies: they appear only after the verdict, whole, and never over something else."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.support.device import Device
from tests.support.documents import CONTENT


def left(device: Device) -> list[str]:
    return [path.name for path in device.folder.iterdir() if "out" in path.name]


def copied(device: Device, *arguments: str) -> int:
    return device.run(*arguments, "--key", "public.pem", "--output", "out")


def test_a_file(device: Device) -> None:
    assert copied(device, "model.bin") == 0
    assert (device.folder / "out").read_bytes() == CONTENT
    assert left(device) == ["out"]


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, (1 << 20) + 1, 9 << 20])
def test_of_every_size(device: Device, size: int) -> None:
    content = os.urandom(size)
    assert copied(device, device.release(content=content)) == 0
    assert (device.folder / "out").read_bytes() == content


def test_several_go_into_a_new_folder(device: Device) -> None:
    device.release(1, "b.bin", b"b")
    assert copied(device, "model.bin", "b.bin") == 0
    found = {path.name: path.read_bytes() for path in (device.folder / "out").iterdir()}
    assert found == {"model.bin": CONTENT, "b.bin": b"b"}


def test_a_list_of_one_is_a_list(device: Device) -> None:
    device.write("list", b"model.bin\0")
    assert copied(device, "--files-from", "list") == 0
    assert (device.folder / "out" / "model.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"\0", CONTENT.swapcase(), b""])
def test_nothing_is_left_of_a_refused_one(device: Device, content: bytes) -> None:
    device.write("model.bin", content)
    assert copied(device, "model.bin") == 10
    assert left(device) == []
    device.release(1, "a.bin", b"a")
    assert copied(device, "a.bin", "model.bin") == 10
    assert left(device) == []


def test_nothing_is_replaced_unless_it_is_said(device: Device) -> None:
    for make, code in (
        (lambda path: path.write_bytes(b"old"), 0),
        (Path.mkdir, 8),
        (lambda path: path.symlink_to("model.bin"), 8),
        (lambda path: path.symlink_to("nowhere"), 8),
        (os.mkfifo, 8),
    ):
        path = device.folder / "out"
        make(path)
        assert copied(device, "model.bin") == 8
        assert "out exists already" in device.err
        assert copied(device, "model.bin", "--force") == code
        assert copied(device, "model.bin", "model.bin.statement.json", "--force") == 8
        assert left(device) == ["out"]
        path.rmdir() if path.is_dir() else path.unlink()
    assert (device.folder / "model.bin").read_bytes() == CONTENT


def test_two_files_of_one_name(device: Device) -> None:
    for name in ("a", "b"):
        (device.folder / name).mkdir()
        device.release(1, "model.bin")
        for suffix in ("", ".statement.json"):
            os.link(f"model.bin{suffix}", f"{name}/model.bin{suffix}")
    assert copied(device, "a/model.bin", "b/model.bin") == 2
    assert left(device) == []


def test_a_folder_that_is_not_there(device: Device) -> None:
    for output in ("none/out", "model.bin/out", "nul\0byte", ""):
        assert device.run("model.bin", "--key", "public.pem", "--output", output) == 8, output


def test_a_file_system_that_is_full(device: Device) -> None:
    """F09: the copy is too large for what is left. 8, and nothing of it stays."""
    content = os.urandom(1 << 20)
    device.release(content=content)
    command = [sys.executable, "-m", "signkit.verify", "model.bin", "--key", "public.pem"]
    limited = ["bash", "-c", 'ulimit -f 512; exec "$@"', "bash", *command, "--output", "out"]
    done = device.process(limited)
    assert done.returncode == 8, done.stderr
    assert done.stderr.startswith("error: out cannot be written: File too large")
    assert left(device) == []


def test_a_leftover_is_never_part_of_a_copy(device: Device) -> None:
    """Contract 5.2 [B]: some installers append to what a failed attempt has left."""
    device.write("model.bin", b"left over" + CONTENT)
    assert copied(device, "model.bin") == 10
    device.write("out", b"left over")
    device.write("model.bin", CONTENT)
    assert copied(device, "model.bin", "--force") == 0
    assert (device.folder / "out").read_bytes() == CONTENT
