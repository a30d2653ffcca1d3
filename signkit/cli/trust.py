"""`signkit trust`: make and show trust roots; editing, signing and checking are its other modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output, trust_check, trust_edit, trust_sign
from signkit.cli.key_source import AllowTestKeys
from signkit.cli.passphrase import (
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    PassphraseOptions,
)
from signkit.cli.signer import open_named_signer
from signkit.cli.trust_files import JsonOption, key_name, read_public
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.custody.signer import OpenedSigner
    from signkit.formats.trust import Draft
    from signkit.verify.ed25519 import PublicKey


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Say which keys may sign what.")
    group.command("init", help="Make the first trust root.")(init)
    trust_edit.register(group)
    trust_sign.register(group)
    group.command("show", help="Show a trust root or a draft.")(show)
    trust_check.register(group)
    app.add_typer(group, name="trust")


def init(
    *,
    release: Annotated[
        list[Path],
        typer.Option(metavar="PUBLIC", help="Public key that signs releases; again for more."),
    ],
    root: Annotated[
        list[str] | None,
        typer.Option(help="Private key of the root role, which signs at once; again for more."),
    ] = None,
    root_public: Annotated[
        list[Path] | None,
        typer.Option(metavar="PUBLIC", help="Root key that signs on its station; makes a draft."),
    ] = None,
    root_threshold: Annotated[
        int | None, typer.Option(min=1, help="How many root keys must sign. Default: all.")
    ] = None,
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
    as_json: JsonOption = False,
) -> None:
    """Make version 1: who may release, for what. Without enough private keys here, a draft of it."""
    from signkit.cli.clock import now, parse_expiry
    from signkit.formats.trust import new_draft
    from signkit.trust.edit import RoleChange, first_trust

    if not root and not root_public:
        message = "expected --root, --root-public, or both"
        raise UsageError(message, hint="the root role needs at least one key")
    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    signers = [open_named_signer(reference, passphrase) for reference in root or []]
    local = [(key_name(Path(signer.name)), signer.public_key) for signer in signers]
    roots = _named([*local, *_read_all(root_public, allow_test_keys=allow_test_keys)])
    trust = first_trust(
        issued=now(),
        expires=expires and parse_expiry(expires),
        root=RoleChange(keys=roots, threshold=root_threshold or len(roots)),
        release=RoleChange(
            keys=_named(_read_all(release, allow_test_keys=allow_test_keys)),
            threshold=threshold,
            artifacts=artifact,
            targets=target,
        ),
    )
    _write(new_draft(trust), signers, out, as_json=as_json)


def _write(draft: Draft, signers: Sequence[OpenedSigner], out: Path, *, as_json: bool) -> None:
    """Write version 1, or its draft where root keys elsewhere must sign it."""
    from signkit.formats.files import check_target, write_new
    from signkit.formats.trust import encode_draft, sign_draft
    from signkit.formats.trust_text import trust_lines
    from signkit.trust.collect import complete_draft, merge_signatures, root_statuses
    from signkit.trust.files import DRAFT_SUFFIX

    complete = len(signers) >= draft.trust.root.threshold
    path = out if complete else out.with_name(out.stem + DRAFT_SUFFIX)
    check_target(path)
    made = [sign_draft(draft, signer.for_trust_roots()) for signer in signers]
    draft = merge_signatures(draft, made, None)
    write_new(path, complete_draft(draft, None) if complete else encode_draft(draft))
    trust = draft.trust
    value: dict[str, object] = {
        "trust" if complete else "draft": str(path),
        "version": trust.version,
        "root": sorted(trust.root.keys),
        "root_threshold": trust.root.threshold,
        "release": sorted(trust.roles["release"].keys),
        "threshold": trust.roles["release"].threshold,
    }
    lines = [*trust_lines(trust), "", f"{'trust' if complete else 'draft'}    {path}"]
    if not complete:
        missing = ", ".join(root_statuses(draft, None)[0].missing)
        output.note(f"a draft: {missing} can sign it; next: signkit trust request {path}")
    output.show_result(value, "\n".join(lines), as_json=as_json)


def _read_all(
    paths: Sequence[Path] | None, *, allow_test_keys: bool
) -> list[tuple[str, PublicKey]]:
    return [
        (key_name(path), read_public(path, allow_test_keys=allow_test_keys)) for path in paths or ()
    ]


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


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A trust root or a draft.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Show a trust root whole, and how far its own root role has signed it."""
    from signkit.trust.files import read_draft

    value, text = describe(read_draft(file))
    output.show_result(value, text, as_json=as_json)


def describe(draft: Draft) -> tuple[dict[str, object], str]:
    """Return a trust root or draft as data and as text; its signatures are verified and counted.

    Raises:
        TrustError: a signature of its own root role does not verify.
    """
    from signkit.formats.trust_text import trust_lines
    from signkit.trust.collect import own_status
    from signkit.verify import limits
    from signkit.verify.encoding import parse_json

    status = own_status(draft)
    note = f"signed by {len(status.signed)} of the {status.required} root keys it takes"
    value: dict[str, object] = {
        "document": "trust",
        "complete": status.met,
        "signed": list(status.signed),
        "trust": parse_json(draft.payload, limit=limits.TRUST_SIZE, what="trust root"),
    }
    return value, "\n".join(trust_lines(draft.trust, note="" if status.met else f"DRAFT, {note}"))
