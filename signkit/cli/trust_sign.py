"""`signkit trust request | sign`: ask custodians to sign a draft, and collect what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.passphrase import (
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    PassphraseOptions,
)
from signkit.cli.signer import GnupgHome, Pkcs11Module, open_named_signer
from signkit.cli.trust_files import (
    CurrentOption,
    DraftArgument,
    JsonOption,
)
from signkit.errors import ThresholdError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.custody.signer import OpenedSigner
    from signkit.formats.trust import Draft
    from signkit.verify.envelope import Signature
    from signkit.verify.trust import Trust


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command("request", help="Ask custodians to sign a draft on their stations.")(request)
    group.command("sign", help="Collect signatures; write the trust root when they suffice.")(sign)


def request(
    draft: DraftArgument,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for the custodians to read.")] = None,
    requester: Annotated[str | None, typer.Option(help="Who asks. Default: user@machine.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: X.request.json.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace a request of that name.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a request with the whole trust root in it; each custodian runs `signkit sign` on it."""
    from signkit.cli.clock import now, user_at_machine
    from signkit.cli.home import signkit_home
    from signkit.custody.identity import load_or_create_identity
    from signkit.formats.checkpoint import load_checkpoint
    from signkit.formats.files import check_target, write_new
    from signkit.formats.fingerprint import word_rows
    from signkit.trust.files import draft_stem, read_draft
    from signkit.trust.request import request_signatures
    from signkit.verify.digest import compute_digest

    stem = draft_stem(draft)
    path = out or stem.with_name(f"{stem.name}.request.json")
    check_target(path, replace=force)
    data = request_signatures(
        read_draft(draft),
        load_or_create_identity(signkit_home(), "requester"),
        name=requester or user_at_machine(),
        reason=reason,
        created=now(),
        previous_response=load_checkpoint(signkit_home() / "checkpoint.json").last_response,
    )
    write_new(path, data, replace=force)
    digest = compute_digest(data)
    rows = "\n".join(f"         {row}" for row in word_rows(digest))
    value: dict[str, object] = {"request": str(path), "sha256": digest.hex()}
    text = f"request  {path}\nSHA-256  {digest.hex()}\n{rows}"
    output.show_result(value, text, as_json=as_json)


def sign(
    draft: DraftArgument,
    *,
    current: CurrentOption = None,
    response: Annotated[
        list[Path] | None,
        typer.Option(metavar="RESPONSE", help="A custodian's answer; again for more."),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="A root key that is here: signs now; again for more.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: X.json.")
    ] = None,
    pkcs11_module: Pkcs11Module = None,
    gnupg_home: GnupgHome = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: JsonOption = False,
) -> None:
    """Collect signatures in the draft; with enough of both root roles, write X.json and X.N.json."""
    from signkit.formats.files import write_new
    from signkit.formats.trust import encode_draft
    from signkit.trust.collect import check_next, complete_draft, merge_signatures
    from signkit.trust.files import draft_stem, publish_trust, read_draft, read_trust

    stem = draft_stem(draft)
    path = out or stem.with_name(f"{stem.name}.json")
    before = None if current is None else read_trust(current)
    found = read_draft(draft)
    if _is_done(found, path, before, as_json=as_json):
        return
    _check_current(found, before)
    check_next(found, before)
    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    signers = [
        open_named_signer(each, passphrase, module=pkcs11_module, gnupg_home=gnupg_home)
        for each in key or []
    ]
    offered = [*_answered(found, response or []), *_sign_here(found, signers)]
    merged = merge_signatures(found, offered, before)
    write_new(draft, encode_draft(merged), replace=True)
    try:
        data = complete_draft(merged, before)
    except ThresholdError:
        output.note(f"{len(merged.signatures)} signatures are kept in {draft}")
        raise
    publish_trust(path, data, trust=merged.trust, before=before)
    _report(merged, path, as_json=as_json)


def _is_done(draft: Draft, path: Path, before: Trust | None, *, as_json: bool) -> bool:
    """Say whether the trust root of this very draft is written already, and report it then."""
    from signkit.trust.files import read_trust

    if not path.exists() or (before and before.version < draft.trust.version):
        return False
    if read_trust(path) != draft.trust:
        return False
    _report(draft, path, as_json=as_json)
    return True


def _check_current(draft: Draft, before: Trust | None) -> None:
    if before is None and draft.trust.version > 1:
        message = f"the draft is of version {draft.trust.version}: expected --current"
        hint = f"give version {draft.trust.version - 1}, which devices have, with --current"
        raise UsageError(message, hint=hint)


def _answered(draft: Draft, responses: list[Path]) -> list[Signature]:
    from signkit.formats.files import read_file
    from signkit.trust.collect import signatures_of_response
    from signkit.verify import limits

    return [
        signature
        for path in responses
        for signature in signatures_of_response(
            read_file(path, limit=limits.RESPONSE_SIZE, what="response"), draft
        )
    ]


def _sign_here(draft: Draft, signers: Sequence[OpenedSigner]) -> list[Signature]:
    from signkit.formats.trust import sign_draft

    return [sign_draft(draft, signer.for_trust_roots()) for signer in signers]


def _report(draft: Draft, path: Path, *, as_json: bool) -> None:
    signed = sorted(draft.trust.names.get(each.keyid, each.keyid) for each in draft.signatures)
    value: dict[str, object] = {
        "trust": str(path),
        "version": draft.trust.version,
        "signatures": [each.keyid for each in draft.signatures],
    }
    text = f"trust    {path}\nversion  {draft.trust.version}\nsigned   {', '.join(signed)}"
    output.show_result(value, text, as_json=as_json)
