"""`signkit keys export`: a key of the store, in the form of another tool."""

from __future__ import annotations

from typing import Annotated

import typer

from signkit.cli.key_source import read_key
from signkit.cli.keys_convert import (
    NewEnvOption,
    NewFdOption,
    NewFileOption,
    OutOption,
    PublicOption,
    RevealOption,
    ToOption,
    Wanted,
    check_wanted,
    key_store,
    new_passphrase,
    write_key,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions


def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A key of the store.")],
    *,
    to: ToOption,
    public: PublicOption = False,
    reveal_private: RevealOption = False,
    out: OutOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    new_passphrase_file: NewFileOption = None,
    new_passphrase_fd: NewFdOption = None,
    new_passphrase_env: NewEnvOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a key of the store for another tool; a private one encrypted, as that tool does."""
    old = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    chosen = new_passphrase(new_passphrase_file, new_passphrase_fd, new_passphrase_env)
    wanted = Wanted(form=to, public=public, reveal_private=reveal_private, out=out, as_json=as_json)
    check_wanted(wanted)
    store = key_store()
    store.get(name)  # a name of the store and nothing else: no file of the current folder
    source = read_key(name, store=store, private=False, public=public, allow_test_keys=False)
    write_key(source, wanted, old=old, chosen=chosen)
