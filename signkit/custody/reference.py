"""Key references: which private key a person means.

    prod                a key of the store
    path/to/key.pem     a private key file, in any form
    file:path/to/key    the same, said outright

Other back ends (tokens, OpenPGP cards) become further schemes of the one table below. A name of
the store wins over a file of the same name in the current folder: nothing is read from there that
was not clearly named.

Spec: docs/formats/keys.md section 7.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from signkit.custody.key_file import load_key_file
from signkit.custody.signer import OpenedSigner, Secrets
from signkit.custody.store import KeyStore, check_pair
from signkit.errors import KeyNotFoundError

_HINT = "signkit keys list shows the keys there are; a file is named by its path"


def open_signer(reference: str, *, store: KeyStore, secrets: Secrets) -> OpenedSigner:
    """Open the private key that a reference means.

    Args:
        reference: A name of the store, a path, or a URI of a known scheme.
        store: Where names are looked up.
        secrets: Gives the passphrase where one is needed.

    Raises:
        KeyNotFoundError: neither a key of the store nor a file.
        CustodyError, FileError, FormatError: as `custody.key_file.load_key_file`.
    """
    scheme, separator, rest = reference.partition(":")
    if separator and scheme in _SCHEMES:
        return _SCHEMES[scheme](rest, secrets)
    if store.has(reference):
        return _open_stored(reference, store, secrets)
    if os.path.exists(reference):
        return _open_file(reference, secrets)
    message = f"no private key {reference!r:.200}: no such name in {store.folder}, and no such file"
    raise KeyNotFoundError(message, hint=_HINT)


def _open_stored(name: str, store: KeyStore, secrets: Secrets) -> OpenedSigner:
    stored = store.get(name)
    if stored.encrypted is None:
        message = f"the private key of {name} is not in {store.folder}, only its public key is"
        raise KeyNotFoundError(message, hint="bring the private key file from where it is kept")
    signer = load_key_file(stored.private_path, secrets=secrets, name=name)
    check_pair(stored, signer.public_key)
    return signer


def _open_file(path: str, secrets: Secrets) -> OpenedSigner:
    return load_key_file(Path(path), secrets=secrets)


_SCHEMES: dict[str, Callable[[str, Secrets], OpenedSigner]] = {"file": _open_file}
