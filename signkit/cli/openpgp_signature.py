"""A person's OpenPGP signature beside a request: the options, and the file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from signkit.errors import FileError, UsageError

_OURS = ".asc"
SignOpenpgp = Annotated[
    str | None,
    typer.Option(metavar="FINGERPRINT", help="Sign the request with this OpenPGP key as well."),
]
GnupgHome = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Its GnuPG home; default: GnuPG's own.")
]
GnupgPassphraseFile = Annotated[
    Path | None, typer.Option(metavar="F", help="Its passphrase; default: GnuPG asks.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenpgpSigner:
    """A person with an OpenPGP key.

    Attributes:
        fingerprint: Of their primary key, 40 upper-case hex digits.
        home: Their GnuPG home, or None for GnuPG's own.
        passphrase: Of the key, or None where GnuPG asks.
    """

    fingerprint: str
    home: Path | None
    passphrase: bytes | None

    def sign(self, data: bytes) -> bytes:
        """Return a detached signature, as `custody.openpgp.sign_detached`."""
        from signkit.custody.openpgp import sign_detached

        return sign_detached(
            data, fingerprint=self.fingerprint, home=self.home, passphrase=self.passphrase
        )


def open_openpgp_signer(
    request: Path, fingerprint: str | None, home: Path | None, passphrase_file: Path | None
) -> OpenpgpSigner | None:
    """Read the options, before any work is spent.

    Args:
        request: The request that is to be written; no signature of an older one may lie beside it.
        fingerprint: Of the key that is to sign; None for none.
        home: Its GnuPG home, or None for GnuPG's own.
        passphrase_file: Holds its passphrase; None where GnuPG asks.

    Raises:
        FileError: a signature lies there that this key will not replace.
        UsageError: options of a signature that is not asked for.
        MalformedError: no fingerprint.
        CustodyError: the passphrase cannot be read.
    """
    if fingerprint is None:
        if home is not None or passphrase_file is not None:
            message = "--gnupg-home and --gnupg-passphrase-file go with --sign-openpgp"
            raise UsageError(message, hint="add --sign-openpgp FINGERPRINT")
        _check_no_signature(find_signatures(request))
        return None
    from signkit.cli.passphrase import PassphraseOptions
    from signkit.custody.openpgp import parse_fingerprint

    options = PassphraseOptions(file=passphrase_file, option="--gnupg-passphrase")
    what = "passphrase of the OpenPGP key"
    _check_no_signature(
        each for each in find_signatures(request) if each != signature_path(request)
    )
    return OpenpgpSigner(
        fingerprint=parse_fingerprint(fingerprint),
        home=home,
        passphrase=None if passphrase_file is None else options.existing()(what),
    )


def find_signatures(request: Path) -> list[Path]:
    """Return the OpenPGP signatures that lie beside a request."""
    beside = [request.with_name(request.name + suffix) for suffix in (_OURS, ".sig")]
    return [path for path in beside if os.path.lexists(path)]


def _check_no_signature(left: Iterable[Path]) -> None:
    """Refuse a signature of an older request, which would lie beside a new one."""
    for path in left:
        message = f"{path} is not of the request that is to be written"
        raise FileError(message, hint="move it away, or sign again with --sign-openpgp")


def signature_path(request: Path) -> Path:
    """Return where the signature of a request is written."""
    return request.with_name(request.name + _OURS)
