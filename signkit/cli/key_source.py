"""Where a command gets a key from: the store, a file, or standard input."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.errors import KeyNotFoundError, TooLargeError
from signkit.formats.files import read_file_and_status
from signkit.verify import limits

if TYPE_CHECKING:
    from signkit.cli.passphrase import PassphraseOptions
    from signkit.custody.store import KeyStore, StoredKey
    from signkit.formats.private_key import OpenedKey
    from signkit.verify.ed25519 import PublicKey

STDIN = "-"

AllowTestKeys = Annotated[
    bool, typer.Option("--allow-test-keys", help="Take published keys: anybody can sign with them.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """The bytes of a key, not yet parsed.

    Attributes:
        name: What to call it in prompts and messages.
        data: The file.
        private: Whether it is a private key.
        stored: The key of the store that it is, or None.
        on_token: The public key of a private key that lies on a token, or None.
        allow_test_keys: As `enrol_public_key`.
    """

    name: str
    data: bytes
    private: bool
    allow_test_keys: bool
    stored: StoredKey | None = None
    on_token: PublicKey | None = None


def read_key(
    reference: str,
    *,
    store: KeyStore,
    private: bool,
    public: bool,
    allow_test_keys: bool,
    module: Path | None = None,
) -> KeySource:
    """Read the key that a person means.

    Args:
        reference: A name of the store, a path, a token's URI, or `-` for standard input.
        store: Where names are looked up.
        private: Take 32 raw bytes as a private seed; otherwise they are a public key.
        public: Take the public file of a name in the store, where there is one.
        allow_test_keys: As `enrol_public_key`.
        module: The PKCS#11 module.

    Raises:
        KeyNotFoundError: neither a name nor a file.
        CustodyError: a private key file that others may read or replace.
        FileError, TooLargeError: it cannot be read, or is too large.
    """
    from signkit.custody.access import check_private_file
    from signkit.custody.reference import load_public_reference

    if reference == STDIN:
        data = _read_stdin()
        return KeySource(
            name="standard input",
            data=data,
            private=private or _is_private(data),
            allow_test_keys=allow_test_keys,
        )
    if on_token := load_public_reference(reference, module=module):
        return KeySource(
            name=reference, data=b"", private=True, allow_test_keys=False, on_token=on_token
        )
    stored = store.get(reference) if store.has(reference) else None
    path = _path(reference, stored, store, public=public)
    data, status = read_file_and_status(path, limit=limits.KEY_FILE_SIZE, what="key")
    is_private = private or _is_private(data)
    if is_private:
        check_private_file(path, status)
    return KeySource(
        name=reference,
        data=data,
        private=is_private,
        stored=stored,
        allow_test_keys=allow_test_keys,
    )


def _is_private(data: bytes) -> bool:
    from signkit.formats.private_key import is_private_key
    from signkit.formats.sealed_key import is_sealed_key

    return is_private_key(data) or is_sealed_key(data)


def _path(reference: str, stored: StoredKey | None, store: KeyStore, *, public: bool) -> Path:
    if stored is not None:
        if stored.encrypted is None or (public and stored.public_key is not None):
            return stored.public_path
        return stored.private_path
    if os.path.exists(reference):
        return Path(reference)
    message = f"no key {reference!r:.200}: no such name in {store.folder}, and no such file"
    raise KeyNotFoundError(message, hint="signkit keys list shows the keys of the store")


def _read_stdin() -> bytes:
    data = sys.stdin.buffer.read(limits.KEY_FILE_SIZE + 1)
    if len(data) > limits.KEY_FILE_SIZE:
        message = f"standard input is too large: expected at most {limits.KEY_FILE_SIZE} bytes"
        raise TooLargeError(message)
    return data


def open_private(source: KeySource, passphrase: PassphraseOptions) -> OpenedKey:
    """Parse a private key, asking for its passphrase where it has one.

    Raises:
        KeyLockedError, FormatError: as `custody.key_file.parse_key`.
        CustodyError: it is not the key of its public file in the store, or lies on a token.
    """
    from signkit.custody.key_file import parse_key
    from signkit.custody.reference import refuse_export
    from signkit.custody.store import check_pair

    if source.on_token is not None:
        refuse_export(source.name)
    opened = parse_key(
        source.data,
        name=source.name,
        secrets=passphrase.existing(),
        allow_test_keys=source.allow_test_keys,
    )
    if source.stored is not None:
        check_pair(source.stored, opened.key.public_key)
    return opened


def load_public_key(source: KeySource, passphrase: PassphraseOptions) -> PublicKey:
    """Return the public key of what was read, from a private one where there is no other.

    Args:
        source: From `read_key`.
        passphrase: Where the passphrase comes from, if one is needed.

    Raises:
        KeyRefusedError: it must not be used.
        Others: as `open_private`.
    """
    from signkit.formats.public_key import read_public_key

    if source.on_token is not None:
        return source.on_token
    if source.private:
        return open_private(source, passphrase).key.public_key
    return read_public_key(source.data, allow_test_keys=source.allow_test_keys)
