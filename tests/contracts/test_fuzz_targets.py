"""No parser without a fuzzing target, and no target that has stopped working."""

from __future__ import annotations

import ast
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.target import Target, nothing_more, try_input
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
BEGINNINGS = ("parse_", "decode_")


def parsers() -> Iterator[str]:
    for path in (ROOT / "signkit").rglob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith(BEGINNINGS):
                yield node.name


def test_every_parser_has_a_target() -> None:
    said = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "fuzz").glob("*.py"))
    assert [name for name in sorted(set(parsers())) if name not in said] == []


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_fails(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = Counter(try_input(TARGETS[name], data) for data in TARGETS[name].seeds())
    assert seen[True], "no seed is accepted, so nothing behind the first check would be reached"


def test_a_target_fails_on_a_foreign_error() -> None:
    target = Target(name="x", parse=lambda data: data[9], holds=nothing_more, seeds=lambda: ())
    with pytest.raises(IndexError):
        try_input(target, b"")


def test_a_target_fails_where_a_property_does_not_hold() -> None:
    def wrong(value: bytes, _data: bytes) -> None:
        assert value == b"x"

    target = Target(name="x", parse=bytes.lower, holds=wrong, seeds=lambda: ())
    assert try_input(target, b"X")
    with pytest.raises(AssertionError):
        try_input(target, b"Y")
