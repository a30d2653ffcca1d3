"""A fleet of a thousand is reviewed on one screen, and signed by one approval."""

from __future__ import annotations

import pytest

from tests.support import fleet
from tests.support.commands import Machine


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[fleet.Ceremony, ...]:
    """Three ceremonies: 990 items, then 1,000, then 1,000 of which some are not as they were."""
    machine = Machine(tmp_path_factory.mktemp("fleet"))
    return fleet.releases(machine, environment={"TERM": "dumb", "COLUMNS": "80"})


def rows(ceremony: fleet.Ceremony) -> dict[str, str]:
    """Return the rows of the first screen that name an item: by artifact, what is said of it."""
    lines = ceremony.screen.split("\n")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert ceremony.screen.isascii()
    assert "\x1b" not in ceremony.screen
    start = next(place for place, line in enumerate(lines) if line.startswith("CHANGES since "))
    return {line[7:25].strip(): line[48:].strip() for line in lines[start + 1 : -2]}


def test_the_ten_that_are_new_stand_on_the_first_screen(
    held: tuple[fleet.Ceremony, ...],
) -> None:
    shown = rows(held[1])
    assert set(shown) == set(fleet.ADDED)
    assert shown["sens0r-012"].startswith("looks like sensor-012")
    assert shown["Sensor-044"].startswith("looks like sensor-044")
    assert shown["pump"] == "a new artifact"
    assert "10 of 1,000 want a look" in held[1].screen


def test_one_of_each_kind_stands_on_the_first_screen(held: tuple[fleet.Ceremony, ...]) -> None:
    shown = rows(held[2])
    assert {name for name in fleet.ODD if name in shown} == set(fleet.ODD)
    assert shown["sensor-011"] == "sequence 2 -> 1"
    assert shown["sensor-044"] == "version 1.1.0 -> 1.0.9"
    assert shown["sensor-200"] == "same content, other version"
    assert shown["valve-4"] == "signed last time, not now"


def test_one_approval_gives_two_thousand_signatures(held: tuple[fleet.Ceremony, ...]) -> None:
    assert [each.signature_count for each in held] == [1980, 2000, 2000]


def test_a_first_ceremony_says_that_there_is_nothing_to_compare(
    held: tuple[fleet.Ceremony, ...],
) -> None:
    assert "NOT COMPARED, nothing was signed here yet" in held[0].screen
    assert "LOOK" not in held[0].screen
