"""`signkit keys convert`: a key in another form.

A private key leaves encrypted unless the person says otherwise, in so many words.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
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
from signkit.formats.key_form import ENCRYPTED_FORMS, KeyForm

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


ToOption = Annotated[KeyForm, typer.Option(help="The form wanted.")]
PublicOption = Annotated[bool, typer.Option("--public", help="Only its public key.")]
PrivateOption = Annotated[
    bool, typer.Option("--private", help="Take 32 raw bytes as a private seed.")
]
RevealOption = Annotated[
    bool, typer.Option("--reveal-private", help="Write a private key readable by anyone.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: stdout.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be written.

    Attributes:
        form: The form.
        public: Only the public key, also of a private one.
        encrypt: Whether a private key is encrypted where the form can be.
        reveal_private: Whether a person said that it may be readable by anyone.
        out: The file; None is stdout.
        as_json: Whether stdout gets JSON.
    """

    form: KeyForm
    public: bool
    encrypt: bool = True
    reveal_private: bool
    out: Path | None
    as_json: bool

    @property
    def encrypted(self) -> bool:
        """Whether a private key leaves encrypted."""
        return self.form in ENCRYPTED_FORMS and self.encrypt and not self.reveal_private


def convert(
    key: Annotated[
        str, typer.Argument(metavar="FILE|NAME|-", help="A key in any form; - is stdin.")
    ],
    *,
    to: ToOption,
    public: PublicOption = False,
    private: PrivateOption = False,
    allow_test_keys: AllowTestKeys = False,
    encrypt: Annotated[
        bool, typer.Option("--encrypt/--plain", help="Whether a private PEM is encrypted.")
    ] = True,
    reveal_private: RevealOption = False,
    out: OutOption = None,
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
    chosen = new_passphrase(new_passphrase_file, new_passphrase_fd, new_passphrase_env)
    wanted = Wanted(
        form=to,
        public=public,
        encrypt=encrypt,
        reveal_private=reveal_private,
        out=out,
        as_json=as_json,
    )
    check_wanted(wanted)
    source = read_key(
        key,
        store=key_store(),
        private=private,
        public=public,
        allow_test_keys=allow_test_keys,
        module=pkcs11_module,
    )
    write_key(source, wanted, old=old, chosen=chosen)


def new_passphrase(file: Path | None, fd: int | None, env: str | None) -> PassphraseOptions:
    """Return where the passphrase of what is written comes from."""
    return PassphraseOptions(file=file, fd=fd, env=env, option="--new-passphrase")


def key_store() -> KeyStore:
    """Return the store of this user."""
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore

    return KeyStore(signkit_home() / "keys")


def check_wanted(wanted: Wanted) -> None:
    """Check where a key is to go, before it is read.

    Raises:
        FileError: something stands there.
        UsageError: it would garble the terminal.
    """
    from signkit.formats.files import check_target

    if wanted.out is not None:
        check_target(wanted.out)
    elif wanted.form is KeyForm.DER and not wanted.as_json and sys.stdout.isatty():
        message = "DER is not text and would garble the terminal"
        raise UsageError(message, hint="name a file with --out")


def write_key(
    source: KeySource, wanted: Wanted, *, old: PassphraseOptions, chosen: PassphraseOptions
) -> None:
    """Write a key in a form.

    Args:
        source: The key.
        wanted: What is written, and where.
        old: Where the passphrase of the source comes from.
        chosen: Where that of what is written comes from.

    Raises:
        UsageError: a private key would be shown, and nobody said that it may be.
        Others: as `open_private`, `load_public_key` and `custody.key_file.encode_key`.
    """
    private = source.private and not wanted.public
    if private:
        if not (wanted.encrypted or wanted.reveal_private or wanted.form is KeyForm.PEM):
            message = (
                f"the form {wanted.form} would show the private key to anyone who sees the result"
            )
            raise UsageError(message, hint=_REVEAL_HINT)
        _check_sealed(source, reveal=wanted.reveal_private)
        data = _private(source, wanted, old=old, chosen=chosen)
    else:
        data = _public(source, wanted.form, old)
    _deliver(data, wanted, private=private)


def _check_sealed(source: KeySource, *, reveal: bool) -> None:
    """Refuse to take a key out of a sealed file, and with it out of its purpose, unasked."""
    from signkit.formats.sealed_key import is_sealed_key

    if is_sealed_key(source.data):
        if not reveal:
            message = f"a copy of {source.name} would lose its purpose: it could sign anything"
            raise UsageError(message, hint=_REVEAL_HINT)
        output.warn(f"the copy of {source.name} has no purpose: it can sign anything, at any time")


def _private(
    source: KeySource, wanted: Wanted, *, old: PassphraseOptions, chosen: PassphraseOptions
) -> bytes:
    from signkit.custody.key_file import encode_key

    opened = open_private(source, old)
    if not wanted.encrypted:
        output.warn("the private key is written without encryption: whoever reads it can sign")
        return encode_key(opened, wanted.form, passphrase=None)
    passphrase = chosen.new()(f"passphrase for the copy of {source.name}")
    return encode_key(opened, wanted.form, passphrase=passphrase)


def _public(source: KeySource, form: KeyForm, passphrase: PassphraseOptions) -> bytes:
    from signkit.formats.public_key import encode_public_key

    return encode_public_key(load_public_key(source, passphrase), form)


def _deliver(data: bytes, wanted: Wanted, *, private: bool) -> None:
    from signkit.formats.files import PRIVATE_MODE, PUBLIC_MODE, write_new
    from signkit.verify.encoding import encode_base64

    out, as_json = wanted.out, wanted.as_json
    value: dict[str, object] = {"form": str(wanted.form), "private": private}
    if out is not None:
        write_new(out, data, mode=PRIVATE_MODE if private else PUBLIC_MODE)
        output.show_result(value | {"path": str(out)}, "", as_json=as_json)
        return
    if as_json:
        is_der = wanted.form is KeyForm.DER
        text = encode_base64(data) if is_der else data.decode("ascii").rstrip("\n")
        output.show_result(value | {"key": text}, "", as_json=True)
        return
    output.show_bytes(data)
