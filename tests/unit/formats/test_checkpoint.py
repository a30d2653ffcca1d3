"""The checkpoint: what was last seen, never less of it, and never half of it."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signkit.errors import FileError, JournalError, ResponseError
from signkit.formats.chain import EMPTY_HEAD
from signkit.formats.checkpoint import (
    FORMAT,
    Checkpoint,
    advance_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from signkit.model.response import Response, VerifiedResponse
from signkit.verify.digest import Sha256
from signkit.verify.encoding import encode_json
from tests.support.keys import SPARE, STATION
from tests.support.strategies import LABELS

ONE, OTHER = Sha256(b"\xab" * 32), Sha256(b"\xcd" * 32)
FULL = Checkpoint(
    last_response=ONE,
    sequences={("ML", "arm"): 3, ("ML", "x86"): 1},
    heads={"ef" * 32: {0: EMPTY_HEAD, 7: OTHER}},
)


def head(sequence: int) -> dict[str, Any]:
    return {"sequence": sequence, "head": {"sha256": "ab" * 32}}


def value(**changes: Any) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "last_response": None,
        "sequences": [{"artifact": "ML", "target": "arm", "sequence": 3}],
        "stations": [{"keyid": "ef" * 32, "heads": [head(1)]}],
        **changes,
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.json"


@pytest.mark.parametrize("checkpoint", [Checkpoint(), FULL])
def test_what_is_saved_is_loaded(path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(path, checkpoint)
    assert load_checkpoint(path) == checkpoint
    save_checkpoint(path, FULL)
    assert load_checkpoint(path) == FULL
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_it_is_written_as_its_page_says(path: Path) -> None:
    save_checkpoint(path, FULL)
    assert path.read_bytes() == (
        b'{"format":"signkit.checkpoint.v1","last_response":{"sha256":"' + b"ab" * 32 + b'"},'
        b'"sequences":[{"artifact":"ML","target":"arm","sequence":3},'
        b'{"artifact":"ML","target":"x86","sequence":1}],'
        b'"stations":[{"keyid":"'
        + b"ef" * 32
        + b'","heads":[{"sequence":0,"head":{"sha256":"'
        + b"00" * 32
        + b'"}},{"sequence":7,"head":{"sha256":"'
        + b"cd" * 32
        + b'"}}]}]}'
    )


def test_the_first_use_is_an_empty_one(path: Path) -> None:
    assert load_checkpoint(path) == Checkpoint(last_response=None, sequences={})
    assert load_checkpoint(path.parent / "none" / "checkpoint.json") == Checkpoint()


def test_sequences_follow() -> None:
    assert FULL.next_sequence("ML", "arm") == 4
    assert FULL.next_sequence("ML", "other") == 1


CHECKPOINTS = st.builds(
    Checkpoint,
    last_response=st.none() | st.binary(min_size=32, max_size=32).map(Sha256),
    sequences=st.dictionaries(st.tuples(LABELS, LABELS), st.integers(1, 2**53 - 1), max_size=4),
    heads=st.dictionaries(
        st.binary(min_size=32, max_size=32).map(bytes.hex),
        st.dictionaries(st.integers(0, 2**53 - 1), st.just(ONE), max_size=4),
        max_size=2,
    ),
)


@settings(max_examples=30)
@given(CHECKPOINTS)
def test_any_checkpoint_is_read_as_it_was_written(checkpoint: Checkpoint) -> None:
    with TemporaryDirectory() as folder:
        save_checkpoint(Path(folder, "checkpoint.json"), checkpoint)
        assert load_checkpoint(Path(folder, "checkpoint.json")) == checkpoint


PLACES = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy")), st.integers(1, 9), max_size=4
)


@given(PLACES, PLACES)
def test_no_sequence_ever_goes_down(
    before: dict[tuple[str, str], int], seen: dict[tuple[str, str], int]
) -> None:
    start = Checkpoint(last_response=ONE, sequences=dict(before))
    after = start.advanced(OTHER, seen)
    old = any(sequence < before.get(place, 0) for place, sequence in seen.items())
    assert after.last_response == (ONE if old else OTHER)
    assert after.sequences.keys() == before.keys() | seen.keys()
    for place, sequence in after.sequences.items():
        assert sequence == max(before.get(place, 0), seen.get(place, 0))
    assert start.sequences == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "checkpoint is not JSON"),
        (bytes(200), "checkpoint is not JSON"),
        (encode_json(value())[:40], "checkpoint is not JSON"),
        (encode_json([]), "expected an object, got an array"),
        (encode_json(value(format="signkit.checkpoint.v2")), "expected 'signkit.checkpoint.v1'"),
        (encode_json(value(x=1)), "unknown field 'x'"),
        (encode_json(value(last_response="ab")), "last_response: expected a digest"),
        (encode_json(value(sequences={})), "sequences: expected an array"),
        (encode_json(value(sequences=value()["sequences"] * 2)), "'ML' and target 'arm' stand twi"),
        (encode_json(value(sequences=[{"artifact": "a", "target": "b"}])), "'sequence' is missing"),
        (
            encode_json(value(sequences=[{"artifact": "a", "target": "b", "sequence": 0}])),
            "expected 1 to 9007199254740991, got 0",
        ),
        (
            encode_json(value(sequences=[{"artifact": "a", "target": "b", "sequence": 2**63}])),
            "expected an integer of at most 53 bits",
        ),
        (encode_json(value(sequences=[{**value()["sequences"][0], "x": 1}])), "unknown field 'x'"),
        (encode_json(value(stations=None)), "stations: expected an array"),
        (encode_json(value(stations=[{"heads": []}])), "'keyid' is missing"),
        (encode_json(value(stations=[{"keyid": "EF" * 32, "heads": []}])), "lower-case hex"),
        (encode_json(value(stations=[{"keyid": "ef" * 32, "heads": [head(1)] * 2}])), "expected 2"),
        (encode_json(value(stations=[{"keyid": "ef" * 32, "heads": [{}]}])), "'sequence' is mis"),
        (encode_json(value(stations=value()["stations"] * 2)), "stands there twice"),
    ],
)
def test_a_checkpoint_that_is_none_is_never_an_empty_one(
    path: Path, data: bytes, said: str
) -> None:
    path.write_bytes(data)
    with pytest.raises(JournalError, match=said) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "give --sequence" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["folder", "fifo", "dangling", "loop", "long"])
def test_a_checkpoint_out_of_reach_is_never_an_empty_one(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "long":
        path = path.parent / ("x" * 300)
    else:
        path.symlink_to("nowhere" if kind == "dangling" else path.name)
    with pytest.raises(FileError, match=r"^checkpoint "):
        load_checkpoint(path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        save_checkpoint(tmp_path / "none" / "checkpoint.json", FULL)


def test_the_folder_is_made_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "signkit" / "home" / "checkpoint.json"
    advance_checkpoint(path, ONE, {("ML", "arm"): 1})
    assert load_checkpoint(path).sequences == {("ML", "arm"): 1}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_w18_one_that_cannot_be_read_is_not_replaced(path: Path) -> None:
    path.write_bytes(b'{"format":')
    with pytest.raises(JournalError):
        advance_checkpoint(path, ONE, {("ML", "arm"): 1})
    assert path.read_bytes() == b'{"format":'


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be used"):
        advance_checkpoint(tmp_path / "file" / "checkpoint.json", ONE, {})


def test_nothing_is_lost_where_two_advance_it_at_once(path: Path) -> None:
    """Eight submits end in the same instant, each of another artifact."""
    places = [(f"artifact {number}", "arm") for number in range(8)]
    start = Barrier(len(places))

    def advance(place: tuple[str, str]) -> None:
        start.wait()
        for sequence in range(1, 6):
            advance_checkpoint(path, ONE, {place: sequence})

    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(advance, places))
    assert load_checkpoint(path).sequences == dict.fromkeys(places, 5)


def said(sequence: int, before: Sha256, after: Sha256, *, station: Any = STATION) -> Any:
    """A response, for what it says of its station's ledger."""
    response = Response(
        request=ONE,
        station="vault-1",
        sequence=sequence,
        created="2026-01-31T13:00:00Z",
        ledger_before=before,
        ledger_after=after,
        transcript=ONE,
        keys=(),
        items=(),
    )
    return VerifiedResponse(response=response, digest=ONE, station_key=station.public_key)


