from __future__ import annotations

import json
from dataclasses import replace

import pytest

from signkit.errors import FileError, FormatError, PartConflictError
from signkit.submit.journal import Journal, journal_name, open_journal, parse_journal
from signkit.verify.digest import Sha256

FRESH = Journal(
    registry="https://registry.example",
    binary_prn="prn:1:8ced1740-7fbf-407e-9d6e-afec9399cc41:binary:"
    "74CB7ab8-684f-4f4e-8386-0733a494ca1b",
    digest=Sha256(bytes(32)),
    part_size=16,
    request=Sha256(bytes([1]) * 32),
    begun="2026-01-31T12:00:00Z",
)
LATER = replace(FRESH, begun="2026-02-01T12:00:00Z")


def test_begins_without_a_word(tmp_path):
    file, said = open_journal(tmp_path / "home" / "journal", FRESH)
    assert said is None
    assert parse_journal(file.path.read_bytes()) == FRESH
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


def test_the_name_is_the_key():
    assert journal_name(FRESH) == f"{'00' * 32}-16-74cb7ab8-684f-4f4e-8386-0733a494ca1b.json"


def test_goes_on_after_a_kill(tmp_path):
    open_journal(tmp_path, FRESH)
    file, said = open_journal(tmp_path, LATER)
    assert (
        said
        == "going on with the upload of 2026-01-31T12:00:00Z (run 1; how it ended is not known)"
    )
    assert file.journal == replace(FRESH, run_count=2)


def test_goes_on_after_an_error(tmp_path):
    file, _ = open_journal(tmp_path, FRESH)
    file.note_failure(PartConflictError("part 3 is refused\x1b[0m"))
    _, said = open_journal(tmp_path, LATER)
    assert "run 1; it ended with: part 3 is refused?[0m" in str(said)


def test_is_gone_in_the_end(tmp_path):
    file, _ = open_journal(tmp_path, FRESH)
    file.finish()
    file.finish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"registry": "https://other.example"}, "registry"),
        ({"request": Sha256(bytes(32))}, "request"),
        ({"part_size": 17}, "part_size"),
        ({"digest": Sha256(bytes([9]) * 32)}, "digest"),
        ({"binary_prn": FRESH.binary_prn[:-1] + "0"}, "binary_prn"),
    ],
)
def test_what_does_not_fit_is_thrown_away_and_said(tmp_path, change, what):
    """The file name says one thing and what stands in it another, or the use is another one."""
    other, _ = open_journal(tmp_path / "other", replace(FRESH, **change))
    (tmp_path / journal_name(FRESH)).write_bytes(other.path.read_bytes())
    file, said = open_journal(tmp_path, LATER)
    assert said == f"the journal of an earlier run is thrown away: it has another {what}"
    assert file.journal == LATER


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_f08_a_torn_journal_is_thrown_away_and_said(tmp_path, cut):
    file, _ = open_journal(tmp_path, FRESH)
    file.path.write_bytes(file.path.read_bytes()[:cut])
    file, said = open_journal(tmp_path, LATER)
    assert "thrown away" in str(said)
    assert file.journal == LATER


def test_f08_zeros_and_noise(tmp_path):
    path = tmp_path / journal_name(FRESH)
    for data in (bytes(400), b"\xff" * 400, b"{}" * 40_000):
        path.write_bytes(data)
        _, said = open_journal(tmp_path, LATER)
        assert "thrown away" in str(said)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "signkit.journal.v2"},
        {"more": 1},
        {"run_count": 0},
        {"begun": "yesterday"},
        {"error": {"code": "x"}},
        {"error": {"code": "x", "message": "y", "more": 1}},
        {"error": "x"},
    ],
)
def test_refuses_what_it_does_not_know(tmp_path, change):
    file, _ = open_journal(tmp_path, FRESH)
    value = json.loads(file.path.read_bytes())
    with pytest.raises(FormatError):
        parse_journal(json.dumps({**value, **change}).encode())


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be made"):
        open_journal(tmp_path / "file" / "journal", FRESH)


def test_a_journal_that_cannot_be_removed(tmp_path):
    file, _ = open_journal(tmp_path, FRESH)
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(FileError, match="cannot be removed"):
        file.finish()
