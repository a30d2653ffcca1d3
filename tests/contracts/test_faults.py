"""The table of faults is in step: what it names exists, and every row of the list is there."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.support.faults import PAGE, ROOT, STATES, Row, belongs, rows

ROWS = rows()


def names_in(path: Path) -> set[str]:
    """Return the tests and classes of a module, as pytest names them within it."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_tests_that_exist(row: Row) -> None:
    assert row.state in STATES
    assert row.evidence
    for span in row.evidence:
        path, _, name = span.partition("::")
        assert (ROOT / path).is_file(), span
        assert not name or name in names_in(ROOT / path), span


def test_no_row_stands_twice() -> None:
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)


def test_every_row_of_the_list_is_answered(corpus: Path) -> None:
    """From F03 to F64: in the table, or among those that are said to be met elsewhere."""
    listed = {
        entry["id"]
        for entry in json.loads((corpus / "faults.json").read_text())["faults"]
        if re.fullmatch(r"F\d\d", entry["id"]) and "F03" <= entry["id"] <= "F64"
    }
    said = {row.name for row in ROWS} | set(re.findall(r"\bF\d\d\b", PAGE.read_text("utf-8")))
    assert listed - said == set()


@pytest.mark.parametrize(
    ("node", "evidence", "answer"),
    [
        ("tests/a/test_b.py::test_c[x.txt]", "tests/a/test_b.py::test_c", True),
        ("tests/a/test_b.py::test_cd", "tests/a/test_b.py::test_c", False),
        ("tests/a/test_b.py::TestE::test_c", "tests/a/test_b.py::TestE", True),
        ("tests/a/test_b.py::TestE::test_c", "tests/a/test_b.py::test_c", False),
        ("tests/a/test_b.py::test_c", "tests/a/test_b.py", True),
        ("tests/a/test_bb.py::test_c", "tests/a/test_b.py", False),
    ],
)
def test_which_tests_a_row_has(node: str, evidence: str, answer: bool) -> None:
    assert belongs(node, evidence) is answer
