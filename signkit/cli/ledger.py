"""`signkit ledger`: what this station did, for whoever asks later. Nothing here writes to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import UsageError

if TYPE_CHECKING:
    from signkit.model.response import VerifiedResponse

_LEDGER = typer.Option(metavar="FILE", help="Default: the ledger in signkit's home.")
LedgerOption = Annotated[Path | None, _LEDGER]
LastOption = Annotated[int, typer.Option(metavar="N", min=0, help="Only the newest N; 0 for all.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_SHOWN = 50
_KEYID_LENGTH = 64


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Read what this station did.")
    group.command("show", help="List ceremonies, or show one whole.")(show)
    group.command("verify", help="Follow the chain; hold it against responses.")(verify)
    group.command("search", help="Find what a key signed, or who signed what.")(search)
    group.command("export", help="Copy the verified ledger, for an auditor.")(export)
    app.add_typer(group, name="ledger")


def _path(ledger: Path | None) -> Path:
    from signkit.cli.home import signkit_home

    return ledger or signkit_home() / "ledger.jsonl"


def show(
    ceremony: Annotated[
        int | None, typer.Argument(metavar="CEREMONY", min=1, help="The number of one of them.")
    ] = None,
    *,
    last: LastOption = _SHOWN,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """List ceremonies, the newest last; or show all that the ledger holds of one."""
    from signkit.cli.ledger_report import line_text, line_value, list_text
    from signkit.station.ledger import read_ledger

    lines, end = read_ledger(_path(ledger))
    if ceremony is None:
        shown = lines[-last:]
        value = {"ceremonies": end.sequence, "lines": [line_value(line) for line in shown]}
        output.show_result(value, list_text(shown, end), as_json=as_json)
        return
    if ceremony > len(lines):
        message = f"no ceremony {ceremony}: the ledger ends at {len(lines)}"
        raise UsageError(message, hint="signkit ledger show lists them")
    line = lines[ceremony - 1]
    output.show_result(line_value(line, whole=True), line_text(line), as_json=as_json)


def verify(
    *,
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="RESPONSE", help="A response of this station; again for more."),
    ] = None,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every line of the ledger, and hold it against responses that left the station.

    Without --against this shows that no line was edited, taken out or moved; not that the end is
    there: whoever can write the file can cut it, or write all of it anew.
    """
    from signkit.cli.ledger_report import verified_text, verified_value
    from signkit.station.audit import check_responses
    from signkit.station.ledger import read_ledger

    path = _path(ledger)
    responses = {str(each): _read_response(each) for each in against or ()}
    lines, end = read_ledger(path)
    if end.torn:
        output.warn(
            f"the last {end.torn} bytes are an unfinished line: one that is being written, or the"
            " trace of a crash, which the next ceremony cuts off"
        )
    check_responses(lines, responses)
    held = tuple(responses.values())
    value = verified_value(path, lines, end, held)
    output.show_result(value, verified_text(path, lines, end, held), as_json=as_json)


def _read_response(path: Path) -> VerifiedResponse:
    from signkit.formats.files import read_file
    from signkit.formats.response import open_response
    from signkit.verify import limits

    return open_response(read_file(path, limit=limits.RESPONSE_SIZE, what="response"))


def search(
    *,
    key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A keyid, a public key file, or a name in the store."),
    ] = None,
    artifact: Annotated[str | None, typer.Option(help="The item's artifact.")] = None,
    target: Annotated[str | None, typer.Option(help="The item's target.")] = None,
    digest: Annotated[
        str | None, typer.Option(metavar="SHA256", help="Of the item's content.")
    ] = None,
    request: Annotated[
        str | None, typer.Option(metavar="SHA256", help="Of the request file.")
    ] = None,
    last: LastOption = _SHOWN,
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find items; of several options all must hold."""
    from signkit.cli.ledger_report import found_text, found_value
    from signkit.station.search import Question, search_ledger

    question = Question(
        keyid=None if key is None else _keyid(key),
        artifact=artifact,
        target=target,
        digest=_hex(digest, "--digest"),
        request=_hex(request, "--request"),
    )
    if question == Question():
        message = "nothing to look for: give --key, --artifact, --target, --digest or --request"
        raise UsageError(message, hint="signkit ledger show lists every ceremony")
    count, shown = search_ledger(_path(ledger), question, last=last)
    value = {"found": count, "items": [found_value(each) for each in shown]}
    output.show_result(value, found_text(shown, count), as_json=as_json)


def _keyid(key: str) -> str:
    """Return the keyid that is meant: itself, that of a public key file, or of a key in the store."""
    from signkit.cli.public_source import find_public_key

    if len(key) == _KEYID_LENGTH and not set(key) - set("0123456789abcdef"):
        return key
    return find_public_key(key).key.keyid


def _hex(text: str | None, option: str) -> str | None:
    from signkit.verify.encoding import decode_hex

    return None if text is None else decode_hex(text, size=32, what=option).hex()


def export(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the copy goes.")],
    ledger: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify the ledger and copy its lines as they are, without a torn end."""
    from signkit.cli.ledger_report import verified_text, verified_value
    from signkit.formats.files import check_target, write_new
    from signkit.station.audit import read_whole
    from signkit.station.ledger import read_ledger

    path = _path(ledger)
    check_target(out)
    lines, end = read_ledger(path)
    write_new(out, read_whole(path, end), mode=0o600)
    value = verified_value(out, lines, end, ())
    output.show_result(value, verified_text(out, lines, end, ()), as_json=as_json)
