"""A private key that comes back from shares or a backup: is it the right one, and where does it go.

Neither shares nor a backup say which key they hold in a way that cannot be forged: anybody can
encrypt a key of his own to a custodian. So the caller always knows the keyid before, from the
store's public file or from paper, and nothing else is ever written.

Spec: docs/formats/key-shares.md section 5, docs/formats/key-backup.md section 4.
"""

from __future__ import annotations

from signkit.custody.access import make_private_folder
from signkit.custody.key_file import encode_key
from signkit.custody.store import KeyStore
from signkit.errors import CustodyError, MalformedError, UsageError
from signkit.formats.files import PRIVATE_MODE, PUBLIC_MODE, check_target, write_new
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import OpenedKey, PrivateKey
from signkit.formats.public_key import encode_public_key
from signkit.verify.ed25519 import PublicKey

_KEYID_LENGTH = 64
_HEX = frozenset("0123456789abcdef")


def expect_keyid(store: KeyStore, *, name: str | None, keyid: str | None) -> str:
    """Return the keyid that a restored key must have.

    Args:
        store: Where the public key may be.
        name: A name of the store, or None.
        keyid: As a person gave it, 64 hex digits, spaces among them or not; or None.

    Raises:
        UsageError: nothing says which key it must be.
        MalformedError: no keyid, or no name.
        CustodyError: the store's public key has another keyid.
    """
    given = None if keyid is None else _parse_keyid(keyid)
    stored = store.get(name).public_key if name is not None and store.has(name) else None
    known = stored.keyid if stored is not None else given
    if known is None:
        message = f"nothing says which key it must be: no public key of it in {store.folder}"
        raise UsageError(message, hint="give --keyid, from a share sheet or the key's records")
    if given not in {None, known}:
        message = f"--keyid is not that of {name} in the store: expected {known}, got {given}"
        raise CustodyError(message, hint="ask who is right before anything is restored")
    return known


def _parse_keyid(text: str) -> str:
    digits = "".join(text.split())
    if len(digits) != _KEYID_LENGTH or not set(digits) <= _HEX:
        message = f"--keyid {text!r:.100}: expected {_KEYID_LENGTH} lower-case hex digits"
        raise MalformedError(message)
    return digits


def check_restored(key: PrivateKey, *, keyid: str, source: str, hint: str) -> None:
    """Check that a restored key is the expected one.

    Args:
        key: The key.
        keyid: The expected keyid.
        source: What it came from, for the message ("the shares").
        hint: Why that may be.

    Raises:
        CustodyError: it is another key.
    """
    if key.public_key.keyid != keyid:
        message = f"another key than the expected {keyid} came from {source}; nothing was written"
        raise CustodyError(message, hint=hint)


def check_room(store: KeyStore, name: str) -> None:
    """Check that a private key may be written under a name, before anybody types a word.

    Raises:
        MalformedError: the name is not one.
        FileError: a private file of that name is there.
    """
    check_target(store.paths(name)[0])


def write_restored(store: KeyStore, name: str, key: PrivateKey, *, passphrase: bytes) -> PublicKey:
    """Write a restored key into the store, encrypted; its public file too where it is missing.

    Args:
        store: The store; its folder is made where it is missing.
        name: What to call the key.
        key: The key, checked.
        passphrase: Encrypts it; its quality is the caller's to judge.

    Returns:
        Its public key.

    Raises:
        CustodyError: others may write the folder.
        FileError: a private file of that name is there, or a file cannot be written.
        MalformedError: the name is not one.
    """
    private_path, public_path = store.paths(name)
    make_private_folder(store.folder)
    opened = OpenedKey(key=key, encrypted=True)
    data = encode_key(opened, KeyForm.PEM, passphrase=passphrase)
    write_new(private_path, data, mode=PRIVATE_MODE)
    if not public_path.exists():
        write_new(public_path, encode_public_key(key.public_key, KeyForm.PEM), mode=PUBLIC_MODE)
    return key.public_key
