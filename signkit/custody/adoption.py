"""Keys that other tools made, taken into the store.

Spec: docs/formats/keys.md section 14.
"""

from __future__ import annotations

import os

from signkit.custody.access import make_private_folder
from signkit.custody.key_file import load_backend
from signkit.custody.store import KeyStore, check_pair
from signkit.errors import CustodyError, VerificationError
from signkit.formats.files import PUBLIC_MODE, write_new
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import OpenedKey
from signkit.formats.public_key import encode_public_key
from signkit.verify.ed25519 import PublicKey, verify_signature

# No scheme signs bytes that start so: what is signed here is of no use to anybody else.
_CHALLENGE = b"signkit: does this key file belong to its public key?\0"


def adopt_private_key(
    store: KeyStore, name: str, opened: OpenedKey, *, passphrase: bytes
) -> PublicKey:
    """Put a private key into the store, encrypted, and prove the pair from what lies there.

    Args:
        store: Where it goes.
        name: A name that is free.
        opened: From `custody.key_file.parse_key`.
        passphrase: Encrypts it.

    Returns:
        Its public key.

    Raises:
        MalformedError: the name is not one.
        FileError: a file of that name is there, or cannot be written.
        CustodyError: others may write the folder, or the two files that were written are no pair.
    """
    store.add(name, opened, passphrase=passphrase)
    stored = store.get(name)
    signer = load_backend(stored.private_path, secrets=lambda _what: passphrase, name=name)
    check_pair(stored, signer.public_key)
    challenge = _CHALLENGE + os.urandom(32)
    try:
        verify_signature(opened.key.public_key, challenge, signer.sign(challenge))
    except VerificationError:
        message = f"{stored.private_path} was written but does not sign for {stored.public_path}"
        hint = "this machine's memory or processor may be faulty"
        raise CustodyError(message, hint=hint) from None
    return signer.public_key


def adopt_public_key(store: KeyStore, name: str, key: PublicKey) -> None:
    """Put a public key into the store; its private half stays where it is.

    Raises:
        MalformedError, FileError, CustodyError: as `adopt_private_key`.
    """
    store.check_new(name)
    make_private_folder(store.folder)
    write_new(store.paths(name)[1], encode_public_key(key, KeyForm.PEM), mode=PUBLIC_MODE)
