"""`signkit trust check | plan-rotation`: what a new version does to devices, before they get it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.trust_files import JsonOption, key_name, read_public

if TYPE_CHECKING:
    from signkit.verify.ed25519 import PublicKey
    from signkit.verify.trust import Trust


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("check", help="Say what a new version changes for devices.")(check)
    group.command("plan-rotation", help="Say how to replace a key of a role.")(plan_rotation)


def check(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The trust root devices have.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The next one, or its draft.")],
    *,
    released: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="Statement, response, or folder of them; again for more."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every change, whether a device follows, and which releases stop or start verifying."""
    from signkit.cli.clock import now
    from signkit.trust.changes import change_table, change_values, list_changes
    from signkit.trust.collect import find_refusal
    from signkit.trust.files import read_draft, read_trust
    from signkit.trust.impact import compare_released, effect_table, effect_values, find_released

    before, draft = read_trust(old), read_draft(new)
    effects = compare_released(before, draft.trust, find_released(released or []), now=now())
    refusal = find_refusal(draft, before)
    changes = list_changes(before, draft.trust)
    value: dict[str, object] = {
        "follows": refusal is None,
        "code": refusal and refusal.code,
        "changes": change_values(changes),
        "released": effect_values(effects),
    }
    verdict = "a device with OLD accepts NEW" if refusal is None else "a device REFUSES NEW"
    text = "\n\n".join([change_table(changes), *effect_table(effects), verdict])
    output.show_result(value, text, as_json=as_json)
    if refusal is not None:
        raise refusal


def plan_rotation(
    trust: Annotated[Path, typer.Argument(metavar="TRUST", help="The current trust root.")],
    role: Annotated[str, typer.Argument(metavar="ROLE", help="Any but root.")],
    old: Annotated[str, typer.Argument(metavar="OLD", help="NAME or KEYID of the key that goes.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Public key that comes.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Print the four steps, and what devices at each version say of a release in each step."""
    from signkit.trust.edit import find_key
    from signkit.trust.files import read_trust

    current = read_trust(trust)
    key = read_public(new, allow_test_keys=True)  # a plan trusts nobody
    value, text = describe_rotation(
        current, role, old=find_key(current, old), new=key, new_name=key_name(new)
    )
    output.show_result(value, text, as_json=as_json)


def describe_rotation(
    trust: Trust, role: str, *, old: PublicKey, new: PublicKey, new_name: str
) -> tuple[dict[str, object], str]:
    """Return the plan of a rotation: for data, and for people.

    Args, Raises: as `trust.rotation.plan_rotation`.
    """
    from signkit.custody.software import SoftwareSigner
    from signkit.formats.private_key import new_private_key
    from signkit.trust.rotation import plan_rotation as plan
    from signkit.trust.rotation import rotation_gates, rotation_table, step_values

    steps = plan(
        trust,
        role,
        old=old,
        new=new,
        new_name=new_name,
        stand_in=lambda: SoftwareSigner(new_private_key(), name="stand-in"),
    )
    value: dict[str, object] = {"steps": step_values(steps), "gates": rotation_gates(steps)}
    return value, "\n".join([rotation_table(steps), "", *rotation_gates(steps)])
