"""How a role's key is replaced without a device left behind: four steps, and who accepts what.

Nothing is asserted: the trust roots of the steps are made by `edit.py`, a sample release is signed
for each step, and the ground floor judges it under each version. The real private keys are not
here, so stand-ins that are thrown away afterwards take the places of all keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from signkit.errors import UsageError
from signkit.formats.display import escape, format_table
from signkit.formats.envelope import Signing, envelope_value, sign_payload
from signkit.formats.trust import every_key, every_role
from signkit.model.request import Item, Request
from signkit.schemes import statement
from signkit.trust.edit import add_key, next_version, remove_key, replaced
from signkit.trust.impact import ACCEPTED, judge
from signkit.verify.digest import compute_digest
from signkit.verify.ed25519 import PublicKey
from signkit.verify.encoding import encode_json
from signkit.verify.statement import PAYLOAD_TYPE
from signkit.verify.trust import ROOT_ROLE, Role, Trust

_CONTENT = b"sample"
StandIns = Mapping[str, Signing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a rotation.

    Attributes:
        number: Its place, from 1; 0 is a release from before step 2 that is still out.
        act: What is done.
        signers: Names of the keys that sign releases in it.
        verdicts: By version of the trust root that is out by then, what a device that has it says of
            such a release: "verifies", or the code of its refusal.
    """

    number: int
    act: str
    signers: tuple[str, ...]
    verdicts: Mapping[int, str]


def plan_rotation(
    trust: Trust,
    role: str,
    *,
    old: PublicKey,
    new: PublicKey,
    new_name: str,
    stand_in: Callable[[], Signing],
) -> tuple[Step, ...]:
    """Return the four steps that replace a key of a role, and what becomes of older releases.

    Args:
        trust: The current trust root.
        role: Which role, not the root role.
        old: The key that leaves it.
        new: The key that comes.
        new_name: What to call the new key.
        stand_in: Makes a key that signs in place of a real one.

    Raises:
        UsageError: the role has no such key, or has the new one already.
    """
    if role == ROOT_ROLE:
        message = "the root role signs no releases: there is nothing to plan"
        raise UsageError(message, hint="replace a root key with add-key and remove-key")
    duty = every_role(trust).get(role)
    if duty is None or old.keyid not in duty.keys:
        message = f"the trust root has no role {role!r:.200} with the key {old.keyid}"
        raise UsageError(message, hint="`signkit trust show` lists roles and keys")
    issued = trust.issued
    both = next_version(add_key(trust, new, name=new_name, roles=[role]), issued=issued)
    last = next_version(remove_key(both, old, roles=[role]), issued=issued)
    others = [keyid for keyid in duty.keys if keyid != old.keyid][: duty.threshold - 1]
    stand_ins = {keyid: stand_in() for keyid in {**every_key(both), **every_key(trust)}}
    until_switch, after = (trust, both), (trust, both, last)
    acts = (
        (1, f"publish version {both.version} with both keys", [old.keyid], until_switch),
        (2, "sign every release with both", [old.keyid, new.keyid], until_switch),
        (3, "sign with the new key only", [new.keyid], until_switch),
        (4, f"publish version {last.version} without the old key", [new.keyid], after),
        (0, "(a release from before step 2)", [old.keyid], after),
    )
    return tuple(
        Step(
            number=number,
            act=act,
            signers=tuple(both.names[keyid] for keyid in (*signers, *others)),
            verdicts=_judge_all(
                versions, duty, [stand_ins[each] for each in (*signers, *others)], stand_ins
            ),
        )
        for number, act, signers, versions in acts
    )


def _judge_all(
    versions: Sequence[Trust], duty: Role, signers: Sequence[Signing], stand_ins: StandIns
) -> dict[int, str]:
    data = _sample(duty, signers)
    return {
        trust.version: judge(_with_stand_ins(trust, stand_ins), data, now=None)
        for trust in versions
    }


def _sample(duty: Role, signers: Sequence[Signing]) -> bytes:
    """Return a statement that the role covers, in its envelope."""
    item = Item(
        name="sample.bin",
        size=len(_CONTENT),
        digest=compute_digest(_CONTENT),
        artifact=duty.artifacts[0].replace("*", "x"),
        version="1",
        target=duty.targets[0].replace("*", "x"),
        sequence=1,
        expires=None,
        custom_metadata={},
        wanted=(),
    )
    request = Request(
        requester="plan",
        reason=None,
        created="2000-01-01T00:00:00Z",
        previous_response=None,
        items=(item,),
    )
    payload = statement.compute_payload(item, request)
    made = [sign_payload(PAYLOAD_TYPE, payload, signer, carry_key=False) for signer in signers]
    return encode_json(envelope_value(PAYLOAD_TYPE, payload, made))


def _with_stand_ins(trust: Trust, stand_ins: StandIns) -> Trust:
    """Return a trust root in which every key is its stand-in; all else is as it was."""
    keys = {keyid: stand_ins[keyid].public_key for keyid in trust.names}
    return replaced(
        trust,
        names={keys[keyid].keyid: name for keyid, name in trust.names.items()},
        root=_role_with(trust.root, keys),
        roles={name: _role_with(role, keys) for name, role in trust.roles.items()},
    )


def _role_with(role: Role, keys: Mapping[str, PublicKey]) -> Role:
    return replaced(role, keys={keys[keyid].keyid: keys[keyid] for keyid in role.keys})


def rotation_table(steps: Sequence[Step]) -> str:
    """Return the steps as a table for people; nothing unescaped in it."""
    versions = sorted({version for step in steps for version in step.verdicts})
    rows = [
        (
            str(step.number or "-"),
            step.act,
            escape(" + ".join(step.signers)),
            *(step.verdicts.get(version, "-") for version in versions),
        )
        for step in steps
    ]
    devices = [f"DEVICE AT {version}" for version in versions]
    return format_table(("STEP", "WHAT YOU DO", "RELEASES SIGNED BY", *devices), rows)


def step_values(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Return the steps as data."""
    return [
        {
            "step": step.number,
            "act": step.act,
            "signers": list(step.signers),
            "verdicts": {str(version): said for version, said in step.verdicts.items()},
        }
        for step in steps
    ]


def rotation_gates(steps: Sequence[Step]) -> list[str]:
    """Return, for each step that some device would refuse, what has to be so before it."""
    gates: list[str] = []
    gone: list[str] = []  # versions that no device has any more by then
    for step in steps:
        refusing = [str(at) for at, said in step.verdicts.items() if said != ACCEPTED]
        behind = [version for version in refusing if version not in gone]
        if behind and step.number:
            gone += behind
            said = f"no device may still be at version {', '.join(behind)}"
            gates.append(f"before step {step.number}: {said}")
        elif behind:
            gates.append("before step 4: no device may still need a release from before step 2")
    return gates
