"""What runs on this station: versions, and a digest over the installed package.

PyNaCl brings its own libsodium, which does not tell its version: PyNaCl's stands for it. Code that
lies can lie about this as well; it tells honest installations apart.

Spec: docs/formats/ledger.md section 4.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import signkit
from signkit.custody.software import openssl_version
from signkit.errors import FileError
from signkit.verify.digest import Sha256, compute_digest

_CACHE = "__pycache__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What runs here; versions as each says of itself, 1 to 128 characters.

    Attributes:
        signkit: Version of the package.
        python: Version of the interpreter.
        pynacl: Version of what verifies; libsodium comes in it.
        openssl: Version of what signs, in its own words.
        digest: SHA-256 over the files of the package.
    """

    signkit: str
    python: str
    pynacl: str
    openssl: str
    digest: Sha256


def describe_installation() -> Installation:
    """Return what runs here.

    Raises:
        FileError: a file of the package cannot be read.
    """
    return Installation(
        signkit=version("signkit"),
        python=platform.python_version(),
        pynacl=version("pynacl"),
        openssl=openssl_version(),
        digest=hash_package(Path(signkit.__file__).parent),
    )


def hash_package(folder: Path) -> Sha256:
    """Return the digest over a package's files, as the specification's command line makes it.

    Raises:
        FileError: a file of it cannot be read.
    """
    try:
        files = {path.relative_to(folder.parent): path for path in folder.rglob("*")}
        lines = [
            compute_digest(path.read_bytes()).hex().encode() + b"  " + os.fsencode(name)
            for name, path in sorted(files.items(), key=lambda each: os.fsencode(each[0]))
            if _CACHE not in name.parts and path.is_file() and not path.is_symlink()
        ]
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise FileError(message, hint="install signkit again") from error
    return compute_digest(b"".join(line + b"\n" for line in lines))
