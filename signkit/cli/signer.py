"""Open the private key that a person named, and say how it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signkit.cli import output

if TYPE_CHECKING:
    from signkit.cli.passphrase import PassphraseOptions
    from signkit.custody.signer import Signer


def open_named_signer(reference: str, passphrase: PassphraseOptions) -> Signer:
    """Open a key of the store or a private key file.

    Args:
        reference: A name made by `keys new`, or a path.
        passphrase: Where its passphrase comes from.

    Raises:
        KeyNotFoundError, KeyLockedError, CustodyError, FileError, FormatError: it cannot be used.
    """
    from signkit.cli.home import signkit_home
    from signkit.custody.reference import open_signer
    from signkit.custody.store import KeyStore

    store = KeyStore(signkit_home() / "keys")
    signer = open_signer(reference, store=store, secrets=passphrase.existing())
    for warning in signer.warnings:
        output.warn(warning)
    return signer
