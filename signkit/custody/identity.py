"""A machine's own key: it says which machine made a request or a response, and signs no content.

It is not encrypted, because no person stands by when a machine answers; what it protects is the
link between two documents, and a thief of the machine has the machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from signkit.custody.access import make_private_folder
from signkit.custody.key_file import load_backend
from signkit.custody.signer import Backend
from signkit.errors import CustodyError, FileError, KeyLockedError
from signkit.formats.files import PRIVATE_MODE, PUBLIC_MODE, read_file, write_new
from signkit.formats.key_form import KeyForm
from signkit.formats.private_key import encode_private_key, new_private_key
from signkit.formats.public_key import encode_public_key
from signkit.verify import limits


def load_or_create_identity(folder: Path, name: str) -> Backend:
    """Load a machine's own key; make it when there is none yet.

    Several processes may do so at once: one key wins, and all return it.

    Args:
        folder: signkit's home; made where it is missing.
        name: "requester" or "station".

    Raises:
        CustodyError: others may read or replace the key, or its public file is another key's.
        KeyLockedError: the key is encrypted.
        FileError, FormatError: the files cannot be read or written, or are not keys.
    """
    path = folder / f"{name}.pem"
    if not os.path.exists(path):
        make_private_folder(folder)
        data = encode_private_key(new_private_key(), KeyForm.PEM)
        _write_unless_there(path, data, mode=PRIVATE_MODE)
    signer = load_backend(path, secrets=_refuse_encrypted, name=name)
    public_path = folder / f"{name}.pub.pem"
    public = encode_public_key(signer.public_key, KeyForm.PEM)
    _write_unless_there(public_path, public, mode=PUBLIC_MODE)
    if read_file(public_path, limit=limits.KEY_FILE_SIZE, what="public key") != public:
        message = f"{public_path} is not the public key of {path}"
        raise CustodyError(message, hint="move the public file away; it is written again")
    return signer


def _write_unless_there(path: Path, data: bytes, *, mode: int) -> None:
    if os.path.exists(path):
        return
    try:
        write_new(path, data, mode=mode)
    except FileError:
        if not os.path.exists(path):  # otherwise another process was first, which is as good
            raise


def _refuse_encrypted(what: str) -> NoReturn:
    message = f"the {what} is wanted, but a machine's own key must not be encrypted"
    raise KeyLockedError(message, hint="move the file away; a new key is made")
