"""Commands that are shown to be copied: quoted, and with nothing in them that is not seen."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from signkit.trust.road import Leaving, emergency_commands, rotation_acts, whom_to_tell

LEAVING = Leaving(
    name="prod",
    keyid="ab" * 32,
    successor="prod-2",
    public_path=Path("/home/keys/prod-2.pub.pem"),
    trust_path=Path("trust.json"),
    roles=("release", "two words"),
)


def commands(leaving: Leaving) -> list[str]:
    return [
        *(command for act in rotation_acts(leaving) for command in act.commands),
        *emergency_commands(leaving),
    ]


def test_the_four_steps() -> None:
    first, both, new, last = rotation_acts(LEAVING)
    assert first.commands[0] == (
        "signkit trust add-key trust.json /home/keys/prod-2.pub.pem --name prod-2"
        " --role release --role 'two words'"
    )
    assert [each.split()[-1] for each in both.commands] == ["prod", "prod-2"]
    assert "set-state prod deactivated" in new.commands[0]
    assert last.commands[0] == f"signkit trust remove-key trust.json {'ab' * 32}"


@pytest.mark.parametrize("path", ["trust.json", "trust.draft.json", "trust"])
def test_the_draft_has_its_name(path: str) -> None:
    said = emergency_commands(replace(LEAVING, trust_path=Path(path)))
    assert said[0].startswith("signkit trust request trust.draft.json ")


@pytest.mark.parametrize("hostile", ["a; rm -rf ~", "$(id)", "a'b", "a\nb", "a\u202eb", "`id`"])
def test_hostile_names_are_one_word_each(hostile: str) -> None:
    """Attacker: names a role or a folder. Move: a command of theirs in the line that is copied."""
    named = replace(
        LEAVING,
        public_path=Path(hostile),
        trust_path=Path(hostile),
        roles=(hostile,),
    )
    plain = [len(shlex.split(each, comments=True)) for each in commands(LEAVING)]
    said = commands(named)
    expected = [
        count - 2 if count == plain[0] and not place else count for place, count in enumerate(plain)
    ]
    assert [len(shlex.split(each, comments=True)) for each in said] == expected
    assert all(each.isprintable() for each in said)


def test_what_nobody_said_is_a_place_to_fill_in() -> None:
    unsaid = Leaving(name="prod", keyid="ab" * 32, successor=None, trust_path=None)
    assert any("--key ANOTHER" in each for each in emergency_commands(unsaid))
    assert all("None" not in each for each in emergency_commands(unsaid))
    assert "root keys: they" in whom_to_tell(unsaid, None)[0]
