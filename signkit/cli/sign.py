"""`signkit sign`: the ceremony, on the station.

Read once, unlock the key, hash what travels along, show everything, have it confirmed, sign, verify
what was signed, write. Nothing leaves before the last step; however it ends, the ledger says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.media import MediaFolder, choose_request, note_removable
from signkit.cli.passphrase import (
    PassphraseEnv,
    PassphraseFd,
    PassphraseFile,
    PassphraseOptions,
)
from signkit.cli.policy_file import StationPolicy
from signkit.cli.record import Ceremony, hold_ceremony
from signkit.cli.review import HtmlFile, show_review, write_page
from signkit.cli.signer import GnupgHome, Pkcs11Module, open_named_signer
from signkit.errors import ConfirmationError, FormatError, SignkitError, UsageError

if TYPE_CHECKING:
    from signkit.cli.gate import Gate
    from signkit.custody.signer import OpenedSigner, Signer
    from signkit.model.request import VerifiedRequest
    from signkit.model.response import ItemResult
    from signkit.station.ceremony import HashedContents
    from signkit.station.kept import Answer
    from signkit.station.review import Review

_REQUEST_SUFFIX = ".request.json"
_DIGEST_LENGTH = 64


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sign", help="On the station: review a request and sign it.")(sign)


def sign(
    request: Annotated[
        Path | None, typer.Argument(metavar="[REQUEST]", help="X.request.json")
    ] = None,
    *,
    media: MediaFolder = None,
    key: Annotated[
        str, typer.Option(help="A name made by `keys new`, a private key file, or a URI.")
    ],
    content: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Hash the content in this folder as well.")
    ] = None,
    yes_to: Annotated[
        str | None,
        typer.Option(metavar="SHA256", help="For scripts: the request file's SHA-256."),
    ] = None,
    requester: Annotated[
        Path | None, typer.Option(metavar="PUBLIC", help="Refuse any other requester's key.")
    ] = None,
    policy: StationPolicy = None,
    station_name: Annotated[
        str | None, typer.Option(help="What this station calls itself. Default: its host name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: X.response.json.")
    ] = None,
    html: HtmlFile = None,
    force: Annotated[bool, typer.Option(help="Replace any file of that name.")] = False,
    pkcs11_module: Pkcs11Module = None,
    gnupg_home: GnupgHome = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Review a request, confirm it by typing words of its digest, and sign every item."""
    from signkit.cli.gate import open_gate
    from signkit.station.airgap import refuse_network

    refuse_network()
    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    request = choose_request(request, media)
    path = _response_path(request, out)
    gate = open_gate(policy, request, unattended=yes_to is not None, follow=media is None)
    _check_free(path, gate.verified, force=force)
    with hold_ceremony(gate.verified, station_name, policy=gate.policy.digest) as ceremony:
        _check_asked(ceremony, requester, yes_to)
        gate.ask_early(ceremony)
        signer = open_named_signer(key, passphrase, module=pkcs11_module, gnupg_home=gnupg_home)
        repeated = ceremony.find_repeated(signer.public_key.keyid)
        if repeated is None:
            contents = _hash_contents(gate.verified, content)
            gate.ask(ceremony, keyid=signer.public_key.keyid, contents=contents)
            review = _review(gate, ceremony, request, contents=contents, signer=signer)
            if html is not None:
                write_page(html, review, replace=force)
            _confirm(gate, ceremony, review)
            made = _answer(ceremony, _sign(gate.verified, signer, contents), signer)
        else:
            made = ceremony.repeat(repeated)
        _write(path, made)
    _report(path, made, gate.verified, media=media, as_json=as_json)


def _response_path(request: Path, out: Path | None) -> Path:
    if out is not None:
        return out
    if not request.name.endswith(_REQUEST_SUFFIX):
        message = f"expected a request named X{_REQUEST_SUFFIX}, got {request.name!r}"
        raise UsageError(message, hint="say with --out where the response is to go")
    return request.with_name(request.name.removesuffix(_REQUEST_SUFFIX) + ".response.json")


def _check_asked(ceremony: Ceremony, requester: Path | None, yes_to: str | None) -> None:
    """Check what can be checked before a key is opened."""
    from signkit.schemes.table import check_request

    if yes_to is not None:
        _check_digest(ceremony.verified, yes_to)
    check_request(ceremony.verified.request)
    ceremony.record.note_controls(
        "held", "SK-AIRGAP", "SK-REQ-UNIQUE", "SK-SIGN-TRUST", "SK-SIGN-BLIND"
    )
    if requester is not None:
        _check_requester(ceremony.verified, requester)


def _check_requester(verified: VerifiedRequest, requester: Path) -> None:
    from signkit.errors import UnknownKeyError
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    data = read_file(requester, limit=limits.KEY_FILE_SIZE, what="requester's public key")
    expected, got = read_public_key(data).keyid, verified.requester_key.keyid
    if expected != got:
        message = (
            f"the request is signed by another requester: expected keyid {expected}, got {got}"
        )
        raise UnknownKeyError(message, hint="ask who made this request before you sign it")


def _check_free(path: Path, verified: VerifiedRequest, *, force: bool) -> None:
    """Refuse to replace anything but an earlier response to this very request."""
    from signkit.formats.display import one_line
    from signkit.formats.files import check_target, read_file
    from signkit.formats.response import open_response
    from signkit.verify import limits

    try:
        check_target(path, replace=force)
    except SignkitError:
        try:
            data = read_file(path, limit=limits.RESPONSE_SIZE, what="response")
            earlier = open_response(data).response.request
        except SignkitError:
            earlier = None
        if earlier != verified.digest:
            raise
        name = one_line(str(path))
        output.note(f"{name} answers this very request already; it will be replaced")


