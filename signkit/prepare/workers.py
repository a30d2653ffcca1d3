"""Processes that share out the hashing of many small files.

Each is a fresh interpreter that runs `worker.py`, isolated from the environment and the current
folder. It is started, not forked: the command may have threads by now (a progress bar has), and a
fork would copy their locks. One thread waits on each, so that questions and answers cannot block
one another. Ctrl-C reaches only the command itself, which then ends its workers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from signkit.errors import FileError
from signkit.model.plan import FileIdentity
from signkit.prepare.worker import ANSWER, HANDED_BACK, HASHED_SETTLED, HEADER_SIZE
from signkit.verify.digest import Sha256

Answer = tuple[Sha256, FileIdentity] | None
"""The digest of a file and the file it was taken from; None where it was handed back."""

_MOST_PROCESSES = 8
_MOST_IN_QUESTION = 5000
_LEAST_QUESTIONS_EACH = 4
_ROOT = str(Path(__file__).parents[2])
_PROGRAM = (
    f"import sys; sys.path.insert(0, {_ROOT!r}); from signkit.prepare.worker import serve;"
    " serve(sys.stdin.buffer, sys.stdout.buffer)"
)


def process_count() -> int:
    """Return how many processes are worth starting: one a core, within reason."""
    return min(os.cpu_count() or 1, _MOST_PROCESSES)


def hash_small_files(
    paths: Sequence[str], *, processes: int
) -> Generator[tuple[Sequence[str], list[Answer]]]:
    """Hash small files in other processes.

    Args:
        paths: Absolute paths without NUL bytes.
        processes: How many to start, from 1.

    Yields:
        Some of the paths and an answer for each, until all were answered, in their order.

    Raises:
        FileError: a process cannot be started, or ended before its time.
    """
    size = min(_MOST_IN_QUESTION, len(paths) // (processes * _LEAST_QUESTIONS_EACH) + 1)
    questions = [paths[start : start + size] for start in range(0, len(paths), size)]
    with _started(processes) as workers, ThreadPoolExecutor(processes) as threads:
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            idle.put(worker)

        def ask(question: Sequence[str]) -> bytes:
            worker = idle.get()
            try:
                return worker.ask(question)
            finally:
                idle.put(worker)

        try:
            for question, data in zip(questions, threads.map(ask, questions), strict=True):
                yield question, _read_answers(data)
        finally:
            for worker in workers:
                worker.kill()
            threads.shutdown(cancel_futures=True)


def _read_answers(data: bytes) -> list[Answer]:
    return [
        None
        if outcome == HANDED_BACK
        else (
            Sha256(digest),
            FileIdentity(
                device=device,
                inode=inode,
                size=size,
                mtime_ns=mtime_ns,
                ctime_ns=ctime_ns if outcome == HASHED_SETTLED else None,
            ),
        )
        for outcome, digest, device, inode, size, mtime_ns, ctime_ns in ANSWER.iter_unpack(data)
    ]


class _Worker:
    """One process that answers."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603  (this interpreter, our own program)
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
        except OSError as error:
            message = f"a process to hash files cannot be started: {error.strerror}"
            raise FileError(message) from error
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._complaints = cast("IO[bytes]", self._process.stderr)

    def ask(self, paths: Sequence[str]) -> bytes:
        question = b"\0".join([os.fsencode(path) for path in paths])
        expected = len(paths) * ANSWER.size
        try:
            self._questions.write(len(question).to_bytes(HEADER_SIZE, "little") + question)
            self._questions.flush()
            data = self._answers.read(expected)
        except OSError as error:
            raise self._lost() from error
        if len(data) != expected:
            raise self._lost()
        return data

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.kill()
        self._process.wait()
        self._answers.close()
        self._complaints.close()
        with suppress(OSError):  # a question that a dead process never took
            self._questions.close()

    def _lost(self) -> FileError:
        last = self._complaints.read().decode("utf-8", "replace").rstrip().rpartition("\n")[2]
        reason = f"with status {self._process.wait()}" + (f": {last}" if last else "")
        message = f"a process that hashes files ended before its time, {reason}"
        return FileError(message, hint="prepare again; a killed process may mean too little memory")


@contextmanager
def _started(count: int) -> Iterator[list[_Worker]]:
    workers: list[_Worker] = []
    try:
        workers.extend(_Worker() for _ in range(count))
        yield workers
    finally:
        for worker in workers:
            worker.close()
