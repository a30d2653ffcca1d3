"""The plan: one spelling, and every defect is refused as a journal error."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import FileError, JournalError, SignkitError, TooLargeError
from signkit.formats.plan import encode_plan, parse_plan
from signkit.model.plan import FileIdentity, Plan, PlannedItem
from signkit.verify import limits
from signkit.verify.digest import Sha256
from tests.support.plan_vectors import FOLDER, item_value, plan_value, seal, spelled, vectors

CASES = sorted(json.loads((FOLDER / "EXPECT.json").read_text()).items())
VALID = [name for name, code in CASES if code == "accept"]

digests = st.binary(min_size=32, max_size=32).map(Sha256)
times = st.integers(min_value=-(2**62), max_value=2**62)
paths = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=200).map(
    "/".__add__
)


@st.composite
def planned_items(draw: st.DrawFn) -> PlannedItem:
    part_size = draw(st.integers(1, 10**9))
    count = draw(st.integers(0, 5))
    size = count * part_size - (draw(st.integers(0, part_size - 1)) if count else 0)
    digest = draw(digests)
    identity = FileIdentity(
        device=draw(st.integers(0, 2**64 - 1)),
        inode=draw(st.integers(0, 2**64 - 1)),
        size=size,
        mtime_ns=draw(times),
        ctime_ns=draw(st.none() | times),
    )
    parts = (digest,) if count == 1 else tuple(draw(digests) for _ in range(count))
    return PlannedItem(
        path=draw(paths), identity=identity, digest=digest, part_size=part_size, parts=parts
    )


def reason_of(data: bytes) -> str:
    try:
        parse_plan(data)
    except JournalError as error:
        return error.__cause__.code if isinstance(error.__cause__, SignkitError) else "bare"
    return "accept"


@pytest.mark.parametrize(("name", "code"), CASES)
def test_vector_gives_its_outcome(name: str, code: str) -> None:
    assert reason_of((FOLDER / name).read_bytes()) == code


def test_stored_vectors_are_the_generated_ones() -> None:
    files = vectors()
    stored = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.json")}
    assert stored == set(files) == {name for name, _code in CASES}
    for name, (data, code) in files.items():
        assert (FOLDER / name).read_bytes() == data, name
        assert dict(CASES)[name] == code, name


@pytest.mark.parametrize("name", VALID)
def test_writes_a_valid_vector_as_it_is(name: str) -> None:
    data = (FOLDER / name).read_bytes()
    assert encode_plan(parse_plan(data)) == data


def test_says_what_stands_in_a_plan() -> None:
    (item,) = parse_plan(spelled(plan_value())).items
    assert item.path == "/srv/release/model.bin"
    assert item.digest == bytes.fromhex("cd" * 32)
    assert item.parts == tuple(bytes([part]) * 32 for part in (1, 2, 3))
    assert item.identity == FileIdentity(
        device=2049,
        inode=131,
        size=2500,
        mtime_ns=1_700_000_000_000_000_000,
        ctime_ns=1_700_000_000_000_000_001,
    )


def test_one_part_is_the_content_and_empty_content_has_none() -> None:
    plan = parse_plan(
        spelled(plan_value(item_value(size=7, parts=""), item_value(size=0, parts="")))
    )
    assert [item.parts for item in plan.items] == [(plan.items[0].digest,), ()]


@given(items=st.lists(planned_items(), min_size=1, max_size=4), request=digests)
def test_parses_what_it_writes(items: list[PlannedItem], request: Sha256) -> None:
    plan = Plan(request=request, items=tuple(items))
    assert parse_plan(encode_plan(plan)) == plan


@given(items=st.lists(planned_items(), min_size=1, max_size=4), request=digests)
def test_writes_what_a_json_library_writes(items: list[PlannedItem], request: Sha256) -> None:
    data = encode_plan(Plan(request=request, items=tuple(items)))
    value = json.loads(data)
    del value["checksum"]
    assert spelled(value) == data


def test_every_truncation_is_refused() -> None:
    data = spelled(plan_value())
    for length in range(len(data)):
        assert reason_of(data[:length]) == "malformed", length


def test_every_flipped_bit_is_refused() -> None:
    data = bytearray(spelled(plan_value()))
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            assert reason_of(bytes(data)) == "malformed", (place, bit)
            data[place] ^= 1 << bit


def test_a_flipped_bit_under_a_right_checksum_is_never_misread() -> None:
    """Whatever still parses says something else than the plan it came from, in one spelling."""
    good = spelled(plan_value())
    body = bytearray(good[: good.index(b',"checksum"')])
    for place in range(len(body)):
        body[place] ^= 1
        data = seal(bytes(body))
        if reason_of(data) == "accept":
            assert encode_plan(parse_plan(data)) == data != good
        body[place] ^= 1


def test_says_what_to_do_with_a_torn_plan() -> None:
    with pytest.raises(JournalError, match="the checksum does not fit") as caught:
        parse_plan(spelled(plan_value())[:-1])
    assert caught.value.hint == "prepare again: a plan is never repaired"


def test_holds_10000_parts_and_no_more() -> None:
    item = item_value(size=limits.PART_COUNT, part_size=1, parts="0f" * 32 * limits.PART_COUNT)
    assert len(parse_plan(spelled(plan_value(item))).items[0].parts) == limits.PART_COUNT
    more = item_value(
        size=limits.PART_COUNT + 1, part_size=1, parts="0f" * 32 * (limits.PART_COUNT + 1)
    )
    with pytest.raises(JournalError, match=r"items\[0\].part_size: expected at most 10000 parts"):
        parse_plan(spelled(plan_value(more)))


def test_a_path_that_is_not_utf_8_cannot_be_written() -> None:
    (item,) = parse_plan(spelled(plan_value())).items
    odd = PlannedItem(
        path="/a\udcff",
        identity=item.identity,
        digest=item.digest,
        part_size=item.part_size,
        parts=item.parts,
    )
    with pytest.raises(FileError, match="not UTF-8") as caught:
        encode_plan(Plan(request=item.digest, items=(odd,)))
    assert caught.value.hint == "rename the file"


def test_too_many_items_and_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = spelled(plan_value(item_value(), item_value()))
    plan = parse_plan(data)
    monkeypatch.setattr(limits, "ITEM_COUNT", 1)
    assert reason_of(data) == "too-large"
    monkeypatch.setattr(limits, "PLAN_SIZE", len(data) - 1)
    assert reason_of(data) == "too-large"
    with pytest.raises(TooLargeError, match=f"expected at most {len(data) - 1} bytes") as caught:
        encode_plan(plan)
    assert caught.value.hint == "split the release into several requests"