HEADS = [EMPTY_HEAD, *(Sha256(bytes([number]) * 32) for number in range(1, 9))]


def honest(sequence: int) -> Any:
    return said(sequence, HEADS[sequence - 1], HEADS[sequence])


def seen(*sequences: int) -> Checkpoint:
    found = Checkpoint()
    for sequence in sequences:
        found = found.with_heads(honest(sequence))
    return found


@given(st.lists(st.integers(1, 8)), st.integers(1, 8))
def test_one_ledger_is_never_refused_in_whatever_order(order: list[int], last: int) -> None:
    found = seen(*order)
    gap = found.check_heads(honest(last))
    assert (gap is None) == (not order or last - 1 <= max(order))


@pytest.mark.parametrize(
    ("known", "forged"),
    [
        ((3,), said(3, HEADS[2], OTHER)),  # the same sequence, another head: a fork
        ((3,), said(4, OTHER, HEADS[4])),  # it does not follow
        ((3,), said(2, HEADS[1], OTHER)),  # an older one, made later
        ((1, 3), said(2, HEADS[1], OTHER)),
        ((1,), said(2, OTHER, HEADS[2])),
        ((1,), said(1, ONE, HEADS[1])),  # something stood before the first line
    ],
)
def test_one_sequence_with_two_heads_is_refused(known: tuple[int, ...], forged: Any) -> None:
    """Attacker: the station's operator. Move: rewrites, cuts or forks the ledger."""
    checkpoint = seen(*known)
    with pytest.raises(ResponseError, match="was rewritten, or begun anew: its head at") as caught:
        checkpoint.check_heads(forged)
    assert "ledger verify --against" in str(caught.value.hint)
    assert caught.value.reason == "context"


