"""`signkit keys publish`: a public key into a registry.

The one command of the group that talks to a network. Of the store it reads the public file only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.connection import (
    CaFile,
    Connection,
    InsecureHttp,
    Registry,
    Timeout,
    TokenEnv,
    TokenFile,
    connected,
    note,
)
from signkit.errors import KeyNotFoundError, UsageError

if TYPE_CHECKING:
    from signkit.submit.publish_key import PublishedKey
    from signkit.verify.ed25519 import PublicKey

_HINT = (
    "name a key of the store or a public key file; a private key stays where it is: write its"
    " public half with signkit keys convert KEY --public --to pem --out NAME.pub.pem"
)


def publish(
    key: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A key of the store, or a public key file.")
    ],
    *,
    registry: Registry,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the registry is to call it. Default: NAME."),
    ] = None,
    token_file: TokenFile = None,
    token_env: TokenEnv = None,
    ca_file: CaFile = None,
    insecure_http: InsecureHttp = False,
    timeout: Timeout = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Register a public key, once; a key that is there already stays as it is."""
    from signkit.submit.publish_key import publish_key

    path, stored_name = _find(key)
    public_key = _read(path)
    chosen = _choose_name(name or stored_name)
    how = Connection(
        registry=registry,
        token_file=token_file,
        token_env=token_env,
        ca_file=ca_file,
        insecure_http=insecure_http,
        timeout=timeout,
    )
    with connected(how) as (client, address):
        note(f"registry {address} answers, as {client.user()}")
        published = publish_key(client, chosen, public_key)
    _report(published, public_key, asked=chosen, as_json=as_json)


def _find(reference: str) -> tuple[Path, str | None]:
    """Return where the public key is, and its name in the store; None for a file."""
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore, is_key_name

    store = KeyStore(signkit_home() / "keys")
    if is_key_name(reference) and os.path.exists(path := store.paths(reference)[1]):
        return path, reference
    if os.path.exists(reference):
        return Path(reference), None
    message = (
        f"no public key {reference!r:.200}: none of that name in {store.folder}, and no such file"
    )
    raise KeyNotFoundError(message, hint=_HINT)


def _read(path: Path) -> PublicKey:
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    return read_public_key(read_file(path, limit=limits.KEY_FILE_SIZE, what="public key"))


def _choose_name(name: str | None) -> str:
    from signkit.verify import limits
    from signkit.verify.encoding import check_text

    if name is None:
        message = "a key file has no name: expected --name"
        raise UsageError(message, hint="--name says what the registry is to call the key")
    return check_text(name, what="--name", limit=limits.LABEL_LENGTH)


def _report(published: PublishedKey, key: PublicKey, *, asked: str, as_json: bool) -> None:
    from signkit.formats.display import escape
    from signkit.verify.encoding import encode_base64

    record = published.record
    value: dict[str, object] = {
        "prn": record.prn,
        "name": record.name,
        "created": published.created,
        "keyid": key.keyid,
        "value": encode_base64(key.raw),
    }
    state = "created, and read back" if published.created else "there already, as it is here"
    rows = {
        "signing key": record.prn,
        "name": escape(record.name),
        "value": encode_base64(key.raw),
        "keyid": key.keyid,
        "state": state,
    }
    text = "\n".join(f"{label:<13}{said}" for label, said in rows.items())
    output.show_result(value, text, as_json=as_json)
    if record.name != asked:
        output.warn(
            f"the registry calls this key {escape(record.name)}, not {escape(asked)};"
            " nothing was changed"
        )
