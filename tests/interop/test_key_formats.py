"""The tools that own them read our key files, and we theirs; `scripts/key-formats` is the whole table."""

from __future__ import annotations

from pathlib import Path

import pytest

from signkit.formats.key_form import KeyForm
from tests.support.key_formats.__main__ import PRIVATE_COLUMNS, PUBLIC_COLUMNS, Column, Matrix
from tests.support.key_formats.sources import PRIVATE, PUBLIC, Make
from tests.support.key_formats.tools import PACKAGES, has

# minisign's derivation takes seconds and 1 GiB: the script has it.
COLUMNS = tuple(each for each in PRIVATE_COLUMNS if each[2:4] != (KeyForm.MINISIGN, True))
ROWS = [row for row in PRIVATE if row[0] != "minisign, scrypt"]


def needs(*tools: str) -> None:
    for tool in tools:
        if not has(tool):
            pytest.skip(f"needs {tool}: apt install {PACKAGES[tool]}")


@pytest.mark.parametrize("column", COLUMNS, ids=[f"{each[2]} {each[0]}" for each in COLUMNS])
def test_a_tool_reads_the_private_key_that_we_write(tmp_path: Path, column: Column) -> None:
    needs("openssl", column[1])
    name, tool, _, make = PRIVATE[0]
    matrix = Matrix(tmp_path)
    assert matrix.row(name, tool, make, (column,), private=True) == [name, "ok"], matrix.faults


@pytest.mark.parametrize(("name", "tool", "make"), [(row[0], row[1], row[3]) for row in ROWS])
def test_we_read_the_private_key_that_a_tool_writes(
    tmp_path: Path, name: str, tool: str, make: Make
) -> None:
    needs("openssl", tool)
    matrix = Matrix(tmp_path)
    column = (PRIVATE_COLUMNS[0],)
    assert matrix.row(name, tool, make, column, private=True) == [name, "ok"], matrix.faults


@pytest.mark.parametrize(("name", "tool", "make"), PUBLIC)
def test_a_public_key_goes_from_every_tool_to_every_tool(
    tmp_path: Path, name: str, tool: str, make: Make
) -> None:
    needs("openssl", tool)
    matrix = Matrix(tmp_path)
    columns = tuple(each for each in PUBLIC_COLUMNS if has(each[1]))
    cells = matrix.row(name, tool, make, columns, private=False)
    assert cells == [name, *["ok"] * len(columns)], matrix.faults


def test_a_cell_that_is_wrong_is_said(tmp_path: Path) -> None:
    needs("openssl")
    matrix = Matrix(tmp_path)
    name, tool, make = PUBLIC[0]
    to, owner, _, encrypted, check = PUBLIC_COLUMNS[0]
    wrong = (to, owner, KeyForm.HEX, encrypted, check)  # hex, judged as if it were PEM
    assert matrix.row(name, tool, make, (wrong,), private=False) == [name, "FAILED"]
    assert len(matrix.faults) == 1
