"""The commands by which a key leaves a trust root: in peace, and in an emergency. Text, nothing is done.

What is put into a command is quoted, so that it can be copied into a shell as it is shown.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signkit.formats.display import escape
from signkit.verify.trust import Trust

_DEFAULT = Path("trust.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A key that leaves, and what follows it.

    Attributes:
        name: What the key is called.
        keyid: Of the key.
        successor: What the key is called that follows it, or None where nobody said.
        public_path: The successor's public file, or None where it is in the trust root already.
        trust_path: The current trust root, or None where nobody said.
        roles: The roles that the key has in it.
    """

    name: str
    keyid: str
    successor: str | None
    public_path: Path | None = None
    trust_path: Path | None
    roles: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing to do.

    Attributes:
        what: In words.
        commands: How.
    """

    what: str
    commands: tuple[str, ...]


def rotation_acts(leaving: Leaving) -> tuple[Act, ...]:
    """Return the four steps of `trust.rotation.plan_rotation` as commands."""
    old, new = _word(leaving.name), _word(leaving.successor or "NEW")
    trust, draft = _trust_words(leaving.trust_path)
    public = _word(str(leaving.public_path or f"{leaving.successor}.pub.pem"))
    duties = " ".join(f"--role {_word(role)}" for role in leaving.roles or ("ROLE",))
    publish = (
        f"signkit trust request {draft}",
        f"signkit trust sign {draft} --current {trust} --response ROOT.response.json",
    )
    replaced = _word(f"replaced by {leaving.successor}")
    return (
        Act(
            what="publish a trust root with both keys, and put the new one into use",
            commands=(
                f"signkit trust add-key {trust} {public} --name {new} {duties}",
                *publish,
                f"signkit keys set-state {new} active --reason 'in the trust root'",
            ),
        ),
        Act(
            what="sign every release with both keys, until every device has that trust root",
            commands=tuple(f"signkit sign X.request.json --key {key}" for key in (old, new)),
        ),
        Act(
            what="sign with the new key only",
            commands=(f"signkit keys set-state {old} deactivated --reason {replaced}",),
        ),
        Act(
            what="publish a trust root without the old key, and destroy it",
            commands=(
                f"signkit trust remove-key {trust} {leaving.keyid}",
                *publish,
                f"signkit keys destroy {old} --reason {replaced}",
            ),
        ),
    )


def emergency_commands(leaving: Leaving) -> tuple[str, ...]:
    """Return what is to be done once the draft without a compromised key is written."""
    trust, draft = _trust_words(leaving.trust_path)
    old, new = _word(leaving.name), _word(leaving.successor or "ANOTHER")
    why = _word(f"the key {leaving.name} is compromised")
    return (
        f"signkit trust request {draft} --reason {why}",
        f"signkit trust sign {draft} --current {trust} --response ROOT.response.json",
        f"signkit trust check {trust} {draft} --released FOLDER   # what stops verifying",
        f"signkit keys set-state {new} active --reason WHY   # where it is not yet",
        f"signkit sign X.request.json --key {new}   # again, what stopped verifying",
        f"signkit keys destroy {old} --reason compromised",
    )


def whom_to_tell(leaving: Leaving, trust: Trust | None) -> tuple[str, ...]:
    """Return who must know that a key is compromised, and why.

    Args:
        leaving: The key.
        trust: The current trust root, which names the root keys, or None.
    """
    roots = [] if trust is None else [escape(trust.names[keyid]) for keyid in trust.root.keys]
    named = f" ({', '.join(roots)})" if roots else ""
    name = escape(leaving.name)
    return (
        f"the holders of root keys{named}: they sign the next trust root",
        "whoever asked for what is listed above, and the operators who confirmed it: is it theirs?",
        f"the custodians of shares and backups of {name}, and of every copy: destroy them",
        "the operators of other stations that hold the key: the register of each home is its own",
        "whoever runs devices: until they have the next trust root, they accept what the key signs",
    )


def _word(text: str) -> str:
    return shlex.quote(escape(text))


def _trust_words(path: Path | None) -> tuple[str, str]:
    """Return a trust root and its draft as words of a command."""
    text = str(path or _DEFAULT)
    stem = text.removesuffix(".json").removesuffix(".draft")
    return _word(text), _word(f"{stem}.draft.json")
