"""What the hashing process answers, asked without the process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from signkit.prepare.worker import ANSWER, HANDED_BACK, HASHED, HASHED_SETTLED, SMALL_SIZE, serve

ROOT = str(Path(__file__).parents[3])


def ask(*paths: Path | str) -> list[tuple[Any, ...]]:
    question = b"\0".join(os.fsencode(path) for path in paths)
    answers = BytesIO()
    serve(BytesIO(len(question).to_bytes(4, "little") + question), answers)
    return list(ANSWER.iter_unpack(answers.getvalue()))


@pytest.mark.parametrize("size", [0, 1, 1024, 256 * 1024, 256 * 1024 + 1, SMALL_SIZE])
def test_answers_digest_and_identity(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(os.urandom(size))
    status = path.stat()
    (answer,) = ask(path)
    digest = sha256(path.read_bytes()).digest()
    assert answer == (
        HASHED,
        digest,
        status.st_dev,
        status.st_ino,
        size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def test_answers_in_order_and_goes_on_after_a_bad_path(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
    answers = ask(paths[0], tmp_path / "none", paths[1], "", paths[2])
    digests = [answer[1] for answer in answers if answer[0] != HANDED_BACK]
    assert digests == [sha256(name).digest() for name in (b"a", b"b", b"c")]
    assert [place for place, answer in enumerate(answers) if answer[0] == HANDED_BACK] == [1, 3]


def test_a_settled_file_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").touch()
    later = time.time_ns() + 3_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert ask(tmp_path / "f")[0][0] == HASHED_SETTLED


def test_hands_back_what_is_large_without_reading_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").touch()
    os.truncate(tmp_path / "f", SMALL_SIZE + 1)
    monkeypatch.setattr(os, "open", pytest.fail)
    assert ask(tmp_path / "f")[0][0] == HANDED_BACK


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_hands_back_what_is_no_regular_file_without_opening_it(
    tmp_path: Path, make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "f")
    monkeypatch.setattr(os, "open", pytest.fail)
    assert ask(tmp_path / "f")[0][0] == HANDED_BACK


def test_hands_back_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    read, readv = os.read, os.readv

    def append() -> None:
        with path.open("ab") as file:
            file.write(b"4")

    def append_then_read(descriptor: int, count: int) -> bytes:
        append()
        return read(descriptor, count)

    def append_then_readv(descriptor: int, views: tuple[memoryview]) -> int:
        append()
        return readv(descriptor, views)

    monkeypatch.setattr(os, "read", append_then_read)
    monkeypatch.setattr(os, "readv", append_then_readv)
    for size in (3, 300_000):
        path.write_bytes(bytes(size))
        assert ask(path)[0][0] == HANDED_BACK


def test_hands_back_what_cannot_be_read() -> None:
    assert ask("/proc/self/mem")[0][0] == HANDED_BACK
    assert ask("/proc/self/maps")[0][0] == HANDED_BACK


def test_starts_with_the_standard_library_alone() -> None:
    """It runs without the site's packages, and must not pay for what it does not use."""
    program = (
        f"import sys; sys.path.insert(0, {ROOT!r}); import signkit.prepare.worker;"
        "print(*(n for n in sys.modules if n in {'dataclasses', 'typing', 'nacl', 'socket'}"
        " or n.startswith('signkit.verify.')))"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert set(said.stdout.split()) == {"signkit.verify.limits"}