def _hash_contents(verified: VerifiedRequest, folder: Path | None) -> HashedContents:
    from signkit.station.ceremony import NOT_SEEN, hash_contents

    if folder is None:
        return NOT_SEEN
    if not folder.is_dir():
        message = f"--content: {folder} is not a folder"
        raise UsageError(message, hint="name the folder that holds the content files")
    size = sum(item.size for item in verified.request.items)
    with output.progress("hashing", size) as advance:
        return hash_contents(verified.request, folder, advance=advance)


def _review(
    gate: Gate, ceremony: Ceremony, path: Path, *, contents: HashedContents, signer: OpenedSigner
) -> Review:
    from signkit.station.delta import compute_delta
    from signkit.station.history import last_signed
    from signkit.station.review import Review

    key, request = signer.public_key, ceremony.verified.request
    known = last_signed(ceremony.record.ledger)
    return Review(
        verified=ceremony.verified,
        name=path.name,
        delta=compute_delta(request, history=known, keyid=key.keyid, contents=contents),
        contents=contents,
        key=key,
        key_name=signer.name,
        purpose=signer.purpose,
        unusual=ceremony.describe_unusual(),
        controls=gate.outcomes,
    )


def _check_digest(verified: VerifiedRequest, said: str) -> None:
    if len(said) != _DIGEST_LENGTH or said != verified.digest.hex():
        message = (
            f"--yes-to names another request: expected {verified.digest.hex()}, got {said!r:.80}"
        )
        raise ConfirmationError(message, hint="read the request again before you confirm it")


def _confirm(gate: Gate, ceremony: Ceremony, review: Review) -> None:
    """Show it, have it confirmed, and note who did so before it is asked whether they may."""
    from signkit.cli.operators import confirm, confirm_unattended

    unattended = gate.facts.unattended
    show_review(review, asked=not unattended)
    confirmed = confirm_unattended() if unattended else confirm(review, gate.policy)
    ceremony.confirm(confirmed)
    gate.ask_operators(ceremony, confirmed)


def _sign(
    verified: VerifiedRequest, signer: Signer, contents: HashedContents
) -> tuple[ItemResult, ...]:
    from signkit.station.ceremony import sign_items

    request = verified.request
    with output.progress("signing", len(request.items), unit="items") as advance:
        return sign_items(request, signer, contents=contents, advance=advance)


def _answer(ceremony: Ceremony, results: tuple[ItemResult, ...], signer: Signer) -> Answer:
    from signkit.cli.clock import now
    from signkit.model.response import NamedKey
    from signkit.station.ceremony import Station, answer

    ceremony.record.note_controls("held", "SK-SIGN-SELF")
    return answer(
        ceremony.verified,
        results,
        key=NamedKey(name=_key_label(signer.name), public_key=signer.public_key),
        station=Station(signer=ceremony.station, responses=ceremony.responses, now=now()),
        record=ceremony.record,
    )


def _key_label(name: str) -> str:
    """Return what the response calls a key: of a path only the last part leaves this machine."""
    from signkit.formats.display import one_line
    from signkit.verify import limits

    return one_line(Path(name).name)[: limits.LABEL_LENGTH]


def _write(path: Path, made: Answer) -> None:
    """Give the response out; where that fails, say that it is not lost."""
    from signkit.errors import FileError
    from signkit.formats.files import write_and_read_back

    try:
        write_and_read_back(path, made.data, replace=True)
    except FileError as error:
        hint = "it is signed and kept: run again, elsewhere with --out, to be given this response"
        raise FileError(str(error), hint=hint) from error


def _report(
    path: Path, made: Answer, verified: VerifiedRequest, *, media: Path | None, as_json: bool
) -> None:
    from signkit.formats.display import one_line

    results = made.response.items
    refused = [result for result in results if result.error is not None]
    value: dict[str, object] = {
        "response": str(path),
        "sha256": made.digest.hex(),
        "request_sha256": verified.digest.hex(),
        "ceremony": made.response.sequence,
        "signed_count": len(results) - len(refused),
        "errors": [
            {"item": result.item, "code": result.error.code, "error": result.error.message}
            for result in refused
            if result.error
        ],
    }
    text = f"response {one_line(str(path))}\nSHA-256  {made.digest.hex()}"
    text += f"\nsigned   {len(results) - len(refused)}"
    output.show_result(value, f"{text} of {len(results)} items", as_json=as_json)
    if media is not None:
        note_removable(media)
    if refused:
        raise _refusal(verified, refused)


def _refusal(verified: VerifiedRequest, refused: list[ItemResult]) -> SignkitError:
    """Return the first item's error as the command's own, so that scripts notice."""
    from signkit.errors import (
        BackendUnavailableError,
        DigestMismatchError,
        FileError,
        KeyUseDeniedError,
    )

    first = refused[0]
    name = verified.request.items[first.item].name
    custody = (BackendUnavailableError, KeyUseDeniedError)
    kinds = {kind.code: kind for kind in (*custody, DigestMismatchError, FileError, FormatError)}
    code, why = (first.error.code, first.error.message) if first.error else ("", "")
    message = f"{len(refused)} items were not signed; the first is {name!r}: {why}"
    return kinds.get(code, SignkitError)(message, hint="the response says why for each of them")
