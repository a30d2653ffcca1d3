"""`signkit keys`: make keys, show their public parts, convert between forms, list the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.custody import (
    CryptoperiodOption,
    JsonOption,
    PreActiveOption,
    home_and_store,
    read_enrolment,
)
from signkit.cli.key_source import AllowTestKeys
from signkit.cli.keys_purpose import (
    ArtifactOption,
    MostOption,
    NotAfterOption,
    NotBeforeOption,
    PredecessorOption,
    PurposeOptions,
    RoleOption,
    SchemeOption,
    SealedOption,
    TargetOption,
    describe_purpose,
)
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions
from signkit.cli.signer import Pkcs11Module

if TYPE_CHECKING:
    from signkit.cli.key_source import KeySource
    from signkit.custody.life import Life
    from signkit.custody.store import KeyStore, StoredKey
    from signkit.verify.ed25519 import PublicKey

_LABEL_WIDTH = 13
_COMMENT_WIDTH = 80


def register(app: typer.Typer) -> None:
    """Add the group."""
    from signkit.cli import keys_backup, keys_life, keys_rotate, keys_shares
    from signkit.cli.keys_attest import attest
    from signkit.cli.keys_compromise import compromise
    from signkit.cli.keys_convert import convert
    from signkit.cli.keys_export import export
    from signkit.cli.keys_import import import_key
    from signkit.cli.keys_list import list_keys
    from signkit.cli.keys_publish import publish

    group = typer.Typer(
        no_args_is_help=True,
        help="Ed25519 keys, from the first day to the last.",
        callback=_protect,
    )
    group.command("new", help="Make a key, encrypted under a passphrase.")(new)
    group.command("show", help="Show a key's public parts in every encoding.")(show)
    group.command("convert", help="Write a key in another form.")(convert)
    group.command("import", help="Take another tool's key into the store.")(import_key)
    group.command("export", help="Write a key of the store for another tool.")(export)
    group.command("list", help="List the keys, their states and cryptoperiods.")(list_keys)
    keys_life.register(group)
    keys_rotate.register(group)
    group.command("compromise", help="Somebody else may have a key: act now.")(compromise)
    group.command("attest", help="Keep what a token says about its key.")(attest)
    group.command("publish", help="Register a public key with a registry.")(publish)
    keys_shares.register(group)
    keys_backup.register(group)
    app.add_typer(group, name="keys")


def _protect() -> None:
    """Keep to this process what it is about to hold, whichever command of the group it is."""
    from signkit.custody.memory import protect_process

    protect_process()


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the key.")],
    *,
    sealed: SealedOption = False,
    role: RoleOption = None,
    artifact: ArtifactOption = None,
    target: TargetOption = None,
    scheme: SchemeOption = None,
    not_before: NotBeforeOption = None,
    not_after: NotAfterOption = None,
    most: MostOption = None,
    predecessor: PredecessorOption = None,
    cryptoperiod: CryptoperiodOption = None,
    pre_active: PreActiveOption = False,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Default: the key store.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key; its private file is encrypted, and never overwritten.

    --sealed writes a file that says what the key is for; signkit then signs nothing else with it.
    The custody register says when it may sign; with --out the key belongs to no register.
    """
    from signkit.custody.keeping import enrol
    from signkit.custody.register import open_register

    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    store = _store(out)
    store.check_new(name)  # before anybody thinks of a passphrase
    purpose = PurposeOptions(
        role=role,
        artifact=artifact,
        target=target,
        scheme=scheme,
        not_before=not_before,
        not_after=not_after,
        most=most,
        predecessor=predecessor,
    )
    if not sealed:
        purpose.check_unsealed()
    enrolment = read_enrolment(
        "made here", cryptoperiod=cryptoperiod, pre_active=pre_active, predecessor=predecessor
    )
    if out is not None:
        enrolment.check_default("--out: a key that lies elsewhere is in no register")
    sealing = purpose.sealing() if sealed else None
    secret = passphrase.new()(f"passphrase of {name}")
    if out is not None:
        store.new(name, passphrase=secret, sealing=sealing)
        show_new_key(store.get(name), None, as_json=as_json)
        return
    with open_register(home_and_store()[0]) as opened:
        key = store.new(name, passphrase=secret, sealing=sealing)
        life = enrol(opened, key.keyid, name=name, enrolment=enrolment)
    show_new_key(store.get(name), life, as_json=as_json)


def show_new_key(
    stored: StoredKey, life: Life | None, *, comment: str | None = None, as_json: bool
) -> None:
    """Print a key that was just taken in; as `describe_new_key`."""
    value, lines = describe_new_key(stored, life, comment=comment)
    output.show_result(value, "\n".join(lines), as_json=as_json)


