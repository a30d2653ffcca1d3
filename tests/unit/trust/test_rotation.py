"""The plan of a rotation is judged by the ground floor, with stand-ins for the keys."""

from __future__ import annotations

from itertools import count

import pytest

from signkit.errors import UsageError
from signkit.trust.edit import RoleChange, set_role
from signkit.trust.rotation import (
    Step,
    plan_rotation,
    rotation_gates,
    rotation_table,
    step_values,
)
from signkit.verify.trust import Trust
from tests.support.keys import PROD, SPARE, STRANGER, KeyOfTest
from tests.support.trust_roots import FRANK, first


def plan(trust: Trust, role: str = "release", new: KeyOfTest = FRANK) -> tuple[Step, ...]:
    bytes_left = count(0x90)
    return plan_rotation(
        trust,
        role,
        old=PROD.public_key,
        new=new.public_key,
        new_name=new.name,
        stand_in=lambda: KeyOfTest("stand-in", next(bytes_left)),
    )


def verdicts(steps: tuple[Step, ...]) -> list[dict[int, str]]:
    return [dict(step.verdicts) for step in steps]


def test_one_key_of_two() -> None:
    ok, no = "verifies", "unknown-key"
    assert verdicts(plan(first())) == [
        {1: ok, 2: ok},
        {1: ok, 2: ok},
        {1: no, 2: ok},
        {1: no, 2: ok, 3: ok},
        {1: ok, 2: ok, 3: no},
    ]


def test_a_threshold_of_two_keeps_its_other_signer() -> None:
    steps = plan(first(release=2))
    assert [step.signers for step in steps] == [
        ("prod", "spare"),
        ("prod", "frank", "spare"),
        ("frank", "spare"),
        ("frank", "spare"),
        ("prod", "spare"),
    ]
    assert steps[2].verdicts == {1: "threshold", 2: "verifies"}
    assert steps[4].verdicts == {1: "verifies", 2: "verifies", 3: "threshold"}


def test_an_overlapping_role_shows() -> None:
    """Whoever plans sees that revoking a key in one role does not revoke it in another."""
    wide = RoleChange(keys={"prod": PROD.public_key})
    steps = plan(set_role(first(), "wide", wide))
    assert steps[4].verdicts == {1: "verifies", 2: "verifies", 3: "verifies"}


def test_what_has_to_be_so_before_a_step() -> None:
    assert rotation_gates(plan(first())) == [
        "before step 3: no device may still be at version 1",
        "before step 4: no device may still need a release from before step 2",
    ]


def test_as_a_table_and_as_data() -> None:
    lines = rotation_table(plan(first())).splitlines()
    assert lines[0].split("  ")[0] == "STEP"
    assert [line[0] for line in lines[1:]] == ["1", "2", "3", "4", "-"]
    assert "prod + frank" in lines[2]
    assert step_values(plan(first()))[2]["verdicts"] == {"1": "unknown-key", "2": "verifies"}


def test_what_cannot_be_planned() -> None:
    for role, new, said in (
        ("root", FRANK, "the root role signs no releases"),
        ("nope", FRANK, "no role 'nope' with the key"),
        ("release", SPARE, "nothing would change"),
    ):
        with pytest.raises(UsageError, match=said):
            plan(first(), role, new)
    strangers = RoleChange(keys={"stranger": STRANGER.public_key})
    with pytest.raises(UsageError, match="no role 'release' with the key"):
        plan(set_role(first(), "release", strangers))
