"""The base of frozen values behaves as a frozen dataclass does."""

from __future__ import annotations

import pytest

from signkit.verify.value import Value


class Point(Value):
    x: int
    y: object


class Place(Value):
    x: int
    y: object


def test_fields_are_read_by_name() -> None:
    point = Point(y="north", x=1)
    assert (point.x, point.y) == (1, "north")


def test_equal_by_type_and_content() -> None:
    assert Point(x=1, y=2) == Point(x=1, y=2)
    assert Point(x=1, y=2) != Point(x=1, y=3)
    assert Point(x=1, y=2) != Place(x=1, y=2)
    assert Point(x=1, y=2) != (1, 2)


def test_hashed_by_content() -> None:
    assert hash(Point(x=1, y=2)) == hash(Point(x=1, y=2))
    assert len({Point(x=1, y=2), Point(x=1, y=2), Place(x=1, y=2), Point(x=2, y=1)}) == 3
    assert hash(Point(x=1, y=2)) != hash(Place(x=1, y=2))


def test_a_value_that_holds_what_cannot_be_hashed_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(x=1, y={}))


def test_shows_its_fields() -> None:
    assert repr(Point(x=1, y="b")) == "Point(x=1, y='b')"


@pytest.mark.parametrize("fields", [{}, {"x": 1}, {"x": 1, "y": 2, "z": 3}, {"x": 1, "z": 3}])
def test_takes_exactly_its_fields(fields: dict[str, int]) -> None:
    with pytest.raises(TypeError, match=r"^Point takes exactly x, y$"):
        Point(**fields)


def test_takes_names_only() -> None:
    with pytest.raises(TypeError):
        Point(1, 2)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["x", "z"])
def test_is_frozen(name: str) -> None:
    point = Point(x=1, y=2)
    with pytest.raises(
        AttributeError, match=rf"^Point\.{name} cannot be set: the value is frozen$"
    ):
        setattr(point, name, 5)
    with pytest.raises(AttributeError, match=rf"^Point\.{name} cannot be deleted: the value is"):
        delattr(point, name)
    assert point == Point(x=1, y=2)
