"""Open the private key that a person named, and say how it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from signkit.cli import output

if TYPE_CHECKING:
    from signkit.cli.passphrase import PassphraseOptions
    from signkit.custody.signer import OpenedSigner


def open_named_signer(reference: str, passphrase: PassphraseOptions) -> OpenedSigner:
    """Open a key of the store or a private key file.

    Args:
        reference: A name made by `keys new`, or a path.
        passphrase: Where its passphrase comes from.

    Raises:
        KeyNotFoundError, KeyLockedError, CustodyError, FileError, FormatError: it cannot be used.
    """
    from signkit.cli.home import signkit_home
    from signkit.custody.reference import Surroundings, open_signer
    from signkit.custody.store import KeyStore

    store = KeyStore(signkit_home() / "keys")
    surroundings = Surroundings(store=store, secrets=passphrase.existing())
    signer = open_signer(reference, surroundings)
    for warning in signer.warnings:
        output.warn(warning)
    return signer
