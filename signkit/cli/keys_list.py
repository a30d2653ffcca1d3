"""`signkit keys list`: the keys of the store, and what the custody register says of them."""

from __future__ import annotations

from signkit.cli import output
from signkit.cli.custody import JsonOption, home_and_store


def list_keys(*, as_json: JsonOption = False) -> None:
    """List every key: its private file, state, cryptoperiod and successor.

    UNREGISTERED are keys that the custody register has no line of; `keys set-state` gives them one.
    """
    from signkit.cli.clock import now
    from signkit.custody.life import describe_care
    from signkit.custody.overview import NOT_HERE, list_table, list_values
    from signkit.custody.register import read_register

    home, store = home_and_store()
    register = read_register(home)
    keys = list_values(store, register)
    if not keys:
        output.note(f"no keys in {store.folder}; make one: signkit keys new NAME")
    for key in keys:
        life = register.lives.get(key["keyid"] or "")
        here = key["private"] != NOT_HERE
        if life and (care := describe_care(register, life, here=here, now=now())):
            output.warn(f"the key {key['name']} {care}")
    value = {"folder": str(store.folder), "keys": keys}
    output.show_result(value, list_table(keys, register) if keys else "", as_json=as_json)
