"""`signkit keys attest`: what a token says about its key, kept beside the public key, and checked."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.passphrase import PassphraseEnv, PassphraseFd, PassphraseFile, PassphraseOptions
from signkit.cli.public_source import find_public_key
from signkit.cli.signer import Pkcs11Module
from signkit.errors import SignkitError, UsageError, describe_error

if TYPE_CHECKING:
    from signkit.cli.public_source import PublicSource
    from signkit.formats.key_evidence import KeyEvidence, KeyFacts, KeyReport
    from signkit.verify.ed25519 import PublicKey

_LABEL_WIDTH = 13
_WIDTH = 78
_NOT_SAID = "not said"


def attest(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="A key of the store, or a public key file.")
    ],
    *,
    key: Annotated[
        str | None, typer.Option(metavar="URI", help="The key on its token: pkcs11:...")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask no token; verify evidence of this key.")
    ] = None,
    challenge: Annotated[
        str | None, typer.Option(metavar="HEX", help="32 bytes that an auditor chose.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Default: NAME.evidence.json in the store."
        ),
    ] = None,
    pkcs11_module: Pkcs11Module = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Ask a token what it says about its key, have the key sign it, and keep that."""
    from signkit.formats.key_evidence import verify_key_evidence

    chosen = _read_challenge(challenge)
    if (key is None) == (check is None):
        message = "expected either --key, to ask a token, or --check, to verify a file"
        raise UsageError(message, hint="--key pkcs11:token=...;object=...")
    source = find_public_key(name)
    if check is not None:
        path, data = check, _read(check)
    else:
        path = _free_path(source, out)
        passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
        data = _ask(str(key), source, chosen, passphrase=passphrase, module=pkcs11_module)
    evidence = verify_key_evidence(data, expected=source.key, challenge=chosen)
    if check is None:
        _write(path, data)
    value, lines = _describe(evidence, path)
    output.show_result(value, "\n".join(lines), as_json=as_json)
    _warn(evidence.facts.key)


def _read_challenge(text: str | None) -> bytes | None:
    from signkit.formats.key_evidence import CHALLENGE_SIZE
    from signkit.verify.encoding import decode_hex

    return None if text is None else decode_hex(text, size=CHALLENGE_SIZE, what="--challenge")


def _free_path(source: PublicSource, out: Path | None) -> Path:
    """Return where the evidence is to go, before anybody types a PIN."""
    from signkit.cli.keys_convert import key_store
    from signkit.formats.files import check_target

    if out is None and source.name is None:
        message = "a key file has no place in the store: expected --out"
        raise UsageError(message, hint="--out says where the evidence is to go")
    path = out or key_store().evidence_path(str(source.name))
    check_target(path)
    return path


def _ask(
    reference: str,
    source: PublicSource,
    challenge: bytes | None,
    *,
    passphrase: PassphraseOptions,
    module: Path | None,
) -> bytes:
    from signkit.cli.home import signkit_home
    from signkit.cli.keys_convert import key_store
    from signkit.custody.reference import Surroundings, attest_key
    from signkit.custody.register import read_register

    surroundings = Surroundings(
        store=key_store(),
        secrets=passphrase.existing(),
        register=read_register(signkit_home()),
        module=module,
    )
    return attest_key(reference, surroundings, expected=source.key, challenge=challenge)


def _read(path: Path) -> bytes:
    from signkit.formats.files import read_file
    from signkit.verify import limits

    return read_file(path, limit=limits.EVIDENCE_SIZE, what="key evidence")


def _write(path: Path, data: bytes) -> None:
    from signkit.formats.files import PUBLIC_MODE, write_new

    write_new(path, data, mode=PUBLIC_MODE)


def _describe(evidence: KeyEvidence, path: Path) -> tuple[dict[str, object], list[str]]:
    """Return evidence for data, and as lines for people."""
    from signkit.formats.display import escape
    from signkit.formats.key_evidence import NOTICE
    from signkit.verify.digest import compute_digest
    from signkit.verify.encoding import encode_base64

    facts = evidence.facts
    certificates = [
        {"sha256": compute_digest(each).hex(), "der": encode_base64(each)}
        for each in facts.certificates
    ]
    value: dict[str, object] = {
        "evidence": str(path),
        "keyid": evidence.public_key.keyid,
        "created": evidence.created,
        "challenge": evidence.challenge.hex(),
        "library": asdict(facts.library),
        "token": asdict(facts.token),
        "key": {**asdict(facts.key), "key_id": facts.key.key_id.hex()},
        "certificates": certificates,
        "notice": NOTICE,
    }
    rows = [
        ("evidence", escape(str(path))),
        ("keyid", evidence.public_key.keyid),
        ("created", evidence.created),
        ("challenge", evidence.challenge.hex()),
        *_token_rows(facts),
        *_key_rows(facts.key),
        *(("certificate", f"SHA-256 {each['sha256']}") for each in certificates),
    ]
    lines = [f"{label:<{_LABEL_WIDTH}}{text}" for label, text in rows]
    return value, [*lines, "", *wrap(NOTICE, _WIDTH)]


def _token_rows(facts: KeyFacts) -> list[tuple[str, str]]:
    token, library = facts.token, facts.library
    return [
        ("token", f"{_or(token.label)}, serial {_or(token.serial)}"),
        ("model", f"{_or(token.model)}, firmware {_or(token.firmware_version)}"),
        ("maker", _or(token.manufacturer)),
        ("module", f"{_or(library.description)} {_or(library.version)}"),
        ("its maker", f"{_or(library.manufacturer)}, cryptoki {_or(library.cryptoki_version)}"),
    ]


def _key_rows(key: KeyReport) -> list[tuple[str, str]]:
    made = {True: "yes", False: "NO: it was brought in from outside", None: _NOT_SAID}[key.local]
    return [
        ("key", f"{_or(key.label)}, id {key.key_id.hex() or 'none'}"),
        ("made there", f"{made}, by {key.generation}" if key.generation else made),
        ("readable", _guarded(_opposite(key.sensitive), key.always_sensitive)),
        ("extractable", _guarded(key.extractable, key.never_extractable)),
    ]


def _opposite(flag: bool | None) -> bool | None:
    return None if flag is None else not flag


def _guarded(now: bool | None, never: bool | None) -> str:
    """Say whether the key can get out, now and before."""
    if now is not False:
        return _NOT_SAID if now is None else "YES"
    return {True: "no, and never so", False: "no, but not always so", None: "no"}[never]


def _or(text: str | None) -> str:
    return _NOT_SAID if text is None else text


def _warn(key: KeyReport) -> None:
    if not (key.local and key.always_sensitive and key.never_extractable):
        output.warn(
            "the token does not say that the key was made in it and can never have left it:"
            " a copy may exist elsewhere"
        )


def describe_evidence(
    path: Path, key: PublicKey
) -> tuple[dict[str, object], list[tuple[str, str]]]:
    """Return what `keys show` says of a key's evidence; nothing where there is none."""
    from signkit.formats.display import escape, one_line
    from signkit.formats.key_evidence import verify_key_evidence

    if not path.exists():
        return {}, []
    try:
        evidence = verify_key_evidence(_read(path), expected=key)
    except SignkitError as error:
        value = {"path": str(path), **describe_error(error)}
        return {"evidence": value}, [("evidence", f"REFUSED: {one_line(str(error))}")]
    token = evidence.facts.token
    value = {"path": str(path), "created": evidence.created, "token": asdict(token)}
    said = f"of {evidence.created}, token {_or(token.label)}, serial {_or(token.serial)}"
    return {"evidence": value}, [("evidence", escape(str(path))), ("", said)]
