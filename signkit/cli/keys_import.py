"""`signkit keys import`: a key that another tool made, taken into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.custody import CryptoperiodOption, PreActiveOption, home_and_store, read_enrolment
from signkit.cli.key_source import KeySource, load_public_key, open_private, read_key
from signkit.cli.keys_convert import (
    NewEnvOption,
    NewFdOption,
    NewFileOption,
    PrivateOption,
    new_passphrase,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions

if TYPE_CHECKING:
    from signkit.formats.private_key import OpenedKey


def import_key(
    key: Annotated[str, typer.Argument(metavar="FILE|-", help="A key in any form; - is stdin.")],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call it here.")],
    private: PrivateOption = False,
    cryptoperiod: CryptoperiodOption = None,
    pre_active: PreActiveOption = False,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    new_passphrase_file: NewFileOption = None,
    new_passphrase_fd: NewFdOption = None,
    new_passphrase_env: NewEnvOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Take a key into the store: a private one encrypted, proven to sign for its public key."""
    from signkit.cli.keys import show_new_key
    from signkit.custody.adoption import adopt_private_key, adopt_public_key
    from signkit.custody.keeping import enrol
    from signkit.custody.register import open_register

    old = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    chosen = new_passphrase(new_passphrase_file, new_passphrase_fd, new_passphrase_env)
    home, store = home_and_store()
    store.check_new(name)  # before anybody types a passphrase
    enrolment = read_enrolment("imported", cryptoperiod=cryptoperiod, pre_active=pre_active)
    source = read_key(key, store=store, private=private, public=False, allow_test_keys=False)
    if not source.private:
        enrolment.check_default("a public key alone gets its line with `keys set-state`")
        adopt_public_key(store, name, load_public_key(source, old))
        show_new_key(store.get(name), None, as_json=as_json)
        return
    opened, passphrase = _open(source, name, old=old, chosen=chosen)
    with open_register(home) as register:
        keyid = adopt_private_key(store, name, opened, passphrase=passphrase).keyid
        life = enrol(register, keyid, name=name, enrolment=enrolment)
    show_new_key(store.get(name), life, comment=opened.comment, as_json=as_json)


def _open(
    source: KeySource, name: str, *, old: PassphraseOptions, chosen: PassphraseOptions
) -> tuple[OpenedKey, bytes]:
    """Return a private key, and the passphrase that it is to have here."""
    from signkit.custody.key_file import describe_weakness

    opened = open_private(source, old)
    for warning in describe_weakness(opened, name=source.name):
        output.warn(warning)
    return opened, chosen.new()(f"passphrase of {name}")
