"""The keys of a home, with what the custody register says of them: as data, and as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signkit.custody.life import Life, Register
from signkit.custody.store import KeyStore
from signkit.errors import SignkitError
from signkit.formats.display import escape, format_table

NOT_HERE = "not here"
_HEADER = ("NAME", "PRIVATE KEY", "KEYID", "STATE", "SINCE", "ENDS", "SUCCESSOR")
_KEYID_LENGTH = 16
_DATE_LENGTH = len("2026-01-31")
_PRIVATE_STATES = {True: "encrypted", False: "not encrypted", None: NOT_HERE}

KeyValue = Mapping[str, str | None]


def list_values(store: KeyStore, register: Register) -> list[KeyValue]:
    """Return every key of the store, and those that the register alone knows, as data.

    Raises:
        FileError: the store's folder cannot be read.
    """
    values = [_stored_value(name, store, register) for name in store.names()]
    listed = {value["keyid"] for value in values}
    return values + [
        {
            "name": life.key.name,
            "keyid": keyid,
            "private": NOT_HERE,
            **life_value(life, register),
        }
        for keyid, life in register.lives.items()
        if keyid not in listed
    ]


def _stored_value(name: str, store: KeyStore, register: Register) -> KeyValue:
    try:
        stored = store.get(name)
    except SignkitError as error:
        private, keyid = f"unreadable: {error.code}", None
    else:
        keyid = stored.public_key.keyid if stored.public_key else None
        private = "sealed" if stored.sealed else _PRIVATE_STATES[stored.encrypted]
    life = register.lives.get(keyid or "")
    return {"name": name, "keyid": keyid, "private": private, **life_value(life, register)}


def list_table(values: Sequence[KeyValue], register: Register) -> str:
    """Return keys as a table for people; nothing unescaped in it."""
    names = {keyid: life.key.name for keyid, life in register.lives.items()}
    rows = [
        (
            escape(value["name"] or ""),
            value["private"] or "",
            (value["keyid"] or "")[:_KEYID_LENGTH],
            value["state"] or "UNREGISTERED",
            (value["since"] or "-")[:_DATE_LENGTH],
            (value["ends"] or "-")[:_DATE_LENGTH],
            escape(names.get(value["successor"] or "", "-")),
        )
        for value in values
    ]
    return format_table(_HEADER, rows)


def life_value(life: Life | None, register: Register) -> dict[str, str | None]:
    """Return what the register says of a key as data; null everywhere where it has no line."""
    if life is None:
        return dict.fromkeys(("state", "since", "ends", "predecessor", "successor"))
    successor = register.successor(life.keyid)
    return {
        "state": str(life.state),
        "since": life.since,
        "ends": life.ends,
        "predecessor": life.key.predecessor,
        "successor": None if successor is None else successor.keyid,
    }


def life_rows(life: Life) -> list[tuple[str, str]]:
    """Return what the register says of a key as rows of label and text."""
    days = life.key.cryptoperiod_days
    later = f"{days} days after it becomes active" if days else "never"
    return [("state", f"{life.state} since {life.since}"), ("ends", life.ends or later)]


def history_values(life: Life | None) -> list[dict[str, str]]:
    """Return every transition of a key as data."""
    return [
        {"time": each.time, "state": str(each.state), "who": each.who, "reason": each.reason}
        for each in (life.history if life else ())
    ]


def history_table(life: Life) -> str:
    """Return every transition of a key as a table for people; nothing unescaped in it."""
    rows = [tuple(map(escape, value.values())) for value in history_values(life)]
    return format_table(("TIME", "STATE", "WHO", "WHY"), rows)
