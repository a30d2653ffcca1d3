"""Processes that share out the hashing of many small files.

Each is a fresh interpreter that runs `worker.py`, isolated from the environment and the current
folder. It is started, not forked: the command may have threads by now (a progress bar has), and a
fork would copy their locks. Each is asked everything at once and answers into its pipe, so none
waits for the command, which may be busy with the answers before. Ctrl-C reaches only the command
itself, which then ends its workers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import IO, cast

from signkit.errors import FileError
from signkit.model.plan import FileIdentity, PlannedItem
from signkit.prepare.parts import choose_part_size
from signkit.prepare.worker import ANSWER, HANDED_BACK, HASHED_SETTLED, HEADER_SIZE
from signkit.verify.digest import Sha256

Answer = PlannedItem | None
"""What was computed of a file of one part; None where it was handed back."""

_MOST_PROCESSES = 8
_MOST_IN_QUESTION = 1000
_PIPE_SIZE = 1024 * 1024  # so many answers fit that no process waits while others are taken
_LEAST_QUESTIONS_EACH = 4
_ROOT = str(Path(__file__).parents[2])
_PROGRAM = (  # os.nice: the command has more to do, so it comes first on a busy core
    f"import os, sys; os.nice(5); sys.path.insert(0, {_ROOT!r});"
    " from signkit.prepare.worker import serve; serve(sys.stdin.buffer, sys.stdout.buffer)"
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
        First nothing, once the processes are at work. Then some of the paths and an answer for
        each, until all were answered, in their order.

    Raises:
        FileError: a process cannot be started, or ended before its time.
    """
    size = min(_MOST_IN_QUESTION, len(paths) // (processes * _LEAST_QUESTIONS_EACH) + 1)
    questions = [paths[start : start + size] for start in range(0, len(paths), size)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(closing(_Worker(questions[place::processes])))
            for place in range(processes)
        ]
        yield (), []
        for question, worker in zip(questions, cycle(workers), strict=False):
            yield question, _read_answers(question, worker.answer(len(question)))


def _read_answers(paths: Sequence[str], data: bytes) -> list[Answer]:
    part_size = choose_part_size(0)
    answers: list[Answer] = []
    for path, answer in zip(paths, ANSWER.iter_unpack(data), strict=True):
        outcome, raw, device, inode, size, mtime_ns, ctime_ns = answer
        if outcome == HANDED_BACK:
            answers.append(None)
            continue
        digest, told = Sha256(raw), ctime_ns if outcome == HASHED_SETTLED else None
        identity = FileIdentity(device, inode, size, mtime_ns, told)
        parts = (digest,) if size else ()
        answers.append(PlannedItem(path, identity, digest, part_size, parts))
    return answers


class _Worker:
    """One process that answers its questions in their order."""

    def __init__(self, questions: Sequence[Sequence[str]]) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603  (this interpreter, our own program)
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
                pipesize=_PIPE_SIZE,
            )
        except OSError as error:
            message = f"a process to hash files cannot be started: {error.strerror}"
            raise FileError(message) from error
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._complaints = cast("IO[bytes]", self._process.stderr)
        self._asking = Thread(target=self._ask, args=(_encode_questions(questions),), daemon=True)
        self._asking.start()

    def answer(self, count: int) -> bytes:
        """Return the answers to the next question, which has so many paths."""
        expected = count * ANSWER.size
        data = self._answers.read(expected)
        if len(data) != expected:
            raise self._lost()
        return data

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._asking.join()
        self._answers.close()
        self._complaints.close()

    def _ask(self, data: bytes) -> None:
        with suppress(OSError), self._questions:  # a dead process is found out where it answers
            self._questions.write(data)

    def _lost(self) -> FileError:
        last = self._complaints.read().decode("utf-8", "replace").rstrip().rpartition("\n")[2]
        reason = f"with status {self._process.wait()}" + (f": {last}" if last else "")
        message = f"a process that hashes files ended before its time, {reason}"
        return FileError(message, hint="prepare again; a killed process may mean too little memory")


def _encode_questions(questions: Sequence[Sequence[str]]) -> bytes:
    encoded = [os.fsencode("\0".join(question)) for question in questions]
    return b"".join([len(each).to_bytes(HEADER_SIZE, "little") + each for each in encoded])
