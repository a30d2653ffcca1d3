"""The key store: a folder with two files for each key, a private and a public one.

    NAME.pem            private, PKCS#8     or  NAME.key.json   private, sealed, with its purpose
    NAME.pub.pem        public
    NAME.evidence.json  of a key on a token: what the token said about it

The store holds nothing else, so every file in it can be read by other tools, copied and deleted by
hand. Nothing in it is ever overwritten.

Spec: docs/formats/keys.md section 7.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from signkit.custody.access import make_private_folder
from signkit.custody.key_file import encode_key
from signkit.custody.memory import wipe
from signkit.custody.sealed import Sealing, seal_key
from signkit.errors import CustodyError, FileError, KeyNotFoundError, MalformedError
from signkit.formats.files import PRIVATE_MODE, PUBLIC_MODE, check_target, read_file, write_new
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import OpenedKey, is_encrypted_key, new_private_key
from signkit.formats.public_key import encode_public_key, read_public_key
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey

_PRIVATE_SUFFIX = ".pem"
_SEALED_SUFFIX = ".key.json"
_PUBLIC_SUFFIX = ".pub.pem"
_EVIDENCE_SUFFIX = ".evidence.json"
_NAME_LENGTH = 64
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """One key of a store.

    Attributes:
        name: Its name.
        private_path: Where the private key is or was.
        public_path: Where the public key is.
        public_key: The public key, or None where the store has no public file.
        encrypted: Whether the private file is encrypted, or None where it is not there.
        sealed: Whether the private file is a sealed one, which says what the key is for.
    """

    name: str
    private_path: Path
    public_path: Path
    public_key: PublicKey | None
    encrypted: bool | None
    sealed: bool = False


def is_key_name(name: str) -> bool:
    """Say whether a text may name a key: 1 to 64 of A-Z a-z 0-9 . _ - and no `.` or `-` first.

    Names that end in `.pub` or `.pem` are refused: they would be taken for a file of another key.
    """
    return (
        1 <= len(name) <= _NAME_LENGTH
        and set(name) <= _NAME_CHARACTERS
        and name[0] not in "-."
        and not name.endswith((".pub", ".pem"))
    )


def check_pair(stored: StoredKey, public_key: PublicKey) -> None:
    """Check that the public file of a key is that of the private key just opened.

    An encrypted key file has no checksum: some flipped bits open as another key. This notices.

    Raises:
        CustodyError: they are not a pair.
    """
    if stored.public_key is not None and stored.public_key != public_key:
        message = f"{stored.public_path} is not the public key of {stored.private_path}"
        hint = "one of the two was altered or exchanged; get both from their backup"
        raise CustodyError(message, hint=hint)


def check_private(stored: StoredKey) -> StoredKey:
    """Check that the private key of a stored key is there.

    Raises:
        KeyNotFoundError: only its public key is.
    """
    if stored.encrypted is None:
        folder = stored.private_path.parent
        message = f"the private key of {stored.name} is not in {folder}, only its public key is"
        raise KeyNotFoundError(message, hint="bring the private key file from where it is kept")
    return stored


class KeyStore:
    """The keys in one folder.

    Attributes:
        folder: Where they are; it is made when the first key is.
    """

    __slots__ = ("folder",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check_new(self, name: str) -> None:
        """Check that a key may be made, before anybody types a passphrase for it.

        Raises:
            MalformedError: the name is not one.
            FileError: a file of that name is there.
        """
        for path in (*self.paths(name), self.sealed_path(name)):
            check_target(path)

    def new(self, name: str, *, passphrase: bytes, sealing: Sealing | None = None) -> PublicKey:
        """Make a key: the private file first, so that a public one never stands alone.

        Args:
            name: See `is_key_name`.
            passphrase: Encrypts the private key; its quality is the caller's to judge.
            sealing: What a sealed key file is to say; None for PKCS#8, which says nothing.

        Returns:
            Its public key.

        Raises:
            MalformedError: the name is not one, or the purpose cannot be written.
            FileError: a file of that name is there, or cannot be written.
            CustodyError: others may write the folder.
        """
        opened = OpenedKey(key=new_private_key(), encrypted=True)
        self.add(name, opened, passphrase=passphrase, sealing=sealing)
        wipe(opened.key.seed)
        return opened.key.public_key

    def add(
        self, name: str, opened: OpenedKey, *, passphrase: bytes, sealing: Sealing | None = None
    ) -> None:
        """Put a private key into the store under a new name, encrypted.

        Args, Raises: as `new`.
        """
        self.check_new(name)
        make_private_folder(self.folder)
        private_path, public_path = self.paths(name)
        if sealing is None:
            private = encode_key(opened, KeyForm.PEM, passphrase=passphrase)
        else:
            private_path = self.sealed_path(name)
            private = seal_key(opened.key, sealing, passphrase=passphrase)
        public = encode_public_key(opened.key.public_key, KeyForm.PEM)
        write_new(private_path, private, mode=PRIVATE_MODE)
        write_new(public_path, public, mode=PUBLIC_MODE)

    def get(self, name: str) -> StoredKey:
        """Look a key up.

        Raises:
            KeyNotFoundError: the store has no file of that name.
            CustodyError: it has two private files of that name.
            FormatError, KeyRefusedError: its public file is not a public key.
        """
        private_path, public_path = self.paths(name)
        private_path, has_private = self._find_private(name, private_path)
        has_public = os.path.isfile(public_path)
        if not has_private and not has_public:
            message = f"no key {name} in {self.folder}"
            raise KeyNotFoundError(message, hint="signkit keys list shows the keys there are")
        public_key, encrypted = None, None
        if has_public:
            data = read_file(public_path, limit=limits.KEY_FILE_SIZE, what="public key")
            public_key = read_public_key(data)
        sealed = private_path == self.sealed_path(name)
        if has_private:
            data = read_file(private_path, limit=limits.KEY_FILE_SIZE, what="private key")
            encrypted = sealed or is_encrypted_key(data)
        return StoredKey(
            name=name,
            private_path=private_path,
            public_path=public_path,
            public_key=public_key,
            encrypted=encrypted,
            sealed=sealed,
        )

    def _find_private(self, name: str, plain_path: Path) -> tuple[Path, bool]:
        sealed_path = self.sealed_path(name)
        found = [path for path in (plain_path, sealed_path) if os.path.isfile(path)]
        if len(found) > 1:
            message = f"the key {name} has two private files: {plain_path} and {sealed_path}"
            raise CustodyError(message, hint="which one is meant? move the other one away")
        return (found[0], True) if found else (plain_path, False)

    def has(self, name: str) -> bool:
        """Say whether a text names a key of the store."""
        if not is_key_name(name):
            return False
        return any(os.path.isfile(path) for path in (*self.paths(name), self.sealed_path(name)))

    def names(self) -> tuple[str, ...]:
        """Return the names of all keys, in order; none where there is no folder.

        Raises:
            FileError: the folder cannot be read.
        """
        try:
            files = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            message = f"the folder {self.folder} cannot be read: {(error.strerror or '').lower()}"
            raise FileError(message) from error
        found = {
            name.removesuffix(_SEALED_SUFFIX).removesuffix(_PRIVATE_SUFFIX).removesuffix(".pub")
            for name in files
        }
        return tuple(sorted(name for name in found if self.has(name)))

    def paths(self, name: str) -> tuple[Path, Path]:
        """Return where the private PKCS#8 and the public file of a key are, or would be.

        Raises:
            MalformedError: the name is not one.
        """
        if not is_key_name(name):
            message = (
                f"key name {name!r:.80}: expected 1 to {_NAME_LENGTH} of A-Z a-z 0-9 . _ - that"
                " start with none of . - and end in neither .pub nor .pem"
            )
            raise MalformedError(message)
        return self.folder / (name + _PRIVATE_SUFFIX), self.folder / (name + _PUBLIC_SUFFIX)

    def sealed_path(self, name: str) -> Path:
        """Return where the sealed private file of a key is, or would be."""
        return self.folder / (name + _SEALED_SUFFIX)

    def evidence_path(self, name: str) -> Path:
        """Return where the evidence of a key's token is, or would be."""
        return self.folder / (name + _EVIDENCE_SUFFIX)
