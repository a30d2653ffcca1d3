"""`signkit submit`: publish what a station signed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from signkit.client.protocol import RegistryClient
    from signkit.submit.documents import Pins, Submission
    from signkit.submit.outline import Outline
    from signkit.submit.run import Outcome
    from signkit.verify.ed25519 import PublicKey

_SUFFIX = ".response.json"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit", help="Upload content to a registry and attach its signatures.")(submit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connection:
    """How the registry is reached, as it was typed."""

    registry: str
    token_file: Path | None
    token_env: str | None
    ca_file: Path | None
    upload_hosts: Sequence[str]
    insecure_http: bool
    timeout: float


def submit(
    response: Annotated[Path, typer.Argument(metavar="RESPONSE", help="X.response.json")],
    *,
    registry: Annotated[str, typer.Option(metavar="URL", help="The registry's address.")],
    request: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: X.request.json beside it.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: X.plan.json beside it.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The token; mode 0600.")
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option(metavar="VAR", help="Take the token from this environment variable."),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="PEM", help="The only certificate roots to trust.")
    ] = None,
    upload_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Another host that parts may be sent to; repeatable."),
    ] = None,
    insecure_http: Annotated[
        bool, typer.Option("--insecure-http", help="Allow plain http beyond this machine.")
    ] = False,
    station: Annotated[
        Path | None, typer.Option(metavar="KEY", help="The station's public key: no other will do.")
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="KEY", help="A signing key's public key: no others will do; repeatable."
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=64, help="Parts sent at the same time.")
    ] = 4,
    all_signatures: Annotated[
        bool,
        typer.Option(
            "--all-signatures", help="Attach every signature. The registry's devices take just one."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1.0, metavar="SECONDS", help="Give up on a step after this long.")
    ] = 120.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Verify everything here first, then upload what is missing, attach, and read back."""
    submission = _open(response, request, plan, _pins(station, key))
    with output.progress("checking", _size(submission)) as advance:
        from signkit.submit.run import confirm_submission

        submission = confirm_submission(submission, advance=advance)
    how = _Connection(
        registry=registry,
        token_file=token_file,
        token_env=token_env,
        ca_file=ca_file,
        upload_hosts=upload_host or (),
        insecure_http=insecure_http,
        timeout=timeout,
    )
    with _connected(how) as (client, address):
        if dry_run:
            _show_outlines(client, submission, as_json=as_json)
            return
        try:
            outcomes = _run(
                client, submission, address, concurrency=concurrency, attach_all=all_signatures
            )
        except KeyboardInterrupt:
            output.note("interrupted: what was sent is kept; run the command again to go on")
            raise
    _show_outcomes(outcomes, as_json=as_json)


def _open(response: Path, request: Path | None, plan: Path | None, pins: Pins) -> Submission:
    from signkit.formats.files import read_file
    from signkit.formats.plan import parse_plan
    from signkit.submit.documents import open_submission
    from signkit.verify import limits

    request = request or _sibling(response, ".request.json", "--request")
    plan = plan or _sibling(response, ".plan.json", "--plan")
    return open_submission(
        read_file(response, limit=limits.RESPONSE_SIZE, what="response"),
        read_file(request, limit=limits.REQUEST_SIZE, what="request"),
        parse_plan(read_file(plan, limit=limits.PLAN_SIZE, what="plan")),
        pins=pins,
    )


def _sibling(response: Path, suffix: str, option: str) -> Path:
    what = option.removeprefix("--")
    if not response.name.endswith(_SUFFIX):
        message = (
            f"{response}: expected a name that ends in {_SUFFIX}, to find the {what} beside it"
        )
        raise UsageError(message, hint=f"give the {what} with {option}")
    path = response.with_name(response.name.removesuffix(_SUFFIX) + suffix)
    if not path.exists():
        message = f"no {what} beside the response: {path} is missing"
        raise UsageError(message, hint=f"give the {what} with {option}")
    return path


def _pins(station: Path | None, keys: list[Path] | None) -> Pins:
    from signkit.submit.documents import Pins

    return Pins(
        station=_read_key(station) if station else None,
        keys=frozenset(_read_key(key).keyid for key in keys) if keys else None,
    )


def _read_key(path: Path) -> PublicKey:
    from signkit.formats.files import read_file
    from signkit.verify import limits
    from signkit.verify.public_key import parse_public_key

    return parse_public_key(read_file(path, limit=limits.KEY_FILE_SIZE, what="public key"))


def _size(submission: Submission) -> int:
    return sum(each.item.size for each in submission.items)


