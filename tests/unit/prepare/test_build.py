"""What was said and what was computed become one request and its plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signkit.errors import FormatError, UnsupportedVersionError, UsageError
from signkit.model.plan import PlannedItem
from signkit.prepare.build import build_items, build_wanted
from signkit.prepare.hashing import hash_files
from signkit.prepare.release_list import ListedFile

WANTED = build_wanted(["peridio", "statement"], role="release")


@pytest.fixture
def hashed(tmp_path: Path) -> list[PlannedItem]:
    paths = [tmp_path / "a.bin", tmp_path / "b.bin"]
    for path in paths:
        path.write_text(path.name)
    return list(hash_files([str(path) for path in paths], advance=lambda _count: None))


def said_of(hashed: PlannedItem, **changes: Any) -> ListedFile:
    name = hashed.path.rpartition("/")[2]
    said = ListedFile(
        path=hashed.path,
        name=name,
        artifact=name,
        version="1",
        target="t",
        sequence=None,
        expires=None,
        custom_metadata={},
    )
    return said._replace(**changes)


def test_an_item_holds_what_was_said_and_computed(hashed: list[PlannedItem]) -> None:
    said = said_of(hashed[0], sequence=9, expires="2030-01-01T00:00:00Z", custom_metadata={"a": 1})
    ((item, planned),) = build_items(
        [said], hashed[:1], wanted=WANTED, next_sequence=lambda *_place: 1
    )
    assert planned is hashed[0]
    assert (item.name, item.artifact, item.version, item.target) == ("a.bin", "a.bin", "1", "t")
    assert (item.size, item.digest) == (5, hashed[0].digest)
    assert (item.sequence, item.expires) == (9, "2030-01-01T00:00:00Z")
    assert (item.custom_metadata, item.wanted) == ({"a": 1}, WANTED)


def test_a_sequence_that_was_not_said_continues(hashed: list[PlannedItem]) -> None:
    asked: list[tuple[str, str]] = []

    def following(artifact: str, target: str) -> int:
        asked.append((artifact, target))
        return 40 + len(asked)

    said = [said_of(hashed[0]), said_of(hashed[1], sequence=7)]
    built = build_items(said, hashed, wanted=WANTED, next_sequence=following)
    assert [item.sequence for item, _planned in built] == [41, 7]
    assert asked == [("a.bin", "t")]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a\x1b.bin", "name of /.*a.bin holds the control character"),
        ("a\\b", "name of /.*: expected a plain file name"),
        ("..", "name of /.*: expected a plain file name"),
        ("", "name of /.* is empty"),
    ],
)
def test_a_name_that_is_none_is_refused(hashed: list[PlannedItem], name: str, told: str) -> None:
    said = [said_of(hashed[0]), said_of(hashed[1], name=name)]
    with pytest.raises(FormatError, match=told.replace("a.bin", "b.bin")):
        list(build_items(said, hashed, wanted=WANTED, next_sequence=lambda *_place: 1))


def test_a_scheme_is_wanted_once_and_must_be_known() -> None:
    assert build_wanted(["peridio", "statement", "peridio"], role="release") == WANTED
    with pytest.raises(UsageError, match="the scheme 'trust' signs trust roots, not files"):
        build_wanted(["statement", "trust"], role="root")
    with pytest.raises(UnsupportedVersionError, match="unknown scheme 'rot13'"):
        build_wanted(["peridio", "rot13"], role="release")
