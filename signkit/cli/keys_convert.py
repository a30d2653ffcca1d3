"""`signkit keys convert`: a key in another form.

A private key leaves encrypted unless the person says otherwise, in so many words.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.key_source import (
    AllowTestKeys,
    KeySource,
    load_public_key,
    open_private,
    read_key,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions
from signkit.cli.signer import Pkcs11Module
from signkit.errors import UsageError
from signkit.formats.key_form import KeyForm

if TYPE_CHECKING:
    from signkit.custody.store import KeyStore

_REVEAL_HINT = (
    "add --public for the public key; --reveal-private if the private key itself is meant:"
    " whoever sees the result can sign"
)

NewFileOption = Annotated[
    Path | None,
    typer.Option("--new-passphrase-file", metavar="F", help="Read the new passphrase so."),
]
NewFdOption = Annotated[
    int | None, typer.Option("--new-passphrase-fd", metavar="N", min=0, help="Or so.")
]
NewEnvOption = Annotated[
    str | None, typer.Option("--new-passphrase-env", metavar="VAR", help="Or so (unsafe).")
]


def convert(
    key: Annotated[
        str, typer.Argument(metavar="FILE|NAME|-", help="A key in any form; - is stdin.")
    ],
    *,
    to: Annotated[KeyForm, typer.Option(help="The form wanted.")],
    public: Annotated[bool, typer.Option("--public", help="Only its public key.")] = False,
    private: Annotated[
        bool, typer.Option("--private", help="Take 32 raw bytes as a private seed.")
    ] = False,
    allow_test_keys: AllowTestKeys = False,
    encrypt: Annotated[
        bool, typer.Option("--encrypt/--plain", help="Whether a private PEM is encrypted.")
    ] = True,
    reveal_private: Annotated[
        bool, typer.Option("--reveal-private", help="Write a private key readable by anyone.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: stdout.")
    ] = None,
    pkcs11_module: Pkcs11Module = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    new_passphrase_file: NewFileOption = None,
    new_passphrase_fd: NewFdOption = None,
    new_passphrase_env: NewEnvOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a key in another form; private keys leave encrypted unless told otherwise."""
    old = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    chosen = PassphraseOptions(
        file=new_passphrase_file,
        fd=new_passphrase_fd,
        env=new_passphrase_env,
        option="--new-passphrase",
    )
    _check_out(out, to, as_json=as_json)
    source = read_key(
        key,
        store=_store(),
        private=private,
        public=public,
        allow_test_keys=allow_test_keys,
        module=pkcs11_module,
    )
    wants_private = source.private and not public
    if wants_private:
        if to is not KeyForm.PEM and not reveal_private:
            message = f"the form {to} would show the private key to anyone who sees the result"
            raise UsageError(message, hint=_REVEAL_HINT)
        _check_sealed(source, reveal=reveal_private)
        encrypted = encrypt and to is KeyForm.PEM
        data = _private(source, to, old=old, chosen=chosen if encrypted else None)
    else:
        data = _public(source, to, old)
    _deliver(data, to, out, private=wants_private, as_json=as_json)


def _check_sealed(source: KeySource, *, reveal: bool) -> None:
    """Refuse to take a key out of a sealed file, and with it out of its purpose, unasked."""
    from signkit.formats.sealed_key import is_sealed_key

    if is_sealed_key(source.data):
        if not reveal:
            message = f"a copy of {source.name} would lose its purpose: it could sign anything"
            raise UsageError(message, hint=_REVEAL_HINT)
        output.warn(f"the copy of {source.name} has no purpose: it can sign anything, at any time")


def _check_out(out: Path | None, form: KeyForm, *, as_json: bool) -> None:
    from signkit.formats.files import check_target

    if out is not None:
        check_target(out)
    elif form is KeyForm.DER and not as_json and sys.stdout.isatty():
        message = "DER is not text and would garble the terminal"
        raise UsageError(message, hint="name a file with --out")


def _store() -> KeyStore:
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore

    return KeyStore(signkit_home() / "keys")


def _private(
    source: KeySource, form: KeyForm, *, old: PassphraseOptions, chosen: PassphraseOptions | None
) -> bytes:
    from signkit.custody.key_file import encode_key

    opened = open_private(source, old)
    if chosen is None:
        output.warn("the private key is written without encryption: whoever reads it can sign")
        return encode_key(opened, form, passphrase=None)
    passphrase = chosen.new()(f"passphrase for the copy of {source.name}")
    return encode_key(opened, form, passphrase=passphrase)


def _public(source: KeySource, form: KeyForm, passphrase: PassphraseOptions) -> bytes:
    from signkit.formats.public_key import encode_public_key

    return encode_public_key(load_public_key(source, passphrase), form)


def _deliver(data: bytes, form: KeyForm, out: Path | None, *, private: bool, as_json: bool) -> None:
    from signkit.formats.files import PRIVATE_MODE, PUBLIC_MODE, write_new
    from signkit.verify.encoding import encode_base64

    value: dict[str, object] = {"form": str(form), "private": private}
    if out is not None:
        write_new(out, data, mode=PRIVATE_MODE if private else PUBLIC_MODE)
        output.show_result(value | {"path": str(out)}, "", as_json=as_json)
        return
    if as_json:
        text = encode_base64(data) if form is KeyForm.DER else data.decode("ascii").rstrip("\n")
        output.show_result(value | {"key": text}, "", as_json=True)
        return
    output.show_bytes(data)
