"""What `scripts/fuzz` runs: every target in turn, two at a time, and the differential.

Exits with 0 where nothing failed, 1 where something did, 2 for a wrong command, and 3 where the
fuzzing engine is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from random import SystemRandom
from time import monotonic, sleep

from tests.fuzz.seeds import ROOT, SHARED, has_corpus

# What imports signkit is imported late: the engine instruments what is imported after it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from tests.fuzz.engine import Outcome, Running

HOME = ROOT / ".fuzz"
_PROCESSES = 2
_LEAST = 0.5  # seconds of one target, however many there are
_TICK = 0.02  # seconds
_KEPT = 10  # differences; one would do
_DIFFERENTIAL = "differential"


def main() -> int:
    """Parse the command and run it."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together")
    parser.add_argument("--input", type=Path, help="give this one file to the one TARGET")
    parser.add_argument("--list", action="store_true", help="print the names of the targets")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    if options.input is not None:
        if len(options.targets) != 1:
            parser.error("--input goes with the one TARGET that it failed")
        return _reproduce(options.targets, options.input)
    return _fuzz(options.targets, options.seconds, only_list=options.list)


def _reproduce(names: Sequence[str], path: Path) -> int:
    """Give one input to one target, without the engine."""
    from tests.fuzz import differential
    from tests.fuzz.target import try_input
    from tests.fuzz.targets import TARGETS

    (name,) = names
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            if name == _DIFFERENTIAL:
                differential.check_input(path.read_bytes())
                said = "one answer"
            else:
                said = "accepted" if try_input(TARGETS[name], path.read_bytes()) else "refused"
        except BaseException:  # whatever it is, it is what is asked for
            traceback.print_exc()
            return 1
    print(f"fuzz: {name}: {said}, as it should be")
    return 0


def _fuzz(names: Sequence[str], seconds: int, *, only_list: bool) -> int:
    try:
        import atheris
    except ImportError as error:
        print(f"fuzz: atheris is not there, so nothing was fuzzed: {error}", file=sys.stderr)
        return 3
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until a child's engine listens to it
    with redirect_stderr(StringIO()), atheris.instrument_imports(include=["signkit"]):
        from tests.fuzz.targets import TARGETS
    known = [*TARGETS, _DIFFERENTIAL]
    if unknown := set(names) - set(known):
        print(f"fuzz: no target {', '.join(sorted(unknown))}; see --list", file=sys.stderr)
        return 2
    wanted = [name for name in reversed(known) if name in names or not names]
    if only_list:
        print("\n".join(reversed(wanted)))
        return 0
    print(f"fuzz: seeds: {_describe_seeds()}")
    return _report(_run_all(wanted, seconds))


def _describe_seeds() -> str:
    if has_corpus():
        return "tests/vectors and the shared corpus"
    return f"tests/vectors only: there is no shared corpus at ../{SHARED.relative_to(ROOT.parent)}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table, and where its failures are."""

    cells: tuple[str, ...]
    failures: tuple[Path, ...]
    log: str = ""


def _run_all(names: Sequence[str], seconds: int) -> list[Row]:
    """Run the targets, two processes at a time, sharing out what is left of the time."""
    from tests.fuzz.engine import Running
    from tests.fuzz.targets import TARGETS

    waiting, end = deque(names), monotonic() + seconds
    running: dict[int, Running | _Comparing] = {}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="signkit-fuzz-") as folder:
        tempfile.tempdir = folder
        work = Path(folder)
        while waiting or running:
            if waiting and len(running) < _PROCESSES:
                share = max(_LEAST, (end - monotonic()) * _PROCESSES / len(waiting))
                name = waiting.popleft()
                started: Running | _Comparing = (
                    _Comparing(work)
                    if name == _DIFFERENTIAL
                    else Running(TARGETS[name], seconds=share, home=HOME, work=work)
                )
                running[started.process] = started
            else:
                rows += _finished(running)
    return rows


def _finished(running: dict[int, Running | _Comparing]) -> list[Row]:
    """Stop whose time is over, and return the row of one that has ended, if one has."""
    process, status = os.waitpid(-1, os.WNOHANG)
    if process in running:
        outcome = running.pop(process).finish(status)
        return [outcome if isinstance(outcome, Row) else _row(outcome)]
    for each in running.values():
        if each.is_over():
            each.stop()
    sleep(_TICK)
    return []


def _row(found: Outcome) -> Row:
    numbers = (found.executions, found.accepted, found.seeds, found.found)
    coverage = "{} -> {}".format(*found.coverage)
    cells = (found.name, *map(str, numbers), coverage, str(len(found.failures)))
    return Row(cells=cells, failures=found.failures, log=found.log)


class _Comparing:
    """The differential under way in a child process."""

    def __init__(self, work: Path) -> None:
        from tests.fuzz.engine import in_child

        self._result, self._seed = work / "differential.json", SystemRandom().randrange(2**32)
        self.process = os.fork()
        if not self.process:
            in_child(self._run)

    def _run(self) -> None:
        from tests.fuzz import differential

        found = differential.compare(differential.COUNT, seed=self._seed)
        different = [triple.encode().decode() for triple in found.differences]
        self._result.write_text(json.dumps([found.answers, different]))

    def is_over(self) -> bool:
        """Say no: it ends after its count, not its time."""
        return False

    def stop(self) -> None:
        """Do nothing, as nobody asks for it."""

    def finish(self, status: int) -> Row:
        """Return the line of the table; `coverage` says what would show a vacuous run."""
        if status:
            return Row(cells=(_DIFFERENTIAL, "0", "-", "-", "-", "it died", "1"), failures=(HOME,))
        from tests.fuzz.differential import COUNT

        answers, different = json.loads(self._result.read_text())
        paths = [self._keep(place, text) for place, text in enumerate(different[:_KEPT])]
        said = f"{answers['enrols']} keys enrol"
        numbers = (str(COUNT), str(answers["verifies"]), f"seed {self._seed}", "-")
        cells = (_DIFFERENTIAL, *numbers, said, str(len(different)))
        return Row(cells=cells, failures=tuple(paths))

    def _keep(self, place: int, text: str) -> Path:
        path = HOME / "failures" / _DIFFERENTIAL / f"{self._seed}-{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


_HEAD = ("target", "executions", "accepted", "seeds", "new inputs", "coverage", "failures")


def _report(rows: Sequence[Row]) -> int:
    table = [_HEAD, *sorted(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEAD))]
    for name, *cells in table:
        print(name.ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells, widths[1:], strict=True)))
    executed = sum(int(row.cells[1]) for row in rows)
    failed = [row for row in rows if row.failures]
    print(f"fuzz: {len(rows)} targets, {executed} executions, {len(failed)} of them failed")
    for row in failed:
        _explain(row)
    return 1 if failed else 0


def _explain(row: Row) -> None:
    said = [line for line in row.log.splitlines() if "Error" in line or line.startswith("ERROR")]
    print(f"\nfuzz: {row.cells[0]} failed: {said[0].strip() if said else 'see the input'}")
    for path in row.failures:
        print(f"  scripts/fuzz --input {path.relative_to(ROOT)} {row.cells[0]}")


if __name__ == "__main__":
    sys.exit(main())
