"""The table of docs/design/faults.md, and its tests run: `scripts/faults`."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "design" / "faults.md"
STATES = {"held", "part"}
_ROW = re.compile(r"[CFR]\d+[bc]?")
_SPAN = re.compile(r"`(tests/[^`]+)`")
_FILE = re.compile(r"\[([a-z0-9_]+\.(?:txt|http))[\]-]")


class Row(NamedTuple):
    """One row of the page."""

    name: str
    what: str
    state: str
    evidence: tuple[str, ...]


class Result(NamedTuple):
    """One test that ran."""

    node: str
    outcome: str


def rows() -> list[Row]:
    """Every row of the page's tables."""
    found = []
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and _ROW.fullmatch(cells[0]):
            name, what, state, evidence = cells
            found.append(Row(name, what, state, tuple(_SPAN.findall(evidence))))
    return found


def run(evidence: Iterable[str]) -> list[Result]:
    """Run tests, those that are left out by themselves as well."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "", f"--junitxml={report}"]
        command += [*dict.fromkeys(evidence)]
        subprocess.run(command, cwd=ROOT, check=False)
        cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314  (pytest's own)
        return [Result(_node(case), _outcome(case)) for case in cases]


def _node(case: ET.Element) -> str:
    """Return where a test stands, as pytest names it."""
    *modules, last = case.get("classname", "").split(".")
    path = "/".join([*modules, last]) + ".py"
    name = case.get("name", "")
    if last.startswith("Test"):
        return f"{'/'.join(modules)}.py::{last}::{name}"
    return f"{path}::{name}"


def _outcome(case: ET.Element) -> str:
    for kind, word in (("failure", "FAILED"), ("error", "FAILED"), ("skipped", "skipped")):
        if case.find(kind) is not None:
            return word
    return "passed"


def belongs(node: str, evidence: str) -> bool:
    """Say whether a test is one that a line of evidence names: itself, its class or its file."""
    plain = node.partition("[")[0]
    return plain == evidence or plain.startswith(f"{evidence}::")


def main() -> int:
    """Run, print; 1 where a row has no test that passed, or any that did not."""
    page = rows()
    results = run(span for row in page for span in row.evidence)
    bad = 0
    print(f"\n{'ROW':<6}{'STATE':<7}{'TESTS':>6}{'PASSED':>8}{'SKIPPED':>9}  RESULT  WHAT")
    for row in page:
        own = [each for each in results if any(belongs(each.node, span) for span in row.evidence)]
        counts = {word: sum(each.outcome == word for each in own) for word in ("passed", "skipped")}
        fine = counts["passed"] > 0 and sum(counts.values()) == len(own)
        bad += not fine
        verdict = "ok" if fine else "FAILED"
        figures = f"{len(own):>6}{counts['passed']:>8}{counts['skipped']:>9}"
        print(f"{row.name:<6}{row.state:<7}{figures}  {verdict:<8}{row.what[:90]}")
    print(f"\n{'FILE':<40}{'TEST':<48}RESULT")
    for each in results:
        file = _FILE.search(each.node)
        if file:
            test = each.node.partition("[")[0].rpartition("::")[2]
            print(f"{file[1]:<40}{test:<48}{each.outcome}")
    passed = sum(each.outcome == "passed" for each in results)
    print(f"\n{len(page)} rows, {bad} not held; {len(results)} tests, {passed} passed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
