from __future__ import annotations

import json

import pytest

from signkit.errors import FormatError, SignkitError, VerificationError
from signkit.formats.registry_audit import (
    check_continues,
    format_ledger_point,
    parse_ledger_point,
    read_audit,
)
from tests.support.audit_lines import FOLDER, LIFE, event, joined, lines_of, vectors

EXPECT: dict[str, str] = json.loads((FOLDER / "EXPECT.json").read_text())
POINT = f"{'ab' * 32} 7 {'cd' * 32}"


def test_the_stored_vectors_are_these():
    stored = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*.jsonl")}
    assert stored == {name: data for name, (data, _code) in vectors().items()}
    assert {name: code for name, (_data, code) in vectors().items()} == EXPECT


@pytest.mark.parametrize("name", EXPECT)
def test_vector(name):
    said, message = "accept", ""
    try:
        read_audit(FOLDER / name)
    except SignkitError as error:
        said, message = error.code, str(error)
    assert said == EXPECT[name], message
    assert said == "accept" or "audit line" in message


def test_what_a_line_says():
    lines, end = read_audit(FOLDER / "valid" / "life.jsonl")
    assert [line.sequence for line in lines] == list(range(1, 9))
    assert end.head == lines[-1].after
    made, signed = lines[1].entry, lines[6].entry
    assert (made.before, made.after and made.after["size"]) == (None, 14)
    assert (signed.before, signed.after) == ({"state": "signable"}, {"state": "signed"})
    assert signed.ledger is not None
    assert signed.ledger.sequence == 7


def audit_of(path, *events):
    path.write_bytes(joined(lines_of(*events)))
    return read_audit(path)


def test_a_later_export_begins_with_every_earlier_one(tmp_path):
    lines, _end = audit_of(tmp_path / "new", *LIFE)
    for count in range(len(LIFE) + 1):
        check_continues(lines, audit_of(tmp_path / "old", *LIFE[:count])[1])


def test_an_audit_that_was_cut_short(tmp_path):
    _lines, older = audit_of(tmp_path / "old", *LIFE)
    lines, _end = audit_of(tmp_path / "new", *LIFE[:-1])
    with pytest.raises(VerificationError, match="cut short: it ends at line 7, the older one at 8"):
        check_continues(lines, older)


def test_an_audit_that_was_written_anew(tmp_path):
    """Whoever has the database makes a chain that follows; the older export tells."""
    _lines, older = audit_of(tmp_path / "old", *LIFE[:3])
    changed = (LIFE[0], event(actor={"kind": "token", "name": "somebody-else"}), *LIFE[2:])
    lines, _end = audit_of(tmp_path / "new", *changed)
    with pytest.raises(VerificationError, match="rewritten at or before line 3"):
        check_continues(lines, older)


def test_a_point_of_a_ledger():
    assert format_ledger_point(parse_ledger_point(POINT, what="header")) == POINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        POINT.upper(),
        POINT.replace(" 7 ", " 0 "),
        POINT.replace(" 7 ", " 07 "),
        POINT.replace(" 7 ", " +7 "),
        POINT.replace(" 7 ", "  7 "),
        POINT.replace(" 7 ", " \u0667 "),
        POINT.replace(" 7 ", f" {'9' * 16} "),
        POINT + " ",
        POINT[:-1],
        f"{POINT} x",
    ],
)
def test_what_is_no_point(text):
    with pytest.raises(FormatError, match="header"):
        parse_ledger_point(text, what="header")
