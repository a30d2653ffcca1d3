from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import DigestMismatchError, FileError
from signkit.model.plan import FileIdentity, PlannedItem
from signkit.submit.content import OpenContent, confirm_content, plan_parts
from signkit.verify.digest import Sha256
from tests.support.submission import make_signed

NOBODY = lambda _count: None  # noqa: E731


@pytest.fixture
def planned(signed) -> PlannedItem:
    return signed.plan.items[0]


@given(st.integers(0, 200), st.integers(1, 50))
def test_parts_cover_the_content_exactly(size, part_size):
    identity = FileIdentity(device=1, inode=1, size=size, mtime_ns=0, ctime_ns=0)
    count = -(-size // part_size)
    planned = PlannedItem(
        path="/x",
        identity=identity,
        digest=Sha256(bytes(32)),
        part_size=part_size,
        parts=(Sha256(bytes(32)),) * count,
    )
    parts = plan_parts(planned)
    assert sum(part.size for part in parts) == size
    assert [part.start for part in parts] == [at * part_size for at in range(count)]
    assert all(part.size > 0 for part in parts)


def test_reads_parts_as_they_were_planned(planned, signed):
    with OpenContent(confirm_content(planned, advance=NOBODY)) as content:
        pieces = [b"".join(content.read(part)) for part in plan_parts(planned)]
        for part in plan_parts(planned):
            content.check_part(part)
    assert b"".join(pieces) == signed.content.read_bytes()


def test_slices_are_at_most_a_mebibyte(tmp_path):
    big = make_signed(tmp_path, content=bytes(3 * 2**20 + 5), part_size=2**22)
    with OpenContent(big.plan.items[0]) as content:
        sizes = [len(piece) for piece in content.read(plan_parts(big.plan.items[0])[0])]
    assert sizes == [2**20, 2**20, 2**20, 5]


def test_a_file_that_was_only_touched_is_believed_after_hashing(planned, signed):
    os.utime(signed.content)
    hashed: list[int] = []
    confirmed = confirm_content(planned, advance=hashed.append)
    assert sum(hashed) == 14
    with OpenContent(confirmed) as content:
        assert content.path == planned.path


def test_f16_a_flipped_byte_with_the_old_times(planned, signed):
    status = signed.content.stat()
    signed.content.write_bytes(b"Hello, Binary!")
    os.utime(signed.content, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DigestMismatchError) as caught:
        confirm_content(planned, advance=NOBODY)
    assert planned.path in str(caught.value)
    assert planned.digest.hex() in str(caught.value)


def test_f17_another_file_under_the_name(planned, signed, tmp_path):
    confirmed = confirm_content(planned, advance=NOBODY)
    (tmp_path / "new").write_bytes(signed.content.read_bytes())
    (tmp_path / "new").rename(signed.content)
    with pytest.raises(FileError, match="changed while it was submitted"):
        OpenContent(confirmed)


def test_w02_the_open_file_is_the_one_that_is_sent(planned, signed, tmp_path):
    with OpenContent(confirm_content(planned, advance=NOBODY)) as content:
        (tmp_path / "new").write_bytes(b"another file!!")
        (tmp_path / "new").rename(signed.content)
        sent = b"".join(piece for part in plan_parts(planned) for piece in content.read(part))
    assert sent == b"Hello, Binary\n"


def test_f17_a_file_that_gets_shorter(planned, signed):
    with OpenContent(confirm_content(planned, advance=NOBODY)) as content:
        os.truncate(signed.content, 3)
        with pytest.raises(FileError, match="got shorter while it was sent: it ends at byte 3"):
            list(content.read(plan_parts(planned)[0]))


def test_f17_a_part_that_changes(planned, signed):
    with OpenContent(confirm_content(planned, advance=NOBODY)) as content:
        with signed.content.open("r+b") as file:
            file.write(b"J")
        with pytest.raises(DigestMismatchError, match="for part 1, got"):
            content.check_part(plan_parts(planned)[0])
        content.check_part(plan_parts(planned)[1])


def test_a_file_that_is_gone(planned, signed):
    signed.content.unlink()
    with pytest.raises(FileError):
        confirm_content(planned, advance=NOBODY)
    with pytest.raises(FileError):
        OpenContent(planned._replace())


def test_a_file_that_cannot_be_read_any_more(planned):
    content = OpenContent(planned)
    content.close()
    with pytest.raises(FileError, match="cannot be read: bad file descriptor"):
        list(content.read(plan_parts(planned)[0]))
