"""`signkit trust`: make and read trust roots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.key_source import AllowTestKeys
from signkit.cli.passphrase import (
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    PassphraseOptions,
)
from signkit.cli.signer import open_named_signer
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.verify.ed25519 import PublicKey


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Say which keys may sign what.")
    group.command("init", help="Make the first trust root.")(init)
    app.add_typer(group, name="trust")


def init(
    *,
    root: Annotated[
        list[str],
        typer.Option(help="Private key of the root role, by name or file; again for more."),
    ],
    release: Annotated[
        list[Path],
        typer.Option(metavar="PUBLIC", help="Public key that signs releases; again for more."),
    ],
    threshold: Annotated[int, typer.Option(min=1, help="How many release keys must sign.")] = 1,
    artifact: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Artifacts they may sign for.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Targets they may sign for.")
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="Default: never.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE")] = Path("trust.json"),
    allow_test_keys: AllowTestKeys = False,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make the first trust root: who may release, for what; every --root key must sign it."""
    from signkit.cli.clock import now, parse_expiry
    from signkit.cli.render import render_trust
    from signkit.formats.files import check_target, write_new
    from signkit.formats.trust import FirstTrust, sign_first_trust
    from signkit.verify.trust import load_trust

    check_target(out)
    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    roots = [open_named_signer(reference, passphrase) for reference in root]
    first = FirstTrust(
        issued=now(),
        expires=None if expires is None else parse_expiry(expires),
        root=_named([(Path(signer.name).name, signer.public_key) for signer in roots]),
        release=_named(
            [
                (path.name.split(".")[0], _read_public(path, allow_test_keys=allow_test_keys))
                for path in release
            ]
        ),
        threshold=threshold,
        artifacts=artifact or ["*"],
        targets=target or ["*"],
    )
    data = sign_first_trust(first, roots)
    write_new(out, data)
    trust = load_trust(data, allow_test_keys=allow_test_keys)
    value: dict[str, object] = {
        "trust": str(out),
        "version": trust.version,
        "root": sorted(trust.root.keys),
        "release": sorted(trust.roles["release"].keys),
        "threshold": trust.roles["release"].threshold,
    }
    output.show_result(value, f"{render_trust(trust)}\n\ntrust    {out}", as_json=as_json)


def _read_public(path: Path, *, allow_test_keys: bool) -> PublicKey:
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    data = read_file(path, limit=limits.KEY_FILE_SIZE, what="public key")
    return read_public_key(data, allow_test_keys=allow_test_keys)


def _named(keys: Sequence[tuple[str, PublicKey]]) -> dict[str, PublicKey]:
    """Give every key a name of its own; two files of one name get a number."""
    named: dict[str, PublicKey] = {}
    for name, key in keys:
        if key in named.values():
            message = f"the key {key.keyid} is named twice in one role"
            raise UsageError(message, hint="a key counts once; name each only once")
        taken = sum(1 for each in named if each.partition(" ")[0] == name)
        named[f"{name} {taken + 1}" if taken else name] = key
    return named
