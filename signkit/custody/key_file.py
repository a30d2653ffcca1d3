"""Private key files: opened for signing, and written in other forms.

Spec: docs/formats/keys.md sections 4 to 7.
"""

from __future__ import annotations

from pathlib import Path

from signkit.custody.access import check_private_file
from signkit.custody.guarded import GuardedSigner, read_clock
from signkit.custody.memory import wipe
from signkit.custody.signer import Backend, Clock, Secrets
from signkit.custody.software import SoftwareSigner
from signkit.errors import CustodyError
from signkit.formats.files import read_file_and_status
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import (
    OpenedKey,
    encode_encrypted_key,
    encode_private_key,
    parse_private_key,
)
from signkit.verify import limits


def load_key_file(
    path: Path, *, secrets: Secrets, name: str | None = None, clock: Clock = read_clock
) -> GuardedSigner:
    """Load a private key file as a signer.

    Args:
        path: The file, in any form of docs/formats/keys.md section 4, of mode 0600.
        secrets: Gives the passphrase where the file is encrypted.
        name: What to call the key; its path by default.
        clock: What the key's validity is judged by.

    Raises:
        FileError: it is missing or cannot be read.
        CustodyError: others may read or replace it.
        KeyLockedError: the passphrase is missing or wrong.
        FormatError: it is not a private key that signkit takes; the message says what it is.
    """
    return GuardedSigner(load_backend(path, secrets=secrets, name=name), clock=clock)


def load_backend(path: Path, *, secrets: Secrets, name: str | None = None) -> Backend:
    """Load a private key file as what signs bytes: for a machine's own key, which has no purpose.

    Args, Raises: as `load_key_file`.
    """
    name = name or str(path)
    data = read_key_file(path)
    opened = parse_key(data, name=name, secrets=secrets)
    signer = SoftwareSigner(opened.key, name=name, warnings=describe_weakness(opened, name=name))
    # Both were made here and nobody else holds them; OpenSSL has its own copy now.
    wipe(opened.key.seed, data)
    return signer


def read_key_file(path: Path) -> bytes:
    """Read a private key file after checking who else may.

    Raises:
        FileError, TooLargeError, CustodyError: as `load_key_file`.
    """
    data, status = read_file_and_status(path, limit=limits.KEY_FILE_SIZE, what="private key")
    check_private_file(path, status)
    return data


def parse_key(
    data: bytes, *, name: str, secrets: Secrets, allow_test_keys: bool = False
) -> OpenedKey:
    """Parse a private key, asking for its passphrase where it has one.

    Nothing that signs allows test keys: there is no honest use of a signature by everybody.

    Raises:
        KeyLockedError, FormatError: as `load_key_file`.
    """
    return parse_private_key(
        data,
        passphrase=lambda: secrets(f"passphrase of {name}"),
        allow_test_keys=allow_test_keys,
    )


def describe_weakness(opened: OpenedKey, *, name: str) -> tuple[str, ...]:
    """Return what the operator should know about how a key is kept."""
    if not opened.encrypted:
        return (f"the private key {name} is not encrypted: whoever copies the file can sign",)
    if opened.weakness:
        return (f"the passphrase of {name} is cheap to guess at: {opened.weakness}",)
    return ()


def encode_key(opened: OpenedKey, form: KeyForm, *, passphrase: bytes | None) -> bytes:
    """Encode an opened key in a form.

    Args:
        opened: The key.
        form: Any form where there is no passphrase, PEM where there is one.
        passphrase: Encrypts the key; None writes it as it is.

    Raises:
        CustodyError: a passphrase for a form that cannot be encrypted.
    """
    if passphrase is None:
        return encode_private_key(opened.key, form)
    if form is not KeyForm.PEM:
        message = f"the form {form} cannot be encrypted: expected pem"
        raise CustodyError(message)
    encoded = encode_encrypted_key(opened.key, passphrase)
    _check_opens(encoded, opened, passphrase)
    return encoded


def _check_opens(encoded: bytes, opened: OpenedKey, passphrase: bytes) -> None:
    """Open what was encrypted before anyone relies on it: a fault here would lose the key."""
    again = parse_private_key(encoded, passphrase=lambda: passphrase, allow_test_keys=True)
    if again.key.seed != opened.key.seed:
        message = "the private key was encrypted but does not open again"
        raise CustodyError(message, hint="this machine's memory or processor may be faulty")
