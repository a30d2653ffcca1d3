"""`signkit keys compromise`: somebody else may have a key. Stop it here, and start the way out.

The register comes first, whatever else fails: what cannot be done after it is said, and is the
command's error at its end. It may be run again, with more options.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.custody import (
    JsonOption,
    NameArgument,
    ReasonOption,
    act,
    home_and_store,
)
from signkit.errors import KeyNotFoundError, SignkitError, UsageError

if TYPE_CHECKING:
    from signkit.custody.store import KeyStore
    from signkit.custody.succession import KnownKey
    from signkit.verify.ed25519 import PublicKey
    from signkit.verify.trust import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the report.

    Attributes:
        value: For data.
        lines: For people.
        problem: Why it could not be made, or None.
    """

    value: dict[str, object]
    lines: tuple[str, ...]
    problem: SignkitError | None = None


def compromise(
    name: NameArgument,
    *,
    reason: ReasonOption,
    trust: Annotated[
        Path | None,
        typer.Option(metavar="TRUST", help="The trust root: draft the next without the key."),
    ] = None,
    successor: Annotated[
        str | None,
        typer.Option(metavar="NEW", help="A key of the store that takes its place in the draft."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mark a key as compromised: it signs nothing here any more. Then print all that follows.

    The draft of the next trust root, what the key signed by this station's ledger, and whom to tell.
    """
    from signkit.custody.keeping import change_state
    from signkit.custody.overview import life_value
    from signkit.custody.register import open_register
    from signkit.custody.succession import find_known
    from signkit.model.custody import State

    done = act(reason)
    if successor is not None and trust is None:
        message = "--successor without --trust: there is no draft to put it into"
        raise UsageError(message, hint="name the trust root with --trust")
    home, store = home_and_store()
    with open_register(home) as opened:
        known = find_known(name, store, opened.said)
        life = opened.said.lives.get(known.keyid)
        if life is None or life.state is not State.COMPROMISED:
            life = change_state(
                opened, known.keyid, name=known.name, state=State.COMPROMISED, act=done
            )
        said = opened.said
    parts = [
        _attempt(
            "signed", "SIGNED WITH IT", lambda: _describe_signed(home / "ledger.jsonl", known)
        ),
        _attempt(
            "trust", "NEXT TRUST ROOT", lambda: _describe_draft(trust, known, successor, store)
        ),
        _describe_duties(known, trust, successor),
    ]
    value: dict[str, object] = {"name": known.name, "keyid": known.keyid}
    value |= life_value(life, said) | {"reason": life.history[-1].reason}
    lines = [f"COMPROMISED  {known.name} since {life.since}", f"keyid        {known.keyid}"]
    for part in parts:
        value |= part.value
        lines += ["", *part.lines]
    output.show_result(value, "\n".join(lines), as_json=as_json)
    for problem in [part.problem for part in parts if part.problem]:
        raise problem


def _attempt(label: str, title: str, describe: Callable[[], Part]) -> Part:
    """Return a part of the report; where it cannot be made, why."""
    try:
        return describe()
    except SignkitError as error:
        output.warn(f"not done: {error}")
        return Part(value={label: None}, lines=(f"{title}: not done, see the end",), problem=error)


def _describe_signed(ledger: Path, known: KnownKey) -> Part:
    """Return what the key signed, as far as the ledger of this station says."""
    from signkit.cli.ledger_report import found_text, found_value
    from signkit.station.search import Question, search_ledger

    there = os.path.lexists(ledger)
    count, found = search_ledger(ledger, Question(keyid=known.keyid)) if there else (0, [])
    text = found_text(found, count) if there else "nothing: this home has no ledger"
    value: dict[str, object] = {"signed": [found_value(each) for each in found]}
    return Part(value=value, lines=("SIGNED WITH IT, by this station's ledger", text))


def _describe_draft(
    path: Path | None, known: KnownKey, successor: str | None, store: KeyStore
) -> Part:
    """Write the draft of the next trust root without the key; nothing without a trust root.

    It goes on from a draft that is there, for instance because this was run before.
    """
    from signkit.cli.trust_edit import write_draft
    from signkit.formats.trust import every_key
    from signkit.trust.edit import find_key, remove_key, replace_key
    from signkit.trust.files import find_draft, read_draft

    if path is None:
        return Part(
            value={"trust": None}, lines=("NEXT TRUST ROOT: name the current one with --trust",)
        )
    file = find_draft(path)
    if known.keyid not in every_key(read_draft(file).trust):
        without: dict[str, object] = {"draft": str(file), "changes": []}
        return Part(value={"trust": without}, lines=(f"NEXT TRUST ROOT: {file} has not the key",))
    follower = None if successor is None else _read_successor(successor, store)

    def change(trust: Trust) -> Trust:
        key = find_key(trust, known.keyid)
        if successor is None or follower is None:
            return remove_key(trust, key)
        return replace_key(trust, key, follower, name=successor)

    try:
        value, text = write_draft(file, change, out=None)
    except UsageError as error:
        if successor is None:
            raise UsageError(str(error), hint="run it again with --successor NAME") from error
        raise
    return Part(value={"trust": value}, lines=("NEXT TRUST ROOT", text))


def _read_successor(name: str, store: KeyStore) -> PublicKey:
    key = store.get(name).public_key
    if key is None:
        message = f"the public key of {name} is not in {store.folder}"
        raise KeyNotFoundError(message, hint=f"signkit keys convert {name} --to pem --public")
    return key


def _describe_duties(known: KnownKey, path: Path | None, successor: str | None) -> Part:
    """Return whom to tell, and what to do next."""
    from signkit.trust.files import read_draft
    from signkit.trust.road import Leaving, emergency_commands, whom_to_tell

    leaving = Leaving(name=known.name, keyid=known.keyid, successor=successor, trust_path=path)
    try:
        trust = None if path is None else read_draft(path).trust
    except SignkitError:  # said already, where the draft was to be written
        trust = None
    tell, commands = whom_to_tell(leaving, trust), emergency_commands(leaving)
    lines = (
        "TELL",
        *(f"  {each}" for each in tell),
        "",
        "NEXT",
        *(f"  {each}" for each in commands),
    )
    return Part(value={"tell": list(tell), "next": list(commands)}, lines=lines)
