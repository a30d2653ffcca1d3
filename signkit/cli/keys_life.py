"""`signkit keys set-state | history | destroy`: the life of a key, as the custody register has it."""

from __future__ import annotations

import sys
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
from signkit.errors import ConfirmationError, UsageError

if TYPE_CHECKING:
    from signkit.custody.life import Life, Register
    from signkit.custody.succession import KnownKey
    from signkit.model.custody import State

_LABEL_WIDTH = 13


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("set-state", help="Put a key into use, pause it, or retire it.")(set_state)
    group.command("history", help="Show a key's life: who did what, when and why.")(history)
    group.command("destroy", help="Wipe a private key for ever.")(destroy)


def set_state(
    name: NameArgument,
    state: Annotated[
        str, typer.Argument(metavar="STATE", help="active, suspended or deactivated.")
    ],
    *,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Write a transition into the custody register: only an active key signs.

    suspended may become active again; deactivated may not. `keys compromise` and `keys destroy` do
    more than write a line, and so are commands of their own.
    """
    from signkit.custody.keeping import change_state
    from signkit.custody.register import open_register
    from signkit.custody.succession import find_known

    wanted, done = _read_state(state, name), act(reason)
    home, store = home_and_store()
    with open_register(home) as opened:
        known = find_known(name, store, opened.said)
        life = change_state(opened, known.keyid, name=known.name, state=wanted, act=done)
        said = opened.said
    value = _value(known, life, said)
    output.show_result(value, _rows(known, life), as_json=as_json)


def _read_state(text: str, name: str) -> State:
    from signkit.model.custody import State

    settable = (State.ACTIVE, State.SUSPENDED, State.DEACTIVATED)
    own = {State.COMPROMISED: "compromise", State.DESTROYED: "destroy"}
    if text in own:
        message = f"{text} is more than a line in the register"
        raise UsageError(message, hint=f"signkit keys {own[State(text)]} {name} --reason WHY")
    if text not in settable:
        message = (
            f"expected the state {', '.join(settable[:-1])} or {settable[-1]}, got {text!r:.40}"
        )
        raise UsageError(message, hint=f"signkit keys history {name} says what it is now")
    return State(text)


def _value(known: KnownKey, life: Life | None, said: Register) -> dict[str, object]:
    from signkit.custody.overview import life_value

    return {"name": known.name, "keyid": known.keyid, **life_value(life, said)}


def _rows(known: KnownKey, life: Life) -> str:
    from signkit.custody.overview import life_rows
    from signkit.formats.display import one_line

    rows = [("key", known.name), ("keyid", known.keyid), *life_rows(life)]
    return "\n".join(f"{label:<{_LABEL_WIDTH}}{one_line(text)}" for label, text in rows)


def history(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Show every line that the custody register has of a key."""
    from signkit.custody.overview import history_table, history_values
    from signkit.custody.register import read_register
    from signkit.custody.succession import find_known

    home, store = home_and_store()
    said = read_register(home)
    known = find_known(name, store, said)
    life = said.lives.get(known.keyid)
    value = {**_value(known, life, said), "history": history_values(life)}
    if life is None:
        output.note(f"the custody register has no line of {known.name}: signkit keys set-state")
        output.show_result(value, f"{'keyid':<{_LABEL_WIDTH}}{known.keyid}", as_json=as_json)
        return
    output.show_result(value, f"{_rows(known, life)}\n\n{history_table(life)}", as_json=as_json)


def destroy(
    name: NameArgument,
    *,
    reason: ReasonOption,
    yes_to: Annotated[
        str | None, typer.Option(metavar="KEYID", help="For scripts: the key's keyid.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Overwrite and remove the private file; the public part and the history stay.

    Shares, backups and copies elsewhere still restore the key: destroy them too.
    """
    from signkit.custody.keeping import change_state, wipe_private
    from signkit.custody.register import open_register, read_register
    from signkit.custody.succession import find_known
    from signkit.model.custody import State

    done = act(reason)
    home, store = home_and_store()
    known = find_known(name, store, read_register(home))
    _confirm(known, yes_to)
    path = known.private_path
    with open_register(home) as opened:
        life = opened.said.lives.get(known.keyid)
        if life is None or life.state is not State.DESTROYED or path is None:
            life = change_state(
                opened, known.keyid, name=known.name, state=State.DESTROYED, act=done
            )
        if path is not None:
            wipe_private(path)  # also where it was destroyed, and this was killed before
        said = opened.said
    output.note("copies elsewhere restore the key: destroy its shares, backups and exports too")
    value = {**_value(known, life, said), "wiped": None if path is None else str(path)}
    text = f"{_rows(known, life)}\n{'wiped':<{_LABEL_WIDTH}}{path or 'nothing: it was not here'}"
    output.show_result(value, text, as_json=as_json)


def _confirm(known: KnownKey, yes_to: str | None) -> None:
    if yes_to is not None:
        if yes_to != known.keyid:
            message = f"--yes-to names another key: expected {known.keyid}, got {yes_to!r:.80}"
            raise ConfirmationError(message, hint="signkit keys list shows the keyids")
        return
    if not sys.stdin.isatty():
        message = "nobody can confirm: standard input is not a terminal"
        raise ConfirmationError(message, hint="for scripts: --yes-to KEYID")
    output.note(f"The private key {known.name} (keyid {known.keyid}) will be gone for ever.")
    output.prompt("To destroy it, type its name: ")
    if sys.stdin.readline().rstrip("\n") != known.name:
        message = f"that is not the name {known.name}; nothing was destroyed"
        raise ConfirmationError(message)
