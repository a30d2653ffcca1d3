"""Run a verifier, as a black box, through a case.

A verifier is a command. Exit code 0 is yes, 1 to 125 is no, and everything else (a signal, a timeout, a
program that is not there, a crash that prints itself) is a failure, whatever was expected.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.case import (
    ACCEPT,
    CAPABILITIES,
    EITHER,
    REFUSE,
    Case,
    File,
    Folder,
    Missing,
    Pipe,
    Sparse,
    Step,
)

SECONDS = 60  # for one call, by the clock on the wall
LAST_EXIT_CODE = 125  # what is above belongs to shells: not found, not executable, signals
CRASHES = (b"Traceback (most recent call last)", b"Sanitizer:", b"panicked at")
# What the harness does to the folder of a verifier's state, without knowing what is in it.
TAMPERINGS = ("remove", "empty", "cut", "flip", "replace-by-folders")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A verifier under test.

    Attributes:
        name: For the table.
        command: What is run, before the sub-command.
        lacks: The capabilities that it says it does not have.
        seconds: How long a call may take, by the clock on the wall.
    """

    name: str
    command: tuple[str, ...]
    lacks: frozenset[str] = frozenset()
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one case.

    Attributes:
        state: "pass", "fail" or "n/a".
        says: Which step went wrong and how; or what the verifier lacks.
    """

    state: str
    says: str = ""


def ask(name: str, command: Sequence[str]) -> Verifier:
    """Ask a verifier what it lacks, and return it.

    Raises:
        ValueError: it says something that is no capability.
    """
    done = subprocess.run(
        [*command, "lacks"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    words = done.stdout.decode("utf-8", "replace").split() if done.returncode == 0 else []
    for word in words:
        if word not in CAPABILITIES:
            message = f"{name} lacks: expected any of {', '.join(CAPABILITIES)}, got {word!r}"
            raise ValueError(message)
    return Verifier(name, tuple(command), frozenset(words))


def judge(verifier: Verifier, case: Case, folder: Path) -> Verdict:
    """Run one case in an empty folder of its own."""
    lacking = case.needs & verifier.lacks
    if lacking:
        return Verdict("n/a", f"lacks {', '.join(sorted(lacking))}")
    state = folder / "state"
    state.mkdir(parents=True)
    for number, step in enumerate(case.make(), 1):
        if step.command == "tamper":
            tamper(state, step.options[0])
            continue
        place = folder / f"{number}-{step.command}"
        said, why = call(verifier, step, arguments(step, state, lay_out(step, place)))
        if said not in allowed(step.expect):
            return Verdict("fail", f"step {number}, {step.command}: {step.expect}, got {said}{why}")
    return Verdict("pass")


def allowed(expect: str) -> tuple[str, ...]:
    """Return what a step may answer; a failure is never among it."""
    return (ACCEPT, REFUSE) if expect == EITHER else (expect,)


def lay_out(step: Step, folder: Path) -> list[Path]:
    """Write the files of a step and return their paths."""
    folder.mkdir()
    return [put(folder / name, file) for name, file in step.files]


def put(path: Path, file: File) -> Path:
    """Write one file, whatever it is to be."""
    if isinstance(file, bytes):
        path.write_bytes(file)
    elif isinstance(file, Sparse):
        with path.open("wb") as stream:
            stream.truncate(file.size)
    elif isinstance(file, Folder):
        path.mkdir()
    elif isinstance(file, Pipe):
        os.mkfifo(path)
    else:
        assert isinstance(file, Missing)
    return path


def arguments(step: Step, state: Path, paths: Sequence[Path]) -> list[str]:
    """Return a step's command line: files first, but those that an option names in its place."""
    named = {path.name: str(path) for path in paths if path.name in step.options}
    first = [str(path) for path in paths if path.name not in named]
    return [step.command, str(state), *first, *(named.get(each, each) for each in step.options)]


def call(verifier: Verifier, step: Step, words: Sequence[str]) -> tuple[str, str]:
    """Call a verifier once.

    Returns:
        ACCEPT, REFUSE or "failure"; and an excerpt of what it said, for people.
    """
    words = [*verifier.command, *words]
    if step.seconds is not None:  # of processor time: how busy the machine is does not matter
        words = ["sh", "-c", f'ulimit -t {step.seconds} && exec "$@"', "sh", *words]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, error = process.communicate(timeout=verifier.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return "failure", f": no answer within {verifier.seconds} s"
    return outcome(process.returncode, error), excerpt(error)


def outcome(code: int, error: bytes) -> str:
    """Say what an exit code means."""
    if code == 0:
        return ACCEPT
    if code < 0 or code > LAST_EXIT_CODE or any(crash in error for crash in CRASHES):
        return f"failure ({f'signal {-code}' if code < 0 else f'exit {code}'})"
    return REFUSE


def excerpt(error: bytes) -> str:
    """Return the first line of what it said, of a traceback the last; short, as plain text."""
    lines = error.decode("utf-8", "replace").strip().splitlines()
    line = lines[-1 if lines[0].startswith("Traceback") else 0] if lines else ""
    return f": {ascii(line)[1:-1]:.160}" if line else ""


def tamper(state: Path, how: str) -> None:
    """Damage whatever a verifier keeps, file by file."""
    change = _CHANGES[how]
    files = [path for path in sorted(state.rglob("*")) if path.is_file()]
    assert files, "a verifier that keeps state has a file there"
    for path in files:
        change(path)


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    if data:
        data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


_CHANGES: dict[str, Callable[[Path], object]] = {
    "remove": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": _cut,
    "flip": _flip,
    "replace-by-folders": _folder,
}
assert tuple(_CHANGES) == TAMPERINGS


def run(
    verifiers: Sequence[Verifier],
    cases: Sequence[Case],
    folder: Path,
    *,
    jobs: int = 2,
    keep: bool = False,
) -> dict[str, dict[str, Verdict]]:
    """Run every verifier through every case.

    Args:
        verifiers: Their names differ.
        cases: So do theirs.
        folder: For the cases' files and states.
        jobs: How many cases at a time.
        keep: Whether the files stay there.

    Returns:
        What came of each, by verifier and case.
    """

    def one(pair: tuple[Verifier, Case]) -> Verdict:
        verifier, case = pair
        place = folder / verifier.name / case.name
        verdict = judge(verifier, case, place)
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
        return verdict

    pairs = [(verifier, case) for case in cases for verifier in verifiers]
    with ThreadPoolExecutor(jobs) as threads:
        verdicts = list(threads.map(one, pairs))
    found: dict[str, dict[str, Verdict]] = {verifier.name: {} for verifier in verifiers}
    for (verifier, case), verdict in zip(pairs, verdicts, strict=True):
        found[verifier.name][case.name] = verdict
    return found
