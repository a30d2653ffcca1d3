"""Backups: a private key, encrypted to custodians with OpenPGP, to each of them alone.

What is encrypted is the plain PKCS#8 file, so that a backup needs one secret, the custodian's own.
The decrypted bytes stay in memory; restored keys are encrypted again before they reach a disk.

Spec: docs/formats/key-backup.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from signkit.custody.access import check_private_folder
from signkit.custody.key_file import parse_key
from signkit.custody.openpgp import decrypt, encrypt_to_each, parse_fingerprint
from signkit.custody.signer import Secrets
from signkit.errors import UsageError
from signkit.formats.files import PRIVATE_MODE, check_target, read_file, write_new
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import PrivateKey, encode_private_key
from signkit.verify import limits

BACKUP_SIZE = 64 * 1024
"""The most bytes of a backup; signkit writes less than 2 KiB."""
RECIPIENT_KEYS_SIZE = 4 * 1024 * 1024
"""The most bytes of a file of OpenPGP keys: some carry pictures and hundreds of signatures."""
MOST_CUSTODIANS = 16


def plan_backups(
    folder: Path, *, name: str, fingerprints: Sequence[str]
) -> tuple[tuple[str, Path], ...]:
    """Return where the backups of a key are to go, before anybody types a passphrase.

    Args:
        folder: A folder that others may not write.
        name: What people call the key.
        fingerprints: Of the custodians' OpenPGP keys, as typed.

    Returns:
        For each custodian the fingerprint and the file.

    Raises:
        MalformedError: no fingerprint.
        UsageError: none, one twice, or more than 16.
        CustodyError, FileError: the folder is not there or open to others, or a file exists.
    """
    parsed = tuple(map(parse_fingerprint, fingerprints))
    if not 1 <= len(parsed) <= MOST_CUSTODIANS:
        message = f"{len(parsed)} custodians: expected 1 to {MOST_CUSTODIANS}"
        raise UsageError(message)
    if len(set(parsed)) != len(parsed):
        message = "the same OpenPGP fingerprint twice: expected one for each custodian"
        raise UsageError(message)
    check_private_folder(folder)
    planned = tuple((each, folder / f"{name}.{each}.backup.asc") for each in parsed)
    for _, path in planned:
        check_target(path)
    return planned


def write_backups(
    key: PrivateKey, planned: Sequence[tuple[str, Path]], *, recipient_keys: Sequence[Path]
) -> None:
    """Encrypt a key to each custodian, and write the files; all are made before one is written.

    Args:
        key: The key.
        planned: From `plan_backups`.
        recipient_keys: Files that hold the custodians' public keys.

    Raises:
        CustodyError, MalformedError: as `openpgp.encrypt_to_each`.
        FileError, TooLargeError: a file cannot be read or written, or is too large.
    """
    files = [
        (str(path), read_file(path, limit=RECIPIENT_KEYS_SIZE, what="OpenPGP key"))
        for path in recipient_keys
    ]
    fingerprints = [fingerprint for fingerprint, _ in planned]
    messages = encrypt_to_each(encode_private_key(key, KeyForm.PEM), fingerprints, key_files=files)
    for (_, path), message in zip(planned, messages, strict=True):
        write_new(path, message, mode=PRIVATE_MODE)


def open_backup(
    path: Path, *, home: Path | None, passphrase: bytes | None, secrets: Secrets
) -> PrivateKey:
    """Decrypt a backup; what it held is checked as any private key file is.

    Whether it is the right key is `restore.py`'s to say: anybody can encrypt to a custodian.

    Args:
        path: The file.
        home: The GnuPG home with the custodian's key; None for the person's own.
        passphrase: Of that key; None where gpg-agent is to ask.
        secrets: Gives the key file's own passphrase, where a person backed up an encrypted one.

    Returns:
        The key.

    Raises:
        FileError, TooLargeError: the file cannot be read, or is too large.
        CustodyError, KeyLockedError, MalformedError, UsageError: as `openpgp.decrypt`.
        FormatError: what it held is no private key that signkit takes.
    """
    data = read_file(path, limit=BACKUP_SIZE, what="backup")
    what, limit = f"backup {path}", limits.KEY_FILE_SIZE
    plain = decrypt(data, home=home, passphrase=passphrase, limit=limit, what=what)
    return parse_key(plain, name=f"the key in {path}", secrets=secrets).key
