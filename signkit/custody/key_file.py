"""Private key files: opened for signing, and written in other forms.

Spec: docs/formats/keys.md sections 4 to 7, docs/formats/sealed-key.md section 5.
"""

from __future__ import annotations

from pathlib import Path

from signkit.custody.access import check_private_file
from signkit.custody.guarded import GuardedSigner, read_clock
from signkit.custody.life import Register, check_may_sign
from signkit.custody.memory import wipe
from signkit.custody.sealed import open_sealed_key
from signkit.custody.signer import Backend, Clock, Secrets
from signkit.custody.software import SoftwareSigner
from signkit.errors import CustodyError
from signkit.formats.files import read_file_and_status
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import (
    OpenedKey,
    encode_encrypted_form,
    encode_private_key,
    parse_private_key,
)
from signkit.formats.sealed_key import SealedKey, is_sealed_key, parse_sealed_key
from signkit.model.purpose import OPEN
from signkit.verify import limits
from signkit.verify.ed25519 import PublicKey


def load_key_file(
    path: Path,
    *,
    secrets: Secrets,
    register: Register,
    name: str | None = None,
    clock: Clock = read_clock,
    expected: PublicKey | None = None,
) -> GuardedSigner:
    """Load a private key file as a signer.

    Args:
        path: The file, of mode 0600: any form of docs/formats/keys.md section 4, or sealed.
        secrets: Gives the passphrase where the file is encrypted.
        register: What the custody register says of the keys of this home.
        name: What to call the key; its path by default.
        clock: What the key's validity is judged by.
        expected: Its public key, where another file says so.

    Raises:
        FileError: it is missing or cannot be read.
        CustodyError: others may read or replace it, or it is another key than expected.
        KeyStateError: it may not sign now; no passphrase was asked for where its key is known.
        KeyLockedError: the passphrase is missing or wrong.
        SignatureInvalidError: a sealed file was changed; the passphrase was not asked for.
        FormatError: it is not a private key that signkit takes; the message says what it is.
    """
    name = name or str(path)
    data = read_key_file(path)
    purpose = OPEN
    if is_sealed_key(data):
        sealed = parse_sealed_key(data)
        _check_expected(sealed, expected, path)  # before a passphrase is typed into it
        purpose = sealed.header.purpose
        expected = sealed.public_key
    if expected is not None:
        check_may_sign(register.lives.get(expected.keyid), name=name, now=clock())
    opened = _open(data, name, secrets)
    return GuardedSigner(opened, register=register, purpose=purpose, clock=clock)


def _check_expected(sealed: SealedKey, expected: PublicKey | None, path: Path) -> None:
    if expected is not None and sealed.public_key != expected:
        message = (
            f"{path} is another key than its public file:"
            f" expected keyid {expected.keyid}, got {sealed.public_key.keyid}"
        )
        hint = "one of the two was altered or exchanged; get both from their backup"
        raise CustodyError(message, hint=hint)


def load_backend(path: Path, *, secrets: Secrets, name: str) -> Backend:
    """Load a private key file as what signs bytes: for a machine's own key, which has no purpose.

    Args, Raises: as `load_key_file`.
    """
    return _open(read_key_file(path), name, secrets)


def _open(data: bytes, name: str, secrets: Secrets) -> Backend:
    opened = parse_key(data, name=name, secrets=secrets)
    signer = SoftwareSigner(opened.key, name=name, warnings=describe_weakness(opened, name=name))
    # Both were made here and nobody else holds them; OpenSSL has its own copy now.
    wipe(opened.key.seed, data)
    return signer


def read_sealed(data: bytes) -> SealedKey | None:
    """Return what a key file says about its purpose; None where it is no sealed key file.

    Raises:
        FormatError, SignatureInvalidError: as `formats.sealed_key.parse_sealed_key`.
    """
    return parse_sealed_key(data) if is_sealed_key(data) else None


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

    def passphrase() -> bytes:
        return secrets(f"passphrase of {name}")

    if is_sealed_key(data):
        return OpenedKey(key=open_sealed_key(parse_sealed_key(data), passphrase), encrypted=True)
    return parse_private_key(data, passphrase=passphrase, allow_test_keys=allow_test_keys)


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
        form: Any form where there is no passphrase, one of `ENCRYPTED_FORMS` where there is one.
        passphrase: Encrypts the key; None writes it as it is.

    Raises:
        UsageError: a passphrase for a form that cannot be encrypted.
        UnsupportedVersionError, TooLargeError: this machine lacks what the encryption takes.
        CustodyError: what was encrypted does not open again.
    """
    if passphrase is None:
        return encode_private_key(opened.key, form)
    encoded = encode_encrypted_form(opened.key, passphrase, form)
    _check_opens(encoded, opened, passphrase)
    return encoded


def _check_opens(encoded: bytes, opened: OpenedKey, passphrase: bytes) -> None:
    """Open what was encrypted before anyone relies on it: a fault here would lose the key."""
    again = parse_private_key(encoded, passphrase=lambda: passphrase, allow_test_keys=True)
    if again.key.seed != opened.key.seed:
        message = "the private key was encrypted but does not open again"
        raise CustodyError(message, hint="this machine's memory or processor may be faulty")
