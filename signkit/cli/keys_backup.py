"""`signkit keys backup` and `keys restore`: a key encrypted to custodians, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signkit.cli import output
from signkit.cli.keys_shares import (
    DrillOption,
    JsonOption,
    KeyidOption,
    check_destination,
    finish,
    key_store,
    open_key,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions


def register(group: typer.Typer) -> None:
    """Add the commands to `signkit keys`."""
    group.command("backup", help="Encrypt a private key to custodians with OpenPGP.")(backup)
    group.command("restore", help="Restore a private key from a backup.")(restore)


def backup(
    key: Annotated[str, typer.Argument(metavar="NAME|FILE", help="The private key.")],
    *,
    to: Annotated[
        list[str],
        typer.Option("--to", metavar="FINGERPRINT", help="A custodian, 40 hex digits; again."),
    ],
    recipient_keys: Annotated[
        list[Path],
        typer.Option("--recipient-keys", metavar="FILE", help="Their public keys; again."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the files go.")
    ] = Path(),
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Write one file for each custodian; each restores the key alone."""
    from signkit.custody.backup import plan_backups, write_backups
    from signkit.formats.display import escape

    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    planned = plan_backups(out, name=Path(key).name, fingerprints=to)
    private = open_key(key, passphrase)
    write_backups(private, planned, recipient_keys=recipient_keys)
    keyid = private.public_key.keyid
    backups = [{"fingerprint": each, "path": str(path)} for each, path in planned]
    lines = [f"keyid   {keyid}", *(f"backup  {escape(str(path))}" for _, path in planned)]
    output.show_result({"keyid": keyid, "backups": backups}, "\n".join(lines), as_json=as_json)
    output.note("let each custodian prove theirs: signkit keys restore FILE --drill --keyid KEYID")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    *,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call the key in the store.")
    ] = None,
    keyid: KeyidOption = None,
    drill: DrillOption = False,
    gnupg_home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The custodian's GnuPG home; default: GnuPG's own."),
    ] = None,
    gnupg_passphrase_file: Annotated[
        Path | None, typer.Option(metavar="F", help="Passphrase of the OpenPGP key, from a file.")
    ] = None,
    gnupg_passphrase_fd: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Or so; default: GnuPG asks.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Decrypt with the custodian's own key, compare the keyid, and write the key encrypted."""
    from signkit.custody.backup import open_backup
    from signkit.custody.restore import check_restored, expect_keyid

    store = key_store()
    named = check_destination(store, name, drill=drill)
    expected = expect_keyid(store, name=name, keyid=keyid)
    fresh = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    theirs = PassphraseOptions(
        file=gnupg_passphrase_file, fd=gnupg_passphrase_fd, option="--gnupg-passphrase"
    )
    asked = theirs.file is not None or theirs.fd is not None
    secret = theirs.existing()("passphrase of the OpenPGP key") if asked else None
    key = open_backup(file, home=gnupg_home, passphrase=secret, secrets=fresh.existing())
    hint = "anybody can encrypt to a custodian: find out who wrote this file"
    check_restored(key, keyid=expected, source="the backup", hint=hint)
    finish(key, store, named, passphrase=fresh, source="the backup", as_json=as_json)
