"""`signkit submit`: publish what a station signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from signkit.cli import output
from signkit.cli.answer_files import sibling
from signkit.cli.connection import Connection, connected, connecting, note
from signkit.cli.heads import check_heads, checkpoint_path
from signkit.cli.policy_file import DeskPolicy
from signkit.errors import SignkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signkit.client.protocol import RegistryClient
    from signkit.submit.documents import Pins, Release, Submission
    from signkit.submit.options import Options
    from signkit.submit.run import Outcome


R = TypeVar("R", bound="Release")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("submit", help="Upload content to a registry and attach its signatures.")(submit)


_REQUEST = typer.Option(metavar="FILE", help="Default: X.request.json beside it.")
_PLAN = typer.Option(metavar="FILE", help="Default: X.plan.json beside it.")
_UPLOAD_HOST = typer.Option(metavar="HOST", help="Another host that parts may go to; repeatable.")
_STATION = typer.Option(metavar="KEY", help="A station's public key: no others; repeatable.")
_TRUST = typer.Option(
    metavar="TRUST", help="Devices' trust root: go on only with what they accept."
)
_KEY = typer.Option(metavar="KEY", help="A signing key's public key: no others; repeatable.")
_CONCURRENCY = typer.Option(min=1, max=64, help="Parts, and items, under way at once at most.")
_ALL = typer.Option(
    "--all-signatures", help="Attach all, not just one; the registry's devices take one."
)
_NEW_LEDGER = typer.Option(
    "--new-ledger", help="The station's ledger was begun anew: forget its old heads."
)
_DRY_RUN = typer.Option("--dry-run", help="Say what would be done, and change nothing.")
_ONLY_UPLOAD = typer.Option(
    "--only-upload", help="Before the ceremony: FILE is a request or plan; sign later."
)
_ONLY_ATTACH = typer.Option(
    "--only-attach", help="After it: the content was uploaded; send signatures only."
)
_DEADLINE = typer.Option(min=1.0, metavar="SECONDS", help="Give up on everything after this long.")
_HASH_TIMEOUT = typer.Option(
    min=1.0, metavar="SECONDS", help="How long the registry may hash one content."
)
_JSON = typer.Option("--json", help="Print the result as JSON.")


@connecting
def submit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="X.response.json, X.combined.json")],
    *,
    how: Connection,
    request: Annotated[Path | None, _REQUEST] = None,
    plan: Annotated[Path | None, _PLAN] = None,
    upload_host: Annotated[list[str] | None, _UPLOAD_HOST] = None,
    trust: Annotated[Path | None, _TRUST] = None,
    station: Annotated[list[Path] | None, _STATION] = None,
    key: Annotated[list[Path] | None, _KEY] = None,
    policy: DeskPolicy = None,
    only_upload: Annotated[bool, _ONLY_UPLOAD] = False,
    only_attach: Annotated[bool, _ONLY_ATTACH] = False,
    concurrency: Annotated[int, _CONCURRENCY] = 8,
    all_signatures: Annotated[bool, _ALL] = False,
    hash_timeout: Annotated[float | None, _HASH_TIMEOUT] = None,
    deadline: Annotated[float | None, _DEADLINE] = None,
    new_ledger: Annotated[bool, _NEW_LEDGER] = False,
    dry_run: Annotated[bool, _DRY_RUN] = False,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Verify everything here first, then upload what is missing, attach, and read back."""
    from signkit.cli.submit_report import show_outcomes, show_outlines
    from signkit.submit.documents import read_release

    release: Release
    if only_upload:
        _refuse_beside_upload(only_attach, all_signatures, trust, station, key, policy)
        release = read_release(file, request, plan)
    else:
        release = _open(file, request, plan, _pins(station, key))
        release = _hold_to_trust(release, trust)
        if policy is not None:
            _check_policy(release, request or sibling(file, ".request.json", "--request"), policy)
        check_heads(release.answer.responses, new_ledger=new_ledger)
    with connected(how, upload_hosts=upload_host or (), deadline=deadline) as (client, address):
        options = _options(
            registry=address,
            concurrency=concurrency,
            attach_all=all_signatures,
            only_attach=only_attach,
            verdict_seconds=hash_timeout,
        )
        if not only_attach:
            release = _confirm(release)
        if dry_run:
            show_outlines(client, release, options, as_json=as_json)
            return
        outcomes = _run(client, release, options)
    unsaved = _save_checkpoint(release, outcomes, new_ledger=new_ledger)
    show_outcomes(outcomes, as_json=as_json, unsaved=unsaved)