@contextmanager
def _connected(how: _Connection) -> Iterator[tuple[RegistryClient, str]]:
    """Yield the registry's client and its address; close the connections in the end."""
    from signkit.cli.home import signkit_home
    from signkit.client.address import make_reach
    from signkit.client.http import Http
    from signkit.client.protocol import RegistryClient
    from signkit.client.retry import Patience, Retrier
    from signkit.client.token import load_token

    reach = make_reach(how.registry, upload_hosts=how.upload_hosts, insecure_http=how.insecure_http)
    token = load_token(
        file=how.token_file,
        variable=how.token_env,
        default_file=signkit_home() / "token",
        environment=os.environ,
    )
    http = Http(ca_file=how.ca_file)
    retrier = Retrier(Patience(total=how.timeout), say=_note)
    try:
        yield RegistryClient(http, reach, token=token, retrier=retrier), str(reach.registry)
    finally:
        http.close()


def _run(
    client: RegistryClient,
    submission: Submission,
    address: str,
    *,
    concurrency: int,
    attach_all: bool,
) -> tuple[Outcome, ...]:
    from signkit.cli.clock import now
    from signkit.cli.home import signkit_home
    from signkit.submit.options import Hooks, Options
    from signkit.submit.run import submit as run_submission

    home = signkit_home()
    options = Options(
        registry=address,
        journals=home / "journal",
        begun=now(),
        concurrency=concurrency,
        attach_all=attach_all,
    )
    with output.progress("uploading", _size(submission)) as advance:
        hooks = Hooks(say=_note, advance=advance)
        outcomes = run_submission(client, submission, options=options, hooks=hooks)
    _save_checkpoint(submission, outcomes, home / "checkpoint.json")
    return outcomes


def _note(text: str) -> None:
    """Say a line that may hold text from a file or the registry."""
    from signkit.formats.display import one_line

    output.note(one_line(text))


def _save_checkpoint(submission: Submission, outcomes: Sequence[Outcome], path: Path) -> None:
    """Remember the response once everything that was signed in it is published."""
    from signkit.formats.checkpoint import load_checkpoint, save_checkpoint
    from signkit.submit.documents import SignedItem

    sequences: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        if not isinstance(outcome.item, SignedItem):
            continue
        if outcome.error is not None:
            return
        item = outcome.item.item
        place = (item.artifact, item.target)
        sequences[place] = max(item.sequence, sequences.get(place, 0))
    seen = load_checkpoint(path)
    save_checkpoint(path, seen.advanced(submission.response.digest, sequences))


def _show_outcomes(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    """Print the report; the first error decides the exit code."""
    done = [outcome for outcome in outcomes if outcome.error is None]
    lines = [_line(outcome) for outcome in done]
    value = {"items": [_describe(outcome) for outcome in outcomes] if as_json else []}
    output.show_result(value, "\n".join(lines), as_json=as_json)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if not as_json:
        for error in errors:
            output.fail(error, as_json=False)
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _line(outcome: Outcome) -> str:
    from signkit.formats.display import escape

    item, binary = outcome.item.item, outcome.binary
    prn, state = ("", "") if binary is None else (binary.prn, binary.state)
    return (
        f"{state}  {escape(item.artifact)} {escape(item.version)} {escape(item.target)}  {prn}"
        f"  by {', '.join(outcome.keyids)}"
    )


def _describe(outcome: Outcome) -> dict[str, object]:
    item, binary = outcome.item.item, outcome.binary
    value: dict[str, object] = {
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "name": item.name,
        "digest": {"sha256": item.digest.hex()},
    }
    if outcome.error is not None:
        value["error"] = output.describe_error(outcome.error)
    elif binary is not None:
        value["result"] = {
            "binary_prn": binary.prn,
            "state": binary.state.value,
            "keyids": list(outcome.keyids),
        }
    return value


def _show_outlines(client: RegistryClient, submission: Submission, *, as_json: bool) -> None:
    from signkit.submit.documents import SignedItem
    from signkit.submit.outline import outline_item

    outlines = [
        outline_item(client, each) for each in submission.items if isinstance(each, SignedItem)
    ]
    lines = [_outline_line(outline) for outline in outlines]
    value = {"dry_run": True, "items": [_describe_outline(outline) for outline in outlines]}
    output.show_result(value, "\n".join(lines), as_json=as_json)
    errors = [outline.error for outline in outlines if outline.error is not None]
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _outline_line(outline: Outline) -> str:
    from signkit.formats.display import escape, human_size, one_line

    item = outline.item.item
    name = f"{escape(item.artifact)} {escape(item.version)} {escape(item.target)}"
    if outline.error is not None:
        return f"{name}: would be refused: {one_line(str(outline.error))}"
    made = f"create {', '.join(outline.missing)}; " if outline.missing else ""
    state = f"binary is {outline.state}; " if outline.state else ""
    parts = f"send {outline.part_count} parts, {human_size(outline.size)}"
    return f"{name}: {made}{state}{parts if outline.part_count else 'send nothing'}"


def _describe_outline(outline: Outline) -> dict[str, object]:
    item = outline.item.item
    return {
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "create": list(outline.missing),
        "state": outline.state.value if outline.state else None,
        "part_count": outline.part_count,
        "size": outline.size,
        "error": output.describe_error(outline.error) if outline.error else None,
    }