def test_a_sequence_that_nobody_here_saw_cannot_be_compared() -> None:
    """Begun anew, and not yet as far as what was seen: only the ledger itself can tell."""
    assert seen(3, 6).check_heads(said(1, EMPTY_HEAD, OTHER)) is None


def test_a_gap_is_said_with_its_length() -> None:
    assert "went on by 4 ceremonies that were not" in str(seen(1).check_heads(honest(6)))


def test_another_station_has_a_ledger_of_its_own() -> None:
    other = said(3, OTHER, ONE, station=SPARE)
    assert seen(3).check_heads(other) is None
    both = seen(3).with_heads(other)
    assert both.check_heads(other) is both.check_heads(honest(3)) is None


def test_a_new_ledger_is_taken_where_it_is_said() -> None:
    anew = said(1, EMPTY_HEAD, OTHER)
    found = seen(1, 2).with_heads(anew, new_ledger=True)
    assert found.heads == {STATION.public_key.keyid: {0: EMPTY_HEAD, 1: OTHER}}


def test_heads_are_kept_with_the_rest(path: Path) -> None:
    advance_checkpoint(path, ONE, {("ML", "arm"): 1}, answers=(honest(1),))
    advance_checkpoint(path, OTHER, {("ML", "arm"): 2}, answers=(honest(2),))
    found = load_checkpoint(path)
    assert found.heads == {STATION.public_key.keyid: dict(enumerate(HEADS[:3]))}
    assert (found.last_response, found.next_sequence("ML", "arm")) == (OTHER, 3)