def _check_policy(submission: Submission, request: Path, path: Path) -> None:
    """Ask what the station asked, as far as it can be told from request and response."""
    from signkit.cli.clock import now
    from signkit.cli.policy_file import check_at_desk, find_openpgp, load_policy
    from signkit.errors import FileError
    from signkit.formats.files import read_file
    from signkit.policy.facts import Facts
    from signkit.verify import limits
    from signkit.verify.digest import compute_digest

    policy = load_policy(path)
    verified, answer = submission.request, submission.answer
    data = read_file(request, limit=limits.REQUEST_SIZE, what="request")
    if compute_digest(data) != verified.digest:
        message = f"{request} was changed while it was read"
        raise FileError(message, hint="find out who writes there, and run it again")
    openpgp, problem = find_openpgp(request, data, policy)
    facts = Facts(
        now=now(),
        requester=verified.requester_key.keyid,
        request=verified.digest,
        openpgp=openpgp,
        openpgp_problem=problem,
        keyids=frozenset(key.public_key.keyid for key in answer.keys),
        hashed=frozenset(each.item for each in answer.items if each.content_hashed or each.error),
    )
    check_at_desk(verified.request, policy, facts)


def _refuse_beside_upload(*given: object) -> None:
    """Refuse what says something about signatures where there are none yet."""
    if any(given):
        message = "--only-upload goes without --only-attach, --all-signatures, --trust, --policy,"
        raise UsageError(f"{message} --station and --key: nothing is signed yet")


def _options(**given: Any) -> Options:  # noqa: ANN401
    from signkit.cli.clock import now
    from signkit.cli.home import signkit_home
    from signkit.submit.options import Options

    return Options(journals=signkit_home() / "journal", begun=now(), **given)


def _open(response: Path, request: Path | None, plan: Path | None, pins: Pins) -> Submission:
    from signkit.cli.answer_files import sibling
    from signkit.formats.files import read_file
    from signkit.submit.documents import read_submission
    from signkit.verify import limits

    if response.name.endswith((".request.json", ".plan.json")):
        message = f"{response}: expected a response, which is what comes back from the station"
        raise UsageError(message, hint="before the ceremony: --only-upload")
    if not response.exists():  # said before what is missing beside it
        read_file(response, limit=limits.RESPONSE_SIZE, what="response")
    request = request or sibling(response, ".request.json", "--request")
    plan = plan or sibling(response, ".plan.json", "--plan")
    return read_submission(response, request, plan, pins=pins)


def _hold_to_trust(submission: Submission, trust: Path | None) -> Submission:
    """Refuse what devices with this trust root would not accept; without one nothing is asked."""
    from signkit.cli.clock import now
    from signkit.submit.threshold import hold_to_trust
    from signkit.trust.files import read_trust

    return submission if trust is None else hold_to_trust(submission, read_trust(trust), now=now())


def _pins(stations: list[Path] | None, keys: list[Path] | None) -> Pins:
    from signkit.submit.documents import Pins

    return Pins(stations=keyids_of(stations), keys=keyids_of(keys))


def keyids_of(paths: list[Path] | None) -> frozenset[str] | None:
    """Return the keyids of public key files, or None where none are given."""
    if not paths:
        return None
    return frozenset(map(_read_keyid, paths))


def _read_keyid(path: Path) -> str:
    from signkit.errors import FormatError
    from signkit.formats.files import read_file
    from signkit.formats.public_key import read_public_key
    from signkit.verify import limits

    data = read_file(path, limit=limits.KEY_FILE_SIZE, what="public key")
    try:
        return read_public_key(data).keyid
    except FormatError as error:
        error.args = (f"{path}: {error}",)
        raise


def _confirm(release: R) -> R:
    """Look at all content before the registry hears of any of it."""
    from signkit.submit.run import confirm_release

    with output.progress("checking", _size(release)) as advance:
        return confirm_release(release, advance=advance)


def _size(release: Release) -> int:
    return sum(each.item.size for each in release.items)


def _run(client: RegistryClient, release: Release, options: Options) -> tuple[Outcome, ...]:
    from signkit.submit.options import Hooks
    from signkit.submit.run import submit as run_submission

    count = len(release.items)
    with output.transfer("uploading", _size(release), count=count) as track:
        hooks = Hooks(say=note, track=track)
        return run_submission(client, release, options=options, hooks=hooks)


def _save_checkpoint(
    release: Release, outcomes: Sequence[Outcome], *, new_ledger: bool
) -> SignkitError | None:
    """Remember the response once everything that was signed in it is published.

    What went wrong is returned: the registry has everything, and the person is to see that first.
    """
    from signkit.submit.documents import Submission
    from signkit.submit.remember import remember

    try:
        if isinstance(release, Submission):
            remember(checkpoint_path(), release, outcomes, new_ledger=new_ledger)
    except SignkitError as error:
        return error
    return None
