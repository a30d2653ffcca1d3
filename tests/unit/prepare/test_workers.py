"""The hashing processes answer, die and are ended without harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from signkit.errors import FileError
from signkit.prepare import workers
from signkit.prepare.worker import ANSWER
from signkit.prepare.workers import hash_small_files, process_count

ROOT = str(Path(__file__).parents[3])


def make_files(folder: Path, count: int) -> list[str]:
    for number in range(count):
        (folder / f"{number:04}").write_text(f"content {number}")
    return [f"{folder}/{number:04}" for number in range(count)]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_path_is_answered_in_order(tmp_path: Path, processes: int) -> None:
    paths = make_files(tmp_path, 100)
    seen = list(hash_small_files(paths, processes=processes))
    assert [path for some, _answers in seen for path in some] == paths
    sizes = [answer.identity.size for _some, answers in seen for answer in answers if answer]
    assert sizes == [os.stat(path).st_size for path in paths]


def test_fewer_paths_than_processes(tmp_path: Path) -> None:
    at_work, (some, answers) = hash_small_files(make_files(tmp_path, 1), processes=4)
    assert at_work == ((), [])
    assert len(some) == len(answers) == 1


def test_questions_and_answers_larger_than_a_pipe(tmp_path: Path) -> None:
    """Both are above the 1 MiB that a pipe holds, and nobody reads until the last was asked."""
    path = tmp_path / ("x" * 200)
    path.touch()
    chunks = hash_small_files([str(path)] * 40_000, processes=2)
    next(chunks)
    time.sleep(0.5)
    answers = [answer for _some, answers in chunks for answer in answers]
    assert len(answers) == 40_000
    assert all(answers)
    assert len(answers) * ANSWER.size > 2 * 1024**2


def test_a_process_that_dies_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PROGRAM", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(FileError, match=r"ended before its time, with status -9$") as caught:
        list(hash_small_files(make_files(tmp_path, 9), processes=2))
    assert caught.value.hint is not None


def test_a_process_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PROGRAM", "import no_such_module")
    with pytest.raises(FileError, match=r"status 1: ModuleNotFoundError: .*no_such_module"):
        list(hash_small_files(make_files(tmp_path, 9), processes=1))


def test_half_an_answer_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import os; os.read(0, 4); os.write(1, b'x'); os._exit(0)"
    monkeypatch.setattr(workers, "_PROGRAM", program)
    with pytest.raises(FileError, match="ended before its time, with status 0"):
        list(hash_small_files(make_files(tmp_path, 9), processes=1))


def test_a_process_that_cannot_be_started_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with pytest.raises(FileError, match="cannot be started: No such file"):
        list(hash_small_files(make_files(tmp_path, 9), processes=2))


def test_closing_early_ends_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def remember(*args, **options) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", remember)
    chunks = hash_small_files(make_files(tmp_path, 100), processes=2)
    next(chunks)
    chunks.close()
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)
    assert all(process.stdin and process.stdin.closed for process in started)


COMMAND = f"""
import sys, time
sys.path.insert(0, {ROOT!r})
from signkit.prepare.workers import hash_small_files
for some, answers in hash_small_files([{__file__!r}] * 100, processes=2):
    print("hashing", flush=True)
    time.sleep(60)
"""


def child_pids(pid: int) -> set[str]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}


def wait_until_gone(pids: set[str]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}/cmdline").exists() and is_running(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_the_command(how: signal.Signals) -> None:
    """However the command ends, nothing of it goes on reading the disk."""
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with command:
        assert command.stdout
        assert command.stdout.readline() == b"hashing\n"
        children = child_pids(command.pid)
        command.send_signal(how)
        command.wait(timeout=20)
    assert len(children) == 2
    assert wait_until_gone(children)


def test_there_is_a_process_for_each_core_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, expected in ((None, 1), (1, 1), (2, 2), (64, 8)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert process_count() == expected
