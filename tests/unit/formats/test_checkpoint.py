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

from signkit.errors import FileError, JournalError
from signkit.formats.checkpoint import (
    FORMAT,
    Checkpoint,
    advance_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from signkit.verify.digest import Sha256
from signkit.verify.encoding import encode_json
from tests.support.strategies import LABELS

ONE, OTHER = Sha256(b"\xab" * 32), Sha256(b"\xcd" * 32)
FULL = Checkpoint(last_response=ONE, sequences={("ML", "arm"): 3, ("ML", "x86"): 1})


def value(**changes: Any) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "last_response": None,
        "sequences": [{"artifact": "ML", "target": "arm", "sequence": 3}],
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
        b'{"artifact":"ML","target":"x86","sequence":1}]}'
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
