"""Where a command gets a public key from that needs no private one: the store's public file, or a file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import KeyNotFoundError
from signkit.verify.ed25519 import PublicKey

_HINT = (
    "name a key of the store or a public key file; a private key stays where it is: write its"
    " public half with signkit keys convert KEY --public --to pem --out NAME.pub.pem"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSource:
    """A public key, and where it is from.

    Attributes:
        key: The key.
        name: Its name in the store, or None for a file.
    """

    key: PublicKey
    name: str | None


def find_public_key(reference: str) -> PublicSource:
    """Read the public key that a person means, and no private file.

    Args:
        reference: A name of the store, or a path.

    Raises:
        KeyNotFoundError: the store has no public file of that name, and there is no such file.
        FileError, FormatError: it cannot be read, or is no public key.
        KeyRefusedError: it must not be used.
    """
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore, is_key_name

    store = KeyStore(signkit_home() / "keys")
    if is_key_name(reference) and os.path.exists(path := store.paths(reference)[1]):
        return PublicSource(key=_read(path), name=reference)
    if os.path.exists(reference):
        return PublicSource(key=_read(Path(reference)), name=None)
    message = (
        f"no public key {reference!r:.200}: none of that name in {store.folder}, and no such file"
    )
    raise KeyNotFoundError(message, hint=_HINT)


def _read(path: Path) -> PublicKey:
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    return read_public_key(read_file(path, limit=limits.KEY_FILE_SIZE, what="public key"))
