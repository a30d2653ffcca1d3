"""`signkit submit`: publish what a station signed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.heads import check_heads, checkpoint_path
from signkit.errors import SignkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from signkit.client.protocol import RegistryClient
    from signkit.submit.documents import Pins, Submission
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


_REQUEST = typer.Option(metavar="FILE", help="Default: X.request.json beside it.")
_PLAN = typer.Option(metavar="FILE", help="Default: X.plan.json beside it.")
_TOKEN_FILE = typer.Option(metavar="FILE", help="The token; mode 0600.")
_TOKEN_ENV = typer.Option(metavar="VAR", help="Take the token from this environment variable.")
_CA_FILE = typer.Option(metavar="PEM", help="The only certificate roots to trust.")
_UPLOAD_HOST = typer.Option(metavar="HOST", help="Another host that parts may go to; repeatable.")
_INSECURE = typer.Option("--insecure-http", help="Allow plain http beyond this machine.")
_STATION = typer.Option(metavar="KEY", help="The station's public key: no other will do.")
_KEY = typer.Option(metavar="KEY", help="A signing key's public key: no others; repeatable.")
_CONCURRENCY = typer.Option(min=1, max=64, help="Parts sent at the same time.")
_ALL = typer.Option(
    "--all-signatures", help="Attach all, not just one; the registry's devices take one."
)
_TIMEOUT = typer.Option(min=1.0, metavar="SECONDS", help="Give up on a step after this long.")
_NEW_LEDGER = typer.Option(
    "--new-ledger", help="The station's ledger was begun anew: forget its old heads."
)
_DRY_RUN = typer.Option("--dry-run", help="Say what would be done, and change nothing.")
_JSON = typer.Option("--json", help="Print the result as JSON.")


def submit(
    response: Annotated[Path, typer.Argument(metavar="RESPONSE", help="X.response.json")],
    *,
    registry: Annotated[str, typer.Option(metavar="URL", help="The registry's address.")],
    request: Annotated[Path | None, _REQUEST] = None,
    plan: Annotated[Path | None, _PLAN] = None,
    token_file: Annotated[Path | None, _TOKEN_FILE] = None,
    token_env: Annotated[str | None, _TOKEN_ENV] = None,
    ca_file: Annotated[Path | None, _CA_FILE] = None,
    upload_host: Annotated[list[str] | None, _UPLOAD_HOST] = None,
    insecure_http: Annotated[bool, _INSECURE] = False,
    station: Annotated[Path | None, _STATION] = None,
    key: Annotated[list[Path] | None, _KEY] = None,
    concurrency: Annotated[int, _CONCURRENCY] = 4,
    all_signatures: Annotated[bool, _ALL] = False,
    timeout: Annotated[float, _TIMEOUT] = 120.0,
    new_ledger: Annotated[bool, _NEW_LEDGER] = False,
    dry_run: Annotated[bool, _DRY_RUN] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Verify everything here first, then upload what is missing, attach, and read back."""
    from signkit.cli.submit_report import show_outcomes, show_outlines

    submission = _open(response, request, plan, _pins(station, key))
    check_heads((submission.response,), new_ledger=new_ledger)
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
        submission = _confirm(submission)
        if dry_run:
            show_outlines(client, submission, attach_all=all_signatures, as_json=as_json)
            return
        outcomes = _run(
            client, submission, address, concurrency=concurrency, attach_all=all_signatures
        )
    unsaved = _save_checkpoint(submission, outcomes, new_ledger=new_ledger)
    show_outcomes(outcomes, as_json=as_json, unsaved=unsaved)


def _open(response: Path, request: Path | None, plan: Path | None, pins: Pins) -> Submission:
    from signkit.formats.files import read_file
    from signkit.formats.plan import parse_plan
    from signkit.submit.documents import open_submission
    from signkit.verify import limits

    data = read_file(response, limit=limits.RESPONSE_SIZE, what="response")
    request = request or _sibling(response, ".request.json", "--request")
    plan = plan or _sibling(response, ".plan.json", "--plan")
    return open_submission(
        data,
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
        hint = f"give the {what} with {option}; if it is lost, prepare and sign again"
        raise UsageError(message, hint=hint)
    return path


def _pins(station: Path | None, keys: list[Path] | None) -> Pins:
    from signkit.submit.documents import Pins

    return Pins(
        station=_read_key(station) if station else None,
        keys=frozenset(_read_key(key).keyid for key in keys) if keys else None,
    )


def _read_key(path: Path) -> PublicKey:
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    return read_public_key(read_file(path, limit=limits.KEY_FILE_SIZE, what="public key"))


def _confirm(submission: Submission) -> Submission:
    """Look at all content before the registry hears of any of it."""
    from signkit.submit.run import confirm_submission

    with output.progress("checking", _size(submission)) as advance:
        return confirm_submission(submission, advance=advance)


def _size(submission: Submission) -> int:
    return sum(each.item.size for each in submission.items)


@contextmanager
def _connected(how: _Connection) -> Iterator[tuple[RegistryClient, str]]:
    """Yield the registry's client and its address; close the connections in the end.

    Token and address are checked at once; the registry hears of nothing yet.
    """
    from signkit.cli.home import signkit_home
    from signkit.client.address import make_reach
    from signkit.client.http import Http
    from signkit.client.protocol import RegistryClient
    from signkit.client.retry import Retrier, make_patience
    from signkit.client.token import load_token

    reach = make_reach(how.registry, upload_hosts=how.upload_hosts, insecure_http=how.insecure_http)
    token = load_token(
        file=how.token_file,
        variable=how.token_env,
        default_file=signkit_home() / "token",
        environment=os.environ,
    )
    http = Http(ca_file=how.ca_file)
    retrier = Retrier(make_patience(how.timeout), say=_note)
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

    options = Options(
        registry=address,
        journals=signkit_home() / "journal",
        begun=now(),
        concurrency=concurrency,
        attach_all=attach_all,
    )
    with output.progress("uploading", _size(submission)) as advance:
        hooks = Hooks(say=_note, advance=advance)
        return run_submission(client, submission, options=options, hooks=hooks)


def _note(text: str) -> None:
    """Say a line that may hold text from a file or the registry."""
    from signkit.formats.display import one_line

    output.note(one_line(text))


def _save_checkpoint(
    submission: Submission, outcomes: Sequence[Outcome], *, new_ledger: bool
) -> SignkitError | None:
    """Remember the response once everything that was signed in it is published.

    What went wrong is returned: the registry has everything, and the person is to see that first.
    """
    from signkit.formats.checkpoint import advance_checkpoint
    from signkit.submit.documents import SignedItem

    sequences: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        if not isinstance(outcome.item, SignedItem):
            continue
        if outcome.error is not None:
            return None
        item = outcome.item.item
        place = (item.artifact, item.target)
        sequences[place] = max(item.sequence, sequences.get(place, 0))
    try:
        advance_checkpoint(
            checkpoint_path(),
            submission.response.digest,
            sequences,
            answers=(submission.response,),
            new_ledger=new_ledger,
        )
    except SignkitError as error:
        return error
    return None