def describe_new_key(
    stored: StoredKey, life: Life | None, *, comment: str | None = None
) -> tuple[dict[str, object], list[str]]:
    """Return a key that was just made or taken in: for data, and for people.

    Args:
        stored: Its files.
        life: Its line in the register, or None.
        comment: What nothing protects in the file that it came from, or None.
    """
    from signkit.formats.display import escape

    value, lines = describe_stored(stored)
    if comment:
        value["comment"] = comment
        lines.append(_row("comment", f"{escape(comment, width=_COMMENT_WIDTH)} (unprotected)"))
    if life is not None:
        from signkit.custody.overview import life_rows

        value |= {"state": str(life.state), "ends": life.ends}
        lines += [_row(label, text) for label, text in life_rows(life)]
    if stored.public_key is not None:
        key_value, key_lines = describe_identity(stored.public_key)
        value, lines = value | key_value, lines + key_lines
    return value, lines


def show(
    key: Annotated[str, typer.Argument(metavar="NAME|FILE|URI", help="A key, public or private.")],
    *,
    private: Annotated[
        bool, typer.Option("--private", help="Take 32 raw bytes as a private seed.")
    ] = False,
    allow_test_keys: AllowTestKeys = False,
    pkcs11_module: Pkcs11Module = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Show keyid, fingerprint and every public encoding; no passphrase where a public file is."""
    from signkit.cli.key_source import load_public_key, read_key

    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    source = read_key(
        key,
        store=_store(None),
        private=private,
        public=True,
        allow_test_keys=allow_test_keys,
        module=pkcs11_module,
    )
    public_key = load_public_key(source, passphrase)
    value, lines = describe_identity(public_key)
    purpose, purpose_lines = _describe_sealed(source)
    evidence, evidence_lines = _describe_evidence(source, public_key)
    lines += [*purpose_lines, *evidence_lines]
    encodings = _encodings(public_key)
    for label, text in encodings.items():
        first, *rest = text.splitlines()
        lines += [_row(label, first), *(_row("", line) for line in rest)]
    names = {label.replace(" ", "_").lower(): text for label, text in encodings.items()}
    output.show_result(value | purpose | evidence | names, "\n".join(lines), as_json=as_json)


def _describe_sealed(source: KeySource) -> tuple[dict[str, object], list[str]]:
    """Return what a sealed key is for; nothing for any other."""
    from signkit.custody.key_file import read_key_file, read_sealed

    data = source.data
    if source.stored is not None and source.stored.sealed:
        data = read_key_file(source.stored.private_path)
    sealed = read_sealed(data)
    if sealed is None:
        return {}, []
    value, rows = describe_purpose(sealed.header)
    return {"purpose": value}, [_row(label, text) for label, text in rows]


def _describe_evidence(
    source: KeySource, public_key: PublicKey
) -> tuple[dict[str, object], list[str]]:
    """Return where the evidence of a stored key's token is; nothing where there is none."""
    from signkit.cli.keys_attest import describe_evidence

    if source.stored is None:
        return {}, []
    path = _store(None).evidence_path(source.stored.name)
    value, rows = describe_evidence(path, public_key)
    return value, [_row(label, text) for label, text in rows]


def _store(folder: Path | None) -> KeyStore:
    from signkit.cli.home import signkit_home
    from signkit.custody.store import KeyStore

    return KeyStore(folder if folder is not None else signkit_home() / "keys")


def describe_stored(stored: StoredKey) -> tuple[dict[str, object], list[str]]:
    """Return where a key's files are: for data, and for people."""
    from signkit.formats.display import escape

    private = stored.encrypted is not None
    value: dict[str, object] = {
        "name": stored.name,
        "private_path": str(stored.private_path) if private else None,
        "public_path": str(stored.public_path),
    }
    how = "sealed" if stored.sealed else "encrypted"
    shown = f"{escape(str(stored.private_path))} ({how})" if private else "not here"
    return value, [
        _row("key", stored.name),
        _row("private key", shown),
        _row("public key", escape(str(stored.public_path))),
    ]


def describe_identity(key: PublicKey) -> tuple[dict[str, object], list[str]]:
    """Return what tells a key from any other: for data, and for people."""
    from signkit.formats.fingerprint import fingerprint_digest, hex_rows, word_rows
    from signkit.verify.encoding import encode_base64

    digest = fingerprint_digest(key)
    groups, words = hex_rows(digest), word_rows(digest)
    value: dict[str, object] = {
        "keyid": key.keyid,
        "fingerprint": " ".join(groups),
        "words": " ".join(words),
        "raw_base64": encode_base64(key.raw),
    }
    first_groups, *more_groups = groups
    first_words, *more_words = words
    return value, [
        _row("keyid", key.keyid),
        _row("fingerprint", first_groups),
        *(_row("", row) for row in more_groups),
        _row("words", first_words),
        *(_row("", row) for row in more_words),
    ]


def _encodings(key: PublicKey) -> dict[str, str]:
    from signkit.formats.key_form import KeyForm
    from signkit.formats.public_key import encode_public_key, encode_ssh_line
    from signkit.verify.encoding import encode_base64

    der = encode_public_key(key, KeyForm.DER)
    return {
        "PEM": encode_public_key(key, KeyForm.PEM).decode("ascii"),
        "DER base64": encode_base64(der),
        "DER hex": der.hex(),
        "raw base64": encode_base64(key.raw),
        "raw hex": key.raw.hex(),
        "OpenSSH": encode_ssh_line(key),
    }


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL_WIDTH}}{text}".rstrip()
