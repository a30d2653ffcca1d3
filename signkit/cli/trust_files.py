"""Options and arguments that several commands of `signkit trust` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from signkit.verify.ed25519 import PublicKey

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DraftArgument = Annotated[
    Path, typer.Argument(metavar="DRAFT", help="X.draft.json, as the edits write it.")
]
CurrentOption = Annotated[
    Path | None,
    typer.Option(metavar="TRUST", help="The version before it; version 1 has none."),
]


def key_name(path: Path) -> str:
    """Return what a key is called whose public file this is: `prod.pub.pem` is prod."""
    return path.name.split(".")[0]


def read_public(path: Path, *, allow_test_keys: bool) -> PublicKey:
    """Read a public key file that is to come into a trust root.

    Raises:
        FileError, FormatError, KeyRefusedError: it is not to be used.
    """
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    data = read_file(path, limit=limits.KEY_FILE_SIZE, what="public key")
    return read_public_key(data, allow_test_keys=allow_test_keys)
