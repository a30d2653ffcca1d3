"""`signkit keys import`: a key that another tool made, taken into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.key_source import KeySource, load_public_key, open_private, read_key
from signkit.cli.keys_convert import (
    NewEnvOption,
    NewFdOption,
    NewFileOption,
    PrivateOption,
    key_store,
    new_passphrase,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions

if TYPE_CHECKING:
    from signkit.custody.store import KeyStore

_COMMENT_WIDTH = 80


def import_key(
    key: Annotated[str, typer.Argument(metavar="FILE|-", help="A key in any form; - is stdin.")],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What to call it here.")],
    private: PrivateOption = False,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    new_passphrase_file: NewFileOption = None,
    new_passphrase_fd: NewFdOption = None,
    new_passphrase_env: NewEnvOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Take a key into the store: a private one encrypted, proven to sign for its public key."""
    from signkit.cli.keys import describe_identity, describe_stored
    from signkit.custody.adoption import adopt_public_key

    old = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    chosen = new_passphrase(new_passphrase_file, new_passphrase_fd, new_passphrase_env)
    store = key_store()
    store.check_new(name)  # before anybody types a passphrase
    source = read_key(key, store=store, private=private, public=False, allow_test_keys=False)
    comment = None
    if source.private:
        comment = _adopt(source, name, store, old=old, chosen=chosen)
    else:
        adopt_public_key(store, name, load_public_key(source, old))
    stored = store.get(name)
    value, lines = describe_stored(stored)
    if comment:
        value["comment"] = comment
        lines += _comment_lines(comment)
    if stored.public_key is not None:
        key_value, key_lines = describe_identity(stored.public_key)
        value, lines = value | key_value, lines + key_lines
    output.show_result(value, "\n".join(lines), as_json=as_json)


def _adopt(
    source: KeySource,
    name: str,
    store: KeyStore,
    *,
    old: PassphraseOptions,
    chosen: PassphraseOptions,
) -> str | None:
    """Put a private key into the store; returns the comment of its file."""
    from signkit.custody.adoption import adopt_private_key
    from signkit.custody.key_file import describe_weakness

    opened = open_private(source, old)
    for warning in describe_weakness(opened, name=source.name):
        output.warn(warning)
    passphrase = chosen.new()(f"passphrase of {name}")
    adopt_private_key(store, name, opened, passphrase=passphrase)
    return opened.comment


def _comment_lines(comment: str) -> list[str]:
    from signkit.formats.display import escape

    return [f"{'comment':<13}{escape(comment, width=_COMMENT_WIDTH)} (unprotected)"]
