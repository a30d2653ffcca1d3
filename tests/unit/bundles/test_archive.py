"""The archive: every defect is refused, nothing is unpacked beyond what was asked, one spelling."""

from __future__ import annotations

import io
import json
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signkit.bundles.archive import Archive, entry_name, read_archive, read_contents, write_archive
from signkit.bundles.index import Index, Member, encode_index, parse_index
from signkit.errors import DigestMismatchError, FileError, MalformedError, SignkitError
from signkit.verify import limits
from tests.support.bundle_archives import (
    CONTENTS,
    FOLDER,
    archive,
    frame,
    index_value,
    made_index,
    repeating_frame,
    vectors,
)

CASES = sorted(json.loads((FOLDER / "EXPECT.json").read_text()).items())
VALID = [name for name, code in CASES if code == "accept"]


def outcome_of(data: bytes) -> str:
    try:
        read_archive(io.BytesIO(data))
    except SignkitError as error:
        return error.code
    return "accept"


def written(index: Index, *contents: bytes) -> bytes:
    sink = io.BytesIO()
    by_digest = dict(zip((member.id for member in index.members), contents, strict=True))
    write_archive(sink.write, index, lambda member: iter([by_digest[member.id]]))
    return sink.getvalue()


def contents_of(data: bytes) -> list[tuple[Member, bytes]]:
    file = io.BytesIO(data)
    found = read_archive(file)
    file.seek(0)
    return [(member, b"".join(pieces)) for member, pieces in read_contents(file, found)]


@pytest.mark.parametrize(("name", "code"), CASES)
def test_vector_gives_its_outcome(name: str, code: str) -> None:
    assert outcome_of((FOLDER / name).read_bytes()) == code


def test_stored_vectors_are_the_generated_ones() -> None:
    files = vectors()
    stored = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.cpio.zst")}
    assert stored == set(files) == {name for name, _code in CASES}
    for name, (data, code) in files.items():
        assert (FOLDER / name).read_bytes() == data, name
        assert dict(CASES)[name] == code, name


@pytest.mark.parametrize("name", VALID)
def test_every_content_comes_with_its_item(name: str) -> None:
    found = contents_of((FOLDER / name).read_bytes())
    assert len(found) in {2, 3}
    for member, content in found:
        assert (len(content), member.target[:7]) == (member.size, "target-")


def test_every_truncation_is_refused() -> None:
    honest = frame(archive(index_value(CONTENTS[:1]), CONTENTS[:1]))
    refused = [outcome_of(honest[:size]) for size in range(len(honest))]
    assert set(refused) == {"malformed"}


def test_every_flipped_bit_of_entries_is_refused_or_means_the_same() -> None:
    """What may differ is what decides nothing: inode, owner, time, device, case of hex, names."""
    honest = archive(index_value(CONTENTS[:1]), CONTENTS[:1])
    index, (kept,) = read_archive(io.BytesIO(frame(honest))).index, CONTENTS[:1]
    start = honest.index(b"0001.bin") - 110
    for place in range(start, len(honest)):
        changed = honest[:place] + bytes([honest[place] ^ 1]) + honest[place + 1 :]
        try:
            found = contents_of(frame(changed))
        except SignkitError:
            continue
        assert found == [(index.members[0], kept)], place


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
@settings(max_examples=50)
def test_what_is_written_is_read(contents: list[bytes]) -> None:
    index = made_index(*contents)
    data = written(index, *contents)
    assert data == written(index, *contents)
    found = contents_of(data)
    assert [member for member, _content in found] == list(index.members)
    assert [content for _member, content in found] == contents


metadata = st.dictionaries(
    st.text(max_size=8).filter(lambda text: text.isprintable()),
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text("aü\u202e'", max_size=5),
    max_size=4,
)


@given(st.lists(metadata, min_size=1, max_size=3), st.none() | st.text("ab \u202e", min_size=1))
@settings(max_examples=50)
def test_an_index_has_one_spelling(values: list[dict[str, object]], name: str | None) -> None:
    index = made_index(*(bytes([place]) for place in range(len(values))), name=name)
    members = zip(index.members, values, strict=True)
    index = replace(
        index, members=tuple(replace(member, custom_metadata=value) for member, value in members)
    )
    data = encode_index(index)
    assert parse_index(data) == index
    assert encode_index(parse_index(data)) == data
    assert json.dumps(json.loads(data), ensure_ascii=False, indent=2).encode() == data


