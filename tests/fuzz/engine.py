"""One target under libFuzzer, in a process of its own that was forked with everything imported."""

from __future__ import annotations

import mmap
import os
import re
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, NoReturn

from tests.fuzz.mutate_json import mutate_json
from tests.fuzz.target import INPUT_SIZE, Target, try_input

_INPUT_SECONDS = 20  # what hangs for good, on a busy machine too; `try_input` counts finer
_PROCESS_MIB = 1024
_AGAIN = 0.2  # seconds
_PATIENCE = 30  # seconds until the first input
_GRACE = 60  # seconds after which it ends by itself, where nobody asked
_OPTIONS = (
    f"-max_len={INPUT_SIZE}",
    f"-timeout={_INPUT_SECONDS}",
    f"-rss_limit_mb={_PROCESS_MIB}",
    "-handle_usr1=1",
)
_COVERAGE = re.compile(r"cov: (\d+)")
_COUNTS = struct.Struct("QQ")  # executions, accepted


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of fuzzing one target.

    Attributes:
        name: The target.
        executions: Inputs given to it.
        accepted: How many of them it accepted.
        seeds: Inputs it began with.
        found: Inputs that reached something new, kept for the next run.
        coverage: Branches reached by the seeds, and in the end.
        failures: Files with the inputs that failed.
        log: What libFuzzer said.
    """

    name: str
    executions: int
    accepted: int
    seeds: int
    found: int
    coverage: tuple[int, int]
    failures: tuple[Path, ...]
    log: str


class Running:
    """A target under way in a child process; ask it to `stop`, then have it `finish`."""

    def __init__(self, target: Target, *, seconds: float, home: Path, work: Path) -> None:
        """Begin.

        Args:
            target: The target.
            seconds: How long; whoever waits asks it to stop then.
            home: Where corpus and failures are kept from one run to the next.
            work: A folder of this run.
        """
        self._name, self._log = target.name, work / f"{target.name}.log"
        self._corpus, self._failures = (
            home / kind / target.name for kind in ("corpus", "failures")
        )
        seeds = work / target.name
        for folder in (self._corpus, self._failures, seeds):
            folder.mkdir(parents=True, exist_ok=True)
        self._seed_count = _write_seeds(target, seeds)
        self._corpus_before = set(self._corpus.iterdir())
        self._failures_before = _dated(self._failures)
        self._log.touch()
        self._counts = mmap.mmap(-1, _COUNTS.size)  # shared with the child, whatever becomes of it
        self._started = monotonic()
        self._ends = self._started + seconds
        self.process = os.fork()
        if not self.process:
            options = [f"-max_total_time={int(seconds) + _GRACE}", *_OPTIONS]
            options += [f"-artifact_prefix={self._failures}/"]
            options += map(str, (self._corpus, seeds, self._failures))  # what failed is tried again
            in_child(lambda: _run(target, options, self._log, self._counts, self._failures))

    def is_over(self) -> bool:
        """Say whether its time is over; what has not yet begun, on a busy machine, is waited for."""
        now = monotonic()
        begun = any(self._counts[:]) or now > self._started + _PATIENCE
        return begun and now > self._ends

    def stop(self) -> None:
        """Ask for an end after the input at hand; `is_over` says so again soon, if need be."""
        self._ends = monotonic() + _AGAIN
        os.kill(self.process, signal.SIGUSR1)

    def finish(self, status: int) -> Outcome:
        """Return what came of it; its process has ended with this status."""
        said = self._log.read_text("utf-8", "replace")
        failures = dict(_dated(self._failures) - self._failures_before).keys()
        executions, accepted = _COUNTS.unpack(self._counts[:])
        if not failures and (status or not executions):  # it ended without a word about an input
            failures = {_keep_log(self._failures, said): 0}.keys()
        covered = [int(each) for each in _COVERAGE.findall(said)] or [0]
        return Outcome(
            name=self._name,
            executions=executions,
            accepted=accepted,
            seeds=self._seed_count,
            found=len(set(self._corpus.iterdir()) - self._corpus_before),
            coverage=(covered[0], covered[-1]),
            failures=tuple(sorted(failures)),
            log=said,
        )


def _write_seeds(target: Target, folder: Path) -> int:
    seeds = dict.fromkeys(data for data in target.seeds() if len(data) <= INPUT_SIZE)
    for data in seeds:
        (folder / sha256(data).hexdigest()).write_bytes(data)
    return len(seeds)


def _dated(folder: Path) -> set[tuple[Path, int]]:
    """Return files with their times: an input that fails again is written again."""
    return {(path, path.stat().st_mtime_ns) for path in folder.iterdir()}


def _keep_log(failures: Path, said: str) -> Path:
    path = failures / "without-an-input.log"
    path.write_text(said)
    return path


def in_child(work: Callable[[], object]) -> NoReturn:
    """Do the work of a forked child, which never comes back to where its parent was."""
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _run(target: Target, options: list[str], log: Path, counts: mmap.mmap, failures: Path) -> None:
    import atheris

    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    executions = accepted = 0

    def one(data: bytes) -> None:
        nonlocal executions, accepted
        executions += 1
        try:
            accepted += try_input(target, data)
        except BaseException:
            (failures / f"crash-{sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise
        finally:
            counts[:] = _COUNTS.pack(executions, accepted)

    json_like = any(data[:1] in (b"{", b"[") for data in target.seeds())
    mutator = {"custom_mutator": _mutate_json_too} if json_like else {}
    atheris.Setup([sys.argv[0], *options], one, **mutator)
    atheris.Fuzz()


def _mutate_json_too(data: bytes, largest: int, seed: int) -> Any:
    import atheris

    random = Random(seed)
    changed = mutate_json(data, random) if random.random() < 0.5 else None
    if changed is None or len(changed) > largest:
        return atheris.Mutate(data, largest)
    return changed
