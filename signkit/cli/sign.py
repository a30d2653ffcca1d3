"""`signkit sign`: the ceremony, on the station.

Read once, unlock the key, hash what travels along, show everything, have it confirmed, sign, verify
what was signed, write. Nothing is written before the last step but the ledger's line.
"""

from __future__ import annotations

import sys
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
from signkit.errors import ConfirmationError, FormatError, SignkitError, UsageError

if TYPE_CHECKING:
    from signkit.custody.signer import OpenedSigner, Signer
    from signkit.model.request import VerifiedRequest
    from signkit.model.response import ItemResult
    from signkit.station.ceremony import HashedContents

_REQUEST_SUFFIX = ".request.json"
_DIGEST_LENGTH = 64


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sign", help="On the station: review a request and sign it.")(sign)


def sign(
    request: Annotated[Path, typer.Argument(metavar="REQUEST", help="X.request.json")],
    *,
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
    station_name: Annotated[
        str | None, typer.Option(help="What this station calls itself. Default: its host name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: X.response.json.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace any response of that name.")] = False,
    pkcs11_module: Pkcs11Module = None,
    gnupg_home: GnupgHome = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    passphrase_env: PassphraseEnv = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Review a request, confirm it by typing words of its digest, and sign every item."""
    from signkit.station.airgap import refuse_network

    refuse_network()
    passphrase = PassphraseOptions(file=passphrase_file, fd=passphrase_fd, env=passphrase_env)
    path = _response_path(request, out)
    verified = _read_request(request, requester)
    if yes_to is not None:
        _check_digest(verified, yes_to)
    _check_free(path, verified, force=force)
    signer = open_named_signer(key, passphrase, module=pkcs11_module, gnupg_home=gnupg_home)
    contents = _hash_contents(verified, content)
    _review(verified, request, contents, signer)
    if yes_to is None:
        _confirm(verified)
    results = _sign(verified, signer, contents)
    data = _answer(verified, results, signer, station_name)
    _report(path, data, verified, results, as_json=as_json)


def _response_path(request: Path, out: Path | None) -> Path:
    if out is not None:
        return out
    if not request.name.endswith(_REQUEST_SUFFIX):
        message = f"expected a request named X{_REQUEST_SUFFIX}, got {request.name!r}"
        raise UsageError(message, hint="say with --out where the response is to go")
    return request.with_name(request.name.removesuffix(_REQUEST_SUFFIX) + ".response.json")


def _read_request(path: Path, requester: Path | None) -> VerifiedRequest:
    from signkit.errors import UnknownKeyError
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.formats.request import open_request
    from signkit.schemes.table import check_request
    from signkit.verify import limits

    verified = open_request(read_file(path, limit=limits.REQUEST_SIZE, what="request"))
    check_request(verified.request)
    if requester is not None:
        data = read_file(requester, limit=limits.KEY_FILE_SIZE, what="requester's public key")
        expected = read_public_key(data).keyid
        if expected != verified.requester_key.keyid:
            message = (
                f"{path} is signed by another requester: expected keyid {expected},"
                f" got {verified.requester_key.keyid}"
            )
            raise UnknownKeyError(message, hint="ask who made this request before you sign it")
    return verified


def _check_free(path: Path, verified: VerifiedRequest, *, force: bool) -> None:
    """Refuse to replace anything but an earlier response to this very request."""
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
        output.note(f"{path} answers this very request already; it will be replaced")


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
    verified: VerifiedRequest, path: Path, contents: HashedContents, signer: OpenedSigner
) -> None:
    from signkit.station.review import review_request

    said = dict.fromkeys(contents.matching, "hashed here: it is what the request says")
    said |= {place: f"REFUSED: {error}" for place, error in contents.refused.items()}
    text = review_request(
        verified,
        name=path.name,
        contents=said,
        key=signer.public_key,
        key_name=signer.name,
        purpose=signer.purpose,
    )
    output.note(text)


def _check_digest(verified: VerifiedRequest, said: str) -> None:
    if len(said) != _DIGEST_LENGTH or said != verified.digest.hex():
        message = (
            f"--yes-to names another request: expected {verified.digest.hex()}, got {said!r:.80}"
        )
        raise ConfirmationError(message, hint="read the request again before you confirm it")


def _confirm(verified: VerifiedRequest) -> None:
    from signkit.station.review import confirmation_words

    if not sys.stdin.isatty():
        message = "nobody can confirm: standard input is not a terminal"
        raise ConfirmationError(message, hint="for scripts: --yes-to SHA256-OF-THE-REQUEST-FILE")
    words = confirmation_words(verified)
    output.note(
        f"\nTo sign, type the first {len(words)} words of the request's SHA-256, read from the"
        " paper or screen\nof whoever asks. Anything else signs nothing."
    )
    output.prompt("words: ")
    typed = sys.stdin.readline().split()
    if [word.lower() for word in typed] != [word.lower() for word in words]:
        message = "the words are not those of this request; nothing was signed"
        raise ConfirmationError(message, hint="compare the request's SHA-256 on both machines")


def _sign(
    verified: VerifiedRequest, signer: Signer, contents: HashedContents
) -> tuple[ItemResult, ...]:
    from signkit.station.ceremony import sign_items

    request = verified.request
    with output.progress("signing", len(request.items), unit="items") as advance:
        return sign_items(request, signer, contents=contents, advance=advance)


def _answer(
    verified: VerifiedRequest,
    results: tuple[ItemResult, ...],
    signer: Signer,
    station_name: str | None,
) -> bytes:
    from signkit.cli.clock import machine_name, now
    from signkit.cli.home import signkit_home
    from signkit.custody.identity import load_or_create_identity
    from signkit.model.response import NamedKey
    from signkit.station.ceremony import Station, answer
    from signkit.station.ledger import open_ledger

    home = signkit_home()
    station = Station(
        name=station_name or machine_name(),
        signer=load_or_create_identity(home, "station"),
        now=now(),
    )
    with open_ledger(home / "ledger.jsonl") as ledger:
        if ledger.found.torn:
            output.warn(f"the ledger ended in a torn line of {ledger.found.torn} bytes; cut off")
        return answer(
            verified,
            results,
            key=NamedKey(name=_key_label(signer.name), public_key=signer.public_key),
            station=station,
            ledger=ledger,
        )


def _key_label(name: str) -> str:
    """Return what the response calls a key: of a path only the last part leaves this machine."""
    from signkit.formats.display import one_line
    from signkit.verify import limits

    return one_line(Path(name).name)[: limits.LABEL_LENGTH]


def _report(
    path: Path,
    data: bytes,
    verified: VerifiedRequest,
    results: tuple[ItemResult, ...],
    *,
    as_json: bool,
) -> None:
    from signkit.formats.files import write_new
    from signkit.verify.digest import compute_digest

    write_new(path, data, replace=True)
    refused = [result for result in results if result.error is not None]
    digest = compute_digest(data)
    value: dict[str, object] = {
        "response": str(path),
        "sha256": digest.hex(),
        "request_sha256": verified.digest.hex(),
        "signed_count": len(results) - len(refused),
        "errors": [
            {"item": result.item, "code": result.error.code, "error": result.error.message}
            for result in refused
            if result.error
        ],
    }
    text = f"response {path}\nSHA-256  {digest.hex()}\nsigned   {len(results) - len(refused)}"
    output.show_result(value, f"{text} of {len(results)} items", as_json=as_json)
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
