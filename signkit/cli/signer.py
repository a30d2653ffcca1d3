"""Open the private key that a person named, and say how it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output

if TYPE_CHECKING:
    from signkit.cli.passphrase import PassphraseOptions
    from signkit.custody.signer import OpenedSigner


Pkcs11Module = Annotated[
    Path | None,
    typer.Option(
        "--pkcs11-module",
        metavar="SO",
        envvar="SIGNKIT_PKCS11_MODULE",
        help="The library of the token's maker, for --key pkcs11:...",
    ),
]

GnupgHome = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where GnuPG keeps its keys, for --key gpg:..."),
]


def open_named_signer(
    reference: str,
    passphrase: PassphraseOptions,
    *,
    module: Path | None = None,
    gnupg_home: Path | None = None,
) -> OpenedSigner:
    """Open a key of the store, a private key file, or a key on a token or of GnuPG.

    Args:
        reference: A name made by `keys new`, a path, or a URI.
        passphrase: Where its passphrase or PIN comes from.
        module: The PKCS#11 module.
        gnupg_home: Where GnuPG keeps its keys; None for the person's own.

    Raises:
        KeyStateError: the custody register says that it may not sign.
        KeyNotFoundError, KeyLockedError, CustodyError, FileError, FormatError: it cannot be used.
    """
    from signkit.cli.home import signkit_home
    from signkit.custody.reference import Surroundings, open_signer
    from signkit.custody.register import read_register
    from signkit.custody.store import KeyStore

    home = signkit_home()
    surroundings = Surroundings(
        store=KeyStore(home / "keys"),
        secrets=passphrase.existing(),
        register=read_register(home),
        module=module,
        gnupg_home=gnupg_home,
    )
    signer = open_signer(reference, surroundings)
    for warning in signer.warnings:
        output.warn(warning)
    return signer
