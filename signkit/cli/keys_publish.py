"""`signkit keys publish`: a public key into a registry.

The one command of the group that talks to a network. Of the store it reads the public file only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.connection import Connection, connected, connecting, note
from signkit.cli.public_source import find_public_key
from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.submit.publish_key import PublishedKey
    from signkit.verify.ed25519 import PublicKey


@connecting
def publish(
    key: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A key of the store, or a public key file.")
    ],
    *,
    how: Connection,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What the registry is to call it. Default: NAME."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Register a public key, once; a key that is there already stays as it is."""
    from signkit.submit.publish_key import publish_key

    found = find_public_key(key)
    chosen = _choose_name(name or found.name)
    with connected(how) as (client, address):
        note(f"registry {address} answers, as {client.user()}")
        published = publish_key(client, chosen, found.key)
    _report(published, found.key, asked=chosen, as_json=as_json)


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