def test_another_order_of_artifacts_is_written_the_same() -> None:
    value = index_value()
    value["artifacts"] = dict(reversed(value["artifacts"].items()))
    versions = next(iter(value["artifacts"].values()))["versions"]
    binaries = next(iter(versions.values()))["binaries"]
    honest = parse_index(json.dumps(value).encode())
    next(iter(versions.values()))["binaries"] = dict(reversed(binaries.items()))
    assert encode_index(parse_index(json.dumps(value).encode())) == encode_index(honest)


def test_w05_names_of_entries_are_neutralised() -> None:
    member = made_index(b"x").members[0]
    hostile = replace(
        member,
        artifact=replace(member.artifact, name="../../etc/passwd"),
        version=replace(member.version, name="\u202e1.0 $(reboot)"),
        target="x" * 128,
    )
    assert entry_name(1, hostile) == f"0001-.._.._etc_passwd-_1.0___reboot_-{'x' * 60}.bin"
    assert entry_name(2, hostile) != entry_name(1, hostile)


def test_content_that_is_not_what_the_index_says_is_not_written() -> None:
    index = made_index(b"hello")
    with pytest.raises(DigestMismatchError, match="expected SHA-256"):
        write_archive(io.BytesIO().write, index, lambda _member: iter([b"hullo"]))
    with pytest.raises(DigestMismatchError, match="expected SHA-256"):
        write_archive(io.BytesIO().write, index, lambda _member: iter([b"hello", b"!"]))


@pytest.mark.parametrize(
    "second",
    [
        archive(index_value((b"other", *CONTENTS[1:])), (b"other", *CONTENTS[1:])),
        archive(None, (b"hello, Binary\n", *CONTENTS[1:])),
        archive(None, CONTENTS[:2]),
        archive(None, (*CONTENTS, b"more")),
        archive(None, tuple(reversed(CONTENTS))),
    ],
    ids=["index", "content", "fewer", "more", "order"],
)
def test_f17_an_archive_that_changes_between_the_reads_is_noticed(second: bytes) -> None:
    found = read_archive(io.BytesIO(frame(archive())))
    with pytest.raises(MalformedError, match="it changed while it was read"):
        _read_all(second, found)


def _read_all(data: bytes, found: Archive) -> list[bytes]:
    pairs = read_contents(io.BytesIO(frame(data)), found)
    return [b"".join(pieces) for _member, pieces in pairs]


def test_content_that_nobody_reads_is_verified_all_the_same() -> None:
    found = read_archive(io.BytesIO(frame(archive())))
    changed = frame(archive(None, (b"hello, Binary\n", *CONTENTS[1:])))
    with pytest.raises(MalformedError, match="it changed while it was read"):
        list(read_contents(io.BytesIO(changed), found))


def test_w05_a_bomb_is_not_unpacked() -> None:
    """A frame of 200 KB that would be 5 GB: what it is refused for comes first."""
    bomb = repeating_frame(archive(), b"\0", 50_000)
    assert len(bomb) < 250_000
    tracemalloc.start()
    with pytest.raises(MalformedError, match="goes on after its trailer"):
        read_archive(io.BytesIO(bomb))
    assert tracemalloc.get_traced_memory()[1] < limits.MIB
    tracemalloc.stop()


def test_memory_does_not_grow_with_the_content() -> None:
    piece, count = bytes(1_000_000), 64
    index = _index_of(piece * count)
    sink = io.BytesIO()
    tracemalloc.start()
    write_archive(sink.write, index, lambda _member: (piece for _ in range(count)))
    sink.seek(0)
    found = read_archive(sink)
    sink.seek(0)
    total = sum(len(each) for _member, pieces in read_contents(sink, found) for each in pieces)
    assert total == len(piece) * count
    assert tracemalloc.get_traced_memory()[1] < 8 * limits.MIB
    tracemalloc.stop()


def _index_of(content: bytes) -> Index:
    return made_index(content)


class _Failing(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def read(self, _size: int = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_medium_that_fails_is_said() -> None:
    with pytest.raises(FileError, match="the archive cannot be read: Input/output error"):
        read_archive(_Failing())  # type: ignore[arg-type]


class _Drops(io.BytesIO):
    """A file of which each read returns one byte, as a pipe may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1))


def test_reads_may_be_short() -> None:
    assert len(read_archive(_Drops(frame(archive()))).order) == 3


def test_progress_is_told_in_bytes_of_the_file() -> None:
    seen: list[int] = []
    data = frame(archive())
    read_archive(io.BytesIO(data), advance=seen.append)
    assert sum(seen) == len(data)
