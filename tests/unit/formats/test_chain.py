"""Files of chained lines: what a writer and a reader make of them, whatever stands in a line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signkit.errors import FileError, MalformedError
from signkit.formats.chain import EMPTY_HEAD, Chain, Shape, find_lines, open_chain, read_chain
from signkit.verify.digest import compute_digest
from signkit.verify.encoding import Fields

LINE_SIZE = 200
TORN = b'{"sequ'


def parse(fields: Fields, _where: str) -> int:
    return fields.integer("n")


NUMBERS = Shape(what="book", line_size=LINE_SIZE, parse=parse, encode=lambda number: {"n": number})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "book.jsonl"
    with open_chain(path, NUMBERS) as chain:
        for number in (70, 71, 72, 73):
            chain.append(number)
    return path


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_reader_sees_what_a_writer_wrote(path: Path) -> None:
    lines, end = read_chain(path, NUMBERS)
    heads = [EMPTY_HEAD, *(compute_digest(line[:-1]) for line in lines_of(path))]
    assert [line.entry for line in lines] == [70, 71, 72, 73]
    assert [line.sequence for line in lines] == [1, 2, 3, 4]
    assert [line.before for line in lines] == heads[:4]
    assert [line.after for line in lines] == heads[1:]
    assert (end.sequence, end.head, end.size) == (4, heads[4], path.stat().st_size)
    with open_chain(path, NUMBERS) as chain:
        assert (chain.lines, chain.found, chain.end) == (lines, end, end)


def test_the_next_line_is_the_one_appended(path: Path) -> None:
    with open_chain(path, NUMBERS) as chain:
        line = chain.next_line(74)
        assert path.stat().st_size == chain.end.size
        assert chain.append(74) == line == chain.lines[-1]
        assert (chain.end.sequence, chain.end.head) == (5, line.after)
        assert chain.found.sequence == 4


def test_a_reader_takes_no_lock_and_cuts_nothing(path: Path) -> None:
    with open_chain(path, NUMBERS):
        path.write_bytes(path.read_bytes() + TORN)
        lines, end = read_chain(path, NUMBERS)
    assert (len(lines), end.sequence, end.torn) == (4, 4, 6)
    assert path.read_bytes().endswith(TORN)


def test_only_the_lines_that_hold_it(path: Path) -> None:
    found, end = find_lines(path, NUMBERS, (b"sequence", b":71"))
    assert found == [(2, lines_of(path)[1][:-1])]
    assert end == read_chain(path, NUMBERS)[1]
    assert find_lines(path, NUMBERS, (b"nothing",)) == ([], end)
    assert len(find_lines(path, NUMBERS, ())[0]) == 4


def test_whatever_is_looked_for_the_whole_chain_is_followed(path: Path) -> None:
    """Attacker: edits a line that nobody looks for. Each is missed by the line after it."""
    lines = lines_of(path)
    for number in (1, 2, 3):
        edited = [*lines]
        edited[number - 1] = edited[number - 1].replace(b'"n":7', b'"n":8')
        path.write_bytes(b"".join(edited))
        said = rf"^book line {number + 1} does not follow"
        with pytest.raises(MalformedError, match=said):
            read_chain(path, NUMBERS)
        for holding in (b"nothing", b'"n"', b'"n":71'):
            with pytest.raises(MalformedError, match=said):
                find_lines(path, NUMBERS, (holding,))


def test_a_line_passed_over_at_another_place(path: Path) -> None:
    first, second, third, fourth = lines_of(path)
    path.write_bytes(first + third + second + fourth)
    with pytest.raises(MalformedError, match=r"^book line 2.sequence: expected 2 to 2, got 3$"):
        find_lines(path, NUMBERS, (b"nothing",))


@pytest.mark.parametrize("end", [b'"n":null}\n', b'"n": 73}\n', b'"n":73,"m":1}\n'])
def test_the_last_line_is_parsed_though_nobody_looks_for_it(path: Path, end: bytes) -> None:
    path.write_bytes(path.read_bytes().replace(b'"n":73}\n', end))
    with pytest.raises(MalformedError, match=r"^book line 4"):
        find_lines(path, NUMBERS, (b"nothing",))


def test_a_line_too_long_is_no_torn_one(path: Path) -> None:
    """Attacker: may write to the disk. Move: makes a line so long that the rest seems torn off."""
    first, second, *rest = lines_of(path)
    path.write_bytes(first + second[:-2] + b" " * LINE_SIZE + b"}\n" + b"".join(rest))
    with pytest.raises(MalformedError, match=r"^book line 2 is too long$"):
        read_chain(path, NUMBERS)


@pytest.mark.parametrize("end", [b"x", b'{"sequence":4', b'{"sequence":5,"previous":{"sha256":"0'])
def test_an_end_that_no_writer_was_torn_in_is_not_cut(path: Path, end: bytes) -> None:
    """A file of something else, or a line feed lost from all of it, is no torn line."""
    path.write_bytes(path.read_bytes() + end)
    before = path.read_bytes()
    said = r"^book line 5 does not begin as one, and has no end$"
    with pytest.raises(MalformedError, match=said):
        read_chain(path, NUMBERS)
    with pytest.raises(MalformedError, match=said), open_chain(path, NUMBERS):
        pass
    assert path.read_bytes() == before


def test_a_disk_that_fails(path: Path) -> None:
    """A descriptor that cannot be written stands in for a disk that cannot be."""
    before = path.read_bytes()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        chain = Chain(descriptor, path, NUMBERS)
        with pytest.raises(FileError, match=r"cannot be written: Bad file descriptor$"):
            chain.append(74)
        path.write_bytes(before + TORN)
        with pytest.raises(FileError, match=r"cannot be written: Invalid argument$"):
            Chain(descriptor, path, NUMBERS)
    finally:
        os.close(descriptor)
    assert path.read_bytes() == before + TORN


def test_a_disk_that_cannot_be_read(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        with pytest.raises(FileError, match=r"cannot be read: Bad file descriptor$"):
            Chain(descriptor, path, NUMBERS)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "nul"])
def test_a_reader_takes_regular_files_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "book"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "nul":
        path = tmp_path / "\0"
    with pytest.raises(
        FileError, match=r"^the book .* (cannot be opened: |is not a regular file$)"
    ):
        read_chain(path, NUMBERS)
