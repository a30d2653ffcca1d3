"""Whoever has the station's disk edits its ledger: the first bad line is named, or a response tells.

The ledger is one that real ceremonies wrote, and everything is asked of the command that an auditor
types.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from signkit.verify.digest import compute_digest
from signkit.verify.encoding import encode_json
from tests.support.commands import Machine, Ran

COUNT = 5


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A station that held five ceremonies; 1.response.json to 5.response.json left it."""
    machine = Machine(tmp_path_factory.mktemp("station"))
    machine.new_key()
    for number in range(1, COUNT + 1):
        machine.write("model.bin", f"release {number}")
        machine.prepare("model.bin", "--sequence", number, "--out", f"{number}.request.json")
        assert machine.sign(f"{number}.request.json").code == 0
    return machine


@pytest.fixture
def lines(station: Machine) -> list[bytes]:
    """The ledger's lines, to be changed."""
    return (station.home / "ledger.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture
def audit(station: Machine, tmp_path: Path) -> Any:
    """Verify a changed ledger, against the responses of some ceremonies."""

    def run(lines: list[bytes], *against: int) -> Ran:
        path = tmp_path / "ledger.jsonl"
        path.write_bytes(b"".join(lines))
        options = [part for number in against for part in ("--against", f"{number}.response.json")]
        ran = station.run("ledger", "verify", "--ledger", path, *options, "--json")
        assert path.read_bytes() == b"".join(lines)  # whatever is wrong, nothing is mended
        return ran

    return run


def edited(line: bytes, **changes: Any) -> bytes:
    return encode_json({**json.loads(line), **changes}) + b"\n"


def chained(lines: list[bytes]) -> list[bytes]:
    """Make a chain of lines again, as whoever has the disk and signkit can."""
    made: list[bytes] = []
    head = bytes(32)
    for number, line in enumerate(lines, 1):
        made.append(edited(line, sequence=number, previous={"sha256": head.hex()}))
        head = compute_digest(made[-1][:-1])
    return made


def test_an_honest_ledger(audit: Any, lines: list[bytes]) -> None:
    ran = audit(lines, *range(1, COUNT + 1))
    assert (ran.code, ran.json["ceremonies"], ran.json["responses"]) == (0, 5, [1, 2, 3, 4, 5])


def test_an_edited_line_is_named(audit: Any, lines: list[bytes]) -> None:
    """Move: another digest in the line of ceremony 2. The next line holds the digest of the old."""
    item = {**json.loads(lines[1])["items"][0], "digest": {"sha256": "00" * 32}}
    lines[1] = edited(lines[1], items=[item])
    ran = audit(lines)
    assert (ran.code, ran.error["code"]) == (3, "malformed")
    assert ran.error["error"] == "ledger line 3 does not follow the line before it"
    assert "keep it as it is" in ran.error["hint"]


def test_a_deleted_line_is_named(audit: Any, lines: list[bytes]) -> None:
    del lines[2]
    ran = audit(lines)
    assert (ran.code, ran.error["error"]) == (3, "ledger line 3.sequence: expected 3 to 3, got 4")


def test_lines_in_another_order_are_named(audit: Any, lines: list[bytes]) -> None:
    lines[1], lines[3] = lines[3], lines[1]
    ran = audit(lines)
    assert (ran.code, ran.error["error"]) == (3, "ledger line 2.sequence: expected 2 to 2, got 4")


def test_a_line_put_in_is_named(audit: Any, lines: list[bytes]) -> None:
    lines.insert(2, edited(lines[1], reason="another"))
    ran = audit(lines)
    assert (ran.code, ran.error["error"]) == (3, "ledger line 3.sequence: expected 3 to 3, got 2")


def test_a_ledger_cut_short_is_told_by_a_response(audit: Any, lines: list[bytes]) -> None:
    """Move: the last two ceremonies never happened. The chain is whole; a response left."""
    assert audit(lines[:3]).code == 0
    assert audit(lines[:3], 1, 3).code == 0
    ran = audit(lines[:3], 5, 1, 4)
    assert (ran.code, ran.error["code"]) == (4, "verification")
    assert "cut short: it ends at ceremony 3, and 4.response.json is" in ran.error["error"]


def test_an_empty_ledger_is_told_by_a_response(audit: Any) -> None:
    assert audit([]).code == 0
    assert "it ends at ceremony 0" in audit([], 1).error["error"]


def test_a_ledger_written_anew_is_told_by_a_response(audit: Any, lines: list[bytes]) -> None:
    """Move: takes ceremony 3 out and makes the chain anew. Only what left the station tells."""
    anew = chained([*lines[:2], *lines[3:]])
    assert audit(anew).code == 0
    assert audit(anew, 1, 2).code == 0
    ran = audit(anew, 4, 2)
    assert ran.code == 4
    assert "was rewritten at or before ceremony 3" in ran.error["error"]
    assert "4.response.json, signed by station" in ran.error["error"]


def test_the_last_line_written_anew_is_told_by_its_response(audit: Any, lines: list[bytes]) -> None:
    anew = chained([*lines[:4], edited(lines[4], reason="another")])
    assert audit(anew, 4).code == 0
    assert "rewritten at or before ceremony 5" in audit(anew, 5).error["error"]


def test_another_stations_response(
    audit: Any, lines: list[bytes], station: Machine, tmp_path: Path
) -> None:
    other = Machine(tmp_path / "other")
    other.folder.mkdir()
    shutil.copy(station.folder / "5.request.json", other.folder)
    other.new_key()
    assert other.sign("5.request.json").code == 0
    shutil.copy(other.folder / "5.response.json", station.folder / "6.response.json")
    ran = audit(lines, 6)
    assert ran.code == 4
    assert "or is of another station" in ran.error["error"]


def test_a_response_that_nobody_signed(audit: Any, lines: list[bytes], station: Machine) -> None:
    data = (station.folder / "5.response.json").read_bytes()
    (station.folder / "7.response.json").write_bytes(data.replace(b'"sig":"', b'"sig":"A', 1))
    assert audit(lines, 7).code == 13


def test_a_torn_end_is_said_and_left_alone(audit: Any, lines: list[bytes]) -> None:
    ran = audit([*lines[:4], lines[4][:50]], 4)
    assert (ran.code, ran.json["torn"]) == (0, 50)
    assert "the last 50 bytes are an unfinished line" in ran.err
    assert "ends at ceremony 4" in audit([*lines[:4], lines[4][:50]], 5).error["error"]


def test_a_broken_ledger_signs_nothing(station: Machine, lines: list[bytes]) -> None:
    ledger = station.home / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(b"".join([*lines[:1], *lines[2:]]))
    try:
        ran = station.sign("1.request.json")
        assert (ran.code, ran.error["code"]) == (3, "malformed")
        assert "find out why before you go on" in ran.error["hint"]
    finally:
        ledger.write_bytes(whole)
