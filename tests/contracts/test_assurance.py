"""The assurance case is in step: what it names exists, and what exists is named."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.suite import cases

ROOT = Path(__file__).resolve().parents[2]
DESIGN = ROOT / "docs" / "design"
CONTROL = re.compile(r"\bSK-[A-Z0-9]+(?:-[A-Z0-9]+)*\b")
CODE_SPAN = re.compile(r"`([^`]+)`")
STATES = {"held", "limitation", "absent", "open"}
ATTACK = re.compile(r"(?:RG|TUF|UP)-\d+|P\d\d")


class Control(NamedTuple):
    """A row of section 2."""

    name: str
    claim: str
    argument: str
    code: str
    evidence: str


class Attack(NamedTuple):
    """A row of section 3."""

    name: str
    controls: str
    state: str
    evidence: str


def rows(page: str, first: re.Pattern[str]) -> list[list[str]]:
    """Return the cells of every table row of a page whose first cell matches as a whole."""
    text = (DESIGN / page).read_text("utf-8")
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and first.fullmatch(cells[0]):
            found.append(cells)
    return found


CONTROLS = [Control(*cells) for cells in rows("assurance.md", CONTROL)]
ATTACKS = [Attack(*cells) for cells in rows("assurance.md", ATTACK)]
MODELLED = [cells[0] for cells in rows("threat-model.md", ATTACK)]
CASE_NAMES = {case.name for case in cases()}


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Return the names of a module's tests, those of classes as well."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def wrong_with(evidence: str) -> list[str]:
    """Return what a cell of evidence names that does not exist."""
    wrong = []
    for span in CODE_SPAN.findall(evidence):
        if span.startswith("case "):
            exists = span.removeprefix("case ") in CASE_NAMES
        else:
            name, _, test = span.partition("::")
            path = ROOT / name
            exists = path.is_file() and (not test or test in defined_in(path))
        if not exists:
            wrong.append(span)
    return wrong


@cache
def controls_in_code() -> dict[str, set[str]]:
    """Return the files of the package and the scripts in which each control is named."""
    found: dict[str, set[str]] = {}
    paths = [*ROOT.glob("signkit/**/*.py"), *(p for p in ROOT.glob("scripts/*") if p.is_file())]
    for path in paths:
        for control in CONTROL.findall(path.read_text("utf-8")):
            found.setdefault(control, set()).add(path.relative_to(ROOT).as_posix())
    return found


def test_there_is_something_to_check() -> None:
    assert len(CONTROLS) > 20
    assert len(ATTACKS) > 50


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_control_has_evidence_and_its_code_names_it(control: Control) -> None:
    assert CODE_SPAN.search(control.evidence), "no evidence"
    assert wrong_with(control.evidence) == []
    assert re.match(r"C\d", control.claim)
    for path in CODE_SPAN.findall(control.code):
        assert path in controls_in_code().get(control.name, set())


def test_the_code_names_the_controls_of_the_page() -> None:
    assert sorted(controls_in_code()) == sorted(control.name for control in CONTROLS)


def test_every_attack_of_the_model_is_answered_once() -> None:
    assert sorted(attack.name for attack in ATTACKS) == sorted(MODELLED)
    assert len(set(MODELLED)) == len(MODELLED)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_held_with_evidence_or_said_to_be_open(attack: Attack) -> None:
    assert attack.state in STATES
    assert wrong_with(attack.evidence) == []
    assert set(CONTROL.findall(attack.controls)) <= {control.name for control in CONTROLS}
    if attack.state == "held":
        assert CONTROL.search(attack.controls), "held by no control"
        assert CODE_SPAN.search(attack.evidence), "no evidence"
    else:
        assert not CONTROL.search(attack.controls), "a control, and still not held"
    if attack.state == "open":
        assert re.search(r"\bissue \d|no issue", attack.evidence)
    if attack.state == "limitation":
        assert attack.name in (DESIGN / "limitations.md").read_text("utf-8")
    if attack.state == "absent":
        assert attack.evidence


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in ("threat-model.md", "assurance.md", "limitations.md"):
        text = (DESIGN / page).read_text("utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            assert (DESIGN / target).exists(), f"{page}: {target}"


@pytest.mark.parametrize(
    "span", ["tests/none.py", "tests/attacks/test_threshold.py::test_none", "case none"]
)
def test_evidence_that_does_not_exist_is_noticed(span: str) -> None:
    assert wrong_with(f"see `{span}` and `case release`") == [span]
