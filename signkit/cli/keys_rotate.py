"""`signkit keys rotate`: the successor of a key, and the road from one to the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.custody import (
    CryptoperiodOption,
    JsonOption,
    NameArgument,
    home_and_store,
    read_enrolment,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions
from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.custody.sealed import Sealing
    from signkit.custody.store import KeyStore, StoredKey
    from signkit.custody.succession import KnownKey
    from signkit.verify.ed25519 import PublicKey
    from signkit.verify.trust import Trust

_NEVER = "never"


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("rotate", help="Make a key's successor, and print the road to it.")(rotate)


def rotate(
    name: NameArgument,
    *,
    successor: Annotated[
        str | None, typer.Option("--as", metavar="NEW", help="Its name. Default: NAME-2, -3, ...")
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(metavar="TRUST", help="The trust root: show what devices say in each step."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it stays in the register.")] = "rotation",
    cryptoperiod: CryptoperiodOption = None,
    not_after: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Sealed: until when the new one may sign, or `never`."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Make the successor: of the same kind and purpose, pre-active, linked in the register.

    The passphrase is that of the new key. Nothing changes for the old one yet: the steps are printed.
    """
    from signkit.cli.keys import describe_new_key
    from signkit.custody.keeping import enrol
    from signkit.custody.register import open_register, read_register
    from signkit.custody.succession import check_can_follow, find_known, find_left, next_name
    from signkit.trust.files import read_trust

    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    home, store = home_and_store()
    said = read_register(home)
    old = find_known(name, store, said)
    stored = check_can_follow(old, said)
    new_name = successor or next_name(name)
    life = said.lives.get(old.keyid)
    enrolment = read_enrolment(
        reason, cryptoperiod=cryptoperiod, pre_active=True, predecessor=old.keyid
    )
    if cryptoperiod is None and life is not None:
        enrolment = replace(enrolment, cryptoperiod_days=life.key.cryptoperiod_days)
    current = None if trust is None else read_trust(trust)
    key = find_left(new_name, store, old=stored, register=said)
    if key is not None:
        output.note(f"the key {new_name} is here already, without a line in the register")
    else:
        key = _make(new_name, store, stored, not_after=not_after, passphrase=passphrase)
    with open_register(home) as opened:
        new_life = enrol(opened, key.keyid, name=new_name, enrolment=enrolment)
    value, lines = describe_new_key(store.get(new_name), new_life)
    road, road_lines = _describe_road(old, store.get(new_name), trust, current)
    lines += [f"{'follows':<13}{name}", "", *road_lines]
    output.show_result(value | {"predecessor": old.keyid} | road, "\n".join(lines), as_json=as_json)


def _make(
    name: str,
    store: KeyStore,
    old: StoredKey,
    *,
    not_after: str | None,
    passphrase: PassphraseOptions,
) -> PublicKey:
    store.check_new(name)  # before anybody thinks of a passphrase
    sealing = _sealing(old, not_after)
    secret = passphrase.new()(f"passphrase of {name}")
    return store.new(name, passphrase=secret, sealing=sealing)


def _sealing(old: StoredKey, not_after: str | None) -> Sealing | None:
    """Return what the successor's file is to say, where the old one's says anything."""
    from signkit.cli.clock import now, parse_moment
    from signkit.custody.sealed import Sealing, choose_cost
    from signkit.custody.succession import following_purpose, read_header

    header = read_header(old)
    if header is None:
        if not_after is not None:
            message = f"--not-after: {old.name} is not sealed, and neither will its successor be"
            raise UsageError(message, hint="--cryptoperiod ends any key's life")
        return None
    ends = header.purpose.not_after
    if ends is not None and not_after is None:
        message = f"the file of {old.name} ends at {ends}: until when is the new one to sign?"
        raise UsageError(message, hint="say it with --not-after DATE, or `--not-after never`")
    until = None if not_after in {None, _NEVER} else parse_moment(not_after, what="--not-after")
    return Sealing(
        purpose=following_purpose(header, not_after=until),
        predecessor=header.keyid,
        created=now(),
        cost=choose_cost(),
    )


def _describe_road(
    old: KnownKey, new: StoredKey, path: Path | None, trust: Trust | None
) -> tuple[dict[str, object], list[str]]:
    """Return the steps from one key to the other: for data, and for people."""
    from signkit.formats.trust import every_role
    from signkit.trust.road import Leaving, rotation_acts

    every = {} if trust is None else every_role(trust)
    roles = [role.name for role in every.values() if old.keyid in role.keys]
    if trust is not None and not roles:
        output.warn(f"the trust root has no role with the key {old.name}: nothing to replace there")
    acts = rotation_acts(
        Leaving(
            name=old.name,
            keyid=old.keyid,
            successor=new.name,
            public_path=new.public_path,
            trust_path=path,
            roles=roles,
        )
    )
    plans, tables = _plan_all(old, new, trust, roles)
    steps = [{"act": act.what, "commands": list(act.commands)} for act in acts]
    lines = []
    for number, act in enumerate(acts, 1):
        lines += [f"{number}  {act.what}", *(f"     {command}" for command in act.commands)]
    return {"steps": steps, "rotation": plans}, [*lines, *tables]


def _plan_all(
    old: KnownKey, new: StoredKey, trust: Trust | None, roles: list[str]
) -> tuple[dict[str, object], list[str]]:
    """Return what devices say in each step, for every role but the root role."""
    from signkit.cli.trust_check import describe_rotation
    from signkit.formats.display import escape
    from signkit.formats.trust import every_key
    from signkit.verify.trust import ROOT_ROLE

    plans: dict[str, object] = {}
    lines: list[str] = []
    if trust is not None and new.public_key is not None:
        for role in [role for role in roles if role != ROOT_ROLE]:
            plans[role], text = describe_rotation(
                trust,
                role,
                old=every_key(trust)[old.keyid],
                new=new.public_key,
                new_name=new.name,
            )
            lines += ["", f"ROLE {escape(role)}", text]
    return plans, lines
