"""Run mutmut over what decides on a device, and print what no test noticed.

A survivor is a change after which every test still passes. One that changes nothing that anybody
could see is listed, with the reason, in scripts/mutate.toml; any other of the verdict's modules
fails the run, and so does what is listed in vain. mutmut changes what stands in functions: constants
of modules are left to the tests of limits and formats.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "mutants"
VERDICT = {
    "digest",
    "ed25519",
    "envelope",
    "judge",
    "permit",
    "state",
    "statement",
    "trust",
    "verdict",
}
_KILLED = {"killed", "caught by type check", "segfault"}
_CODEC = re.compile(r'"(?:ascii|utf-8|utf-16-be|latin-1)"', re.IGNORECASE)
_COLUMNS = ("mutants", "killed", "timeout", "equivalent", "survived")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change, and what became of it.

    Attributes:
        name: mutmut's, with a number that changes whenever the function does.
        module: The module below signkit/verify or signkit/device.
        fate: One of the columns of the table, except the first.
        change: The lines taken out and put in; empty where a test noticed.
    """

    name: str
    module: str
    fate: str
    change: tuple[str, ...] = ()


def main(modules: list[str]) -> int:
    """Run the mutants of some modules, or of all, and report."""
    shutil.rmtree(WORK, ignore_errors=True)  # results outlive the tests that they were made with
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2"]
    # Named even where it is all of them: only then does mutmut first run the tests of these by their
    # own ids, and end where an id leads to no test; later, that would pass for a change noticed.
    command += [f"signkit.*.{module}.*" for module in modules or ["*"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    listed = _listed()
    mutants = [each for each in _read(listed) if not modules or each.module in modules]
    if done.returncode or not mutants:
        print(done.stdout[-4000:], done.stderr[-4000:], file=sys.stderr)
        print("mutate: mutmut did not come to an end", file=sys.stderr)
        return 3
    _print_table(mutants)
    survivors = [each for each in mutants if each.fate == "survived"]
    for each in survivors:
        print(f"\n{each.name}", *each.change, sep="\n  ")
    stale = _stale(listed, mutants)
    for row in stale:
        print(f"\nscripts/mutate.toml lists what did not survive: {row}")
    return 1 if stale or any(each.module in VERDICT for each in survivors) else 0


def _listed() -> set[tuple[str, ...]]:
    """Return the changes that change nothing: its module, then its lines without white space."""
    entries = tomllib.loads((ROOT / "scripts" / "mutate.toml").read_text("utf-8"))["equivalent"]
    return {
        (entry["module"], *_lines("-", entry["was"]), *_lines("+", entry["becomes"]))
        for entry in entries
        if entry["why"]
    }


def _stale(listed: set[tuple[str, ...]], mutants: list[Mutant]) -> list[str]:
    """Return the listed changes that none of these is: the code is another, or a test notices now."""
    modules = {each.module for each in mutants}
    found = {_row(each.module, each.change) for each in mutants}
    return [" ".join(row) for row in sorted(listed - found) if row[0] in modules]


def _row(module: str, change: tuple[str, ...]) -> tuple[str, ...]:
    return module, *map(_bare, change)


def _bare(line: str) -> str:
    return "".join(line.split())


def _same_codec(change: tuple[str, ...]) -> bool:
    """Say whether only the case of a codec's name differs, which Python does not look at."""
    if len(change) != 2:
        return False
    was, becomes = (_CODEC.sub(lambda found: found[0].lower(), line[1:]) for line in change)
    return was == becomes


def _lines(sign: str, text: str) -> list[str]:
    return [_bare(f"{sign}{line}") for line in text.strip("\n").splitlines()]


def _read(listed: set[tuple[str, ...]]) -> list[Mutant]:
    found = []
    for path in sorted((WORK / "signkit").glob("*/*.meta")):
        codes = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        module = path.name.partition(".")[0]
        found += [_mutant(name, module, code, listed) for name, code in codes.items()]
    return [each for each in found if each.fate != "not checked"]


def _mutant(name: str, module: str, code: int | None, listed: set[tuple[str, ...]]) -> Mutant:
    status = status_by_exit_code[code]
    if status in _KILLED:
        return Mutant(name=name, module=module, fate="killed")
    if status in {"timeout", "not checked"}:
        return Mutant(name=name, module=module, fate=status)
    change = _change(name)
    known = _same_codec(change) or _row(module, change) in listed
    fate = "equivalent" if known else "survived"
    return Mutant(name=name, module=module, fate=fate, change=change)


def _change(name: str) -> tuple[str, ...]:
    """Return the lines of mutmut's diff that differ."""
    command = [sys.executable, "-m", "mutmut", "show", name]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [line for line in said.splitlines() if line[:1] in {"-", "+"}]
    return tuple(line for line in lines if line[:3] not in {"---", "+++"})


def _print_table(mutants: list[Mutant]) -> None:
    print("module".ljust(12), *(column.rjust(11) for column in _COLUMNS))
    modules = sorted({each.module for each in mutants})
    for module in [*modules, "all"]:
        chosen = [each for each in mutants if module in {each.module, "all"}]
        fates = Counter(each.fate for each in chosen)
        counts = (len(chosen), *(fates[column] for column in _COLUMNS[1:]))
        mark = "*" if module in VERDICT else " "
        print(f"{module}{mark}".ljust(12), *(str(count).rjust(11) for count in counts))
    print("* the verdict: none may survive here. A timeout counts as noticed.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
