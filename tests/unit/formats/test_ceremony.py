"""Ceremony files: every vector gives its outcome, and what is accepted says what it says."""

from __future__ import annotations

import json

import pytest

from signkit.errors import MalformedError, SignkitError, TooLargeError
from signkit.formats.ceremony import CEREMONY_SIZE, parse_ceremony
from signkit.model.ceremony import OwnStep, Person
from tests.support.ceremony_vectors import FOLDER, FULL, SMALL, vectors

CASES = json.loads((FOLDER / "EXPECT.json").read_text())


@pytest.mark.parametrize(("name", "code"), CASES.items())
def test_a_vector_gives_its_outcome(name: str, code: str) -> None:
    data = (FOLDER / name).read_bytes()
    if code == "accept":
        assert parse_ceremony(data).names("operator")
        return
    with pytest.raises(SignkitError) as caught:
        parse_ceremony(data)
    assert caught.value.code == code


def test_stored_vectors_are_the_generated_ones() -> None:
    found = vectors()
    assert {name: code for name, (_data, code) in found.items()} == CASES
    for name, (data, _code) in found.items():
        assert (FOLDER / name).read_bytes() == data, name


def test_what_the_full_one_says() -> None:
    plan = parse_ceremony(FULL.encode())
    assert (plan.title, plan.date, plan.place) == (
        "Release 2.4.0 of the gateways",
        "2026-02-01",
        "Vault 1",
    )
    assert (plan.request, plan.key, plan.public_key) == (
        "model.request.json",
        "prod",
        "prod.pub.pem",
    )
    assert (plan.policy, plan.content) == ("station.toml", "/media/stick/out put")
    assert plan.installation == b"\x0f" * 32
    assert plan.people[0] == Person("Ada Lovelace", "leader")
    assert plan.names("operator") == ("Grace Hopper", "Barbara Liskov")
    assert plan.steps[1] == OwnStep(
        "after", "leader", "Put the station into a new bag.\nIts number: ____"
    )


def test_what_the_small_one_leaves_open() -> None:
    plan = parse_ceremony(SMALL.encode())
    assert (plan.date, plan.place, plan.public_key, plan.policy) == (None, None, None, None)
    assert (plan.installation, plan.content, plan.steps) == (None, None, ())


def test_a_file_past_the_limit_is_not_looked_at() -> None:
    with pytest.raises(TooLargeError):
        parse_ceremony(b"#" * (CEREMONY_SIZE + 1))


def test_a_role_that_nobody_has_is_named() -> None:
    text = FULL.replace('role = "leader"\n\n[[person]]', 'role = "witness"\n\n[[person]]', 1)
    with pytest.raises(MalformedError, match=r"expected a \[\[person\]\] whose role is 'leader'$"):
        parse_ceremony(text.encode())
