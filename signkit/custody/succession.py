"""Which key follows which: what a successor is to be like, and what it is called.

Spec: docs/formats/custody-register.md sections 2 and 6, docs/formats/sealed-key.md section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from signkit.custody.key_file import read_key_file, read_sealed
from signkit.custody.life import Register
from signkit.custody.store import KeyStore, StoredKey
from signkit.errors import KeyNotFoundError, KeyStateError
from signkit.formats.sealed_key import SealedHeader
from signkit.model.purpose import Purpose
from signkit.verify.ed25519 import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key that a person named.

    Attributes:
        name: Its name.
        keyid: Of the key.
        stored: Its files, or None where the register alone knows it.
    """

    name: str
    keyid: str
    stored: StoredKey | None

    @property
    def private_path(self) -> Path | None:
        """Where its private file is, or None where it is not here."""
        if self.stored is None or self.stored.encrypted is None:
            return None
        return self.stored.private_path


def find_known(name: str, store: KeyStore, register: Register) -> KnownKey:
    """Find the key of a name: in the store, or else the newest one that the register calls so.

    A keyid does for a key whose files are not here.

    Raises:
        KeyNotFoundError: there is none, or only a private file without its public one.
        FormatError, CustodyError: as `custody.store.KeyStore.get`.
    """
    if store.has(name):
        stored = store.get(name)
        if stored.public_key is None:
            message = f"the public key of {name} is not in {store.folder}: which key is it?"
            hint = f"signkit keys convert {name} --to pem --public --out {stored.public_path}"
            raise KeyNotFoundError(message, hint=hint)
        return KnownKey(name=name, keyid=stored.public_key.keyid, stored=stored)
    if name in register.lives:
        return KnownKey(name=register.lives[name].key.name, keyid=name, stored=None)
    named = [keyid for keyid, life in register.lives.items() if life.key.name == name]
    if named:
        return KnownKey(name=name, keyid=named[-1], stored=None)
    message = f"no key {name!r:.200} in {store.folder}, nor in the custody register"
    raise KeyNotFoundError(message, hint="signkit keys list shows the keys there are")


def check_can_follow(old: KnownKey, register: Register) -> StoredKey:
    """Check that a successor of a key can be made here; returns the key's files.

    Raises:
        KeyStateError: it has one already, or its private file is not here to say of which kind.
    """
    if following := register.successor(old.keyid):
        message = f"the key {old.name} has a successor already: {following.key.name}"
        hint = f"signkit keys rotate {following.key.name}, if that is meant"
        raise KeyStateError(message, hint=hint)
    if old.stored is None or old.private_path is None:
        message = (
            f"the private key of {old.name} is not here: of which kind is its successor to be?"
        )
        raise KeyStateError(message, hint="rotate it where it lies; or signkit keys new")
    return old.stored


def next_name(name: str) -> str:
    """Return the name with the next number: prod is followed by prod-2, and that by prod-3."""
    stem, dash, number = name.rpartition("-")
    counts = bool(dash and stem) and number.isascii() and number.isdigit() and number[0] != "0"
    return f"{stem}-{int(number) + 1}" if counts else f"{name}-2"


def read_header(stored: StoredKey) -> SealedHeader | None:
    """Return what the private file of a key says; None where it is not sealed.

    Raises:
        FileError, FormatError, SignatureInvalidError, CustodyError: it cannot be read or trusted.
    """
    sealed = read_sealed(read_key_file(stored.private_path)) if stored.sealed else None
    return None if sealed is None else sealed.header


def following_purpose(header: SealedHeader, *, not_after: str | None) -> Purpose:
    """Return the purpose of the key that follows a sealed one: the same, in a window of its own."""
    return replace(header.purpose, not_before=None, not_after=not_after)


def find_left(
    name: str, store: KeyStore, *, old: StoredKey, register: Register
) -> PublicKey | None:
    """Return the key that a rotation left behind which was killed before it wrote its line.

    Args:
        name: What the successor is to be called.
        store: Where it would lie.
        old: The key that it follows.
        register: What is registered already.

    Returns:
        A key of that name, of the old one's kind, whole and without a line; None for none.

    Raises:
        FileError, FormatError, SignatureInvalidError, CustodyError: its files cannot be read.
    """
    if not store.has(name) or name == old.name:
        return None
    left = store.get(name)
    if left.public_key is None or left.encrypted is None or left.sealed != old.sealed:
        return None
    header = read_header(left)
    if header and old.public_key and header.predecessor != old.public_key.keyid:
        return None
    return None if left.public_key.keyid in register.lives else left.public_key
