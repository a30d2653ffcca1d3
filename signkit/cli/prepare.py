"""`signkit prepare`: hash files and write the request, and beside it the plan that stays."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signkit.cli import output
from signkit.cli.heads import take_response
from signkit.cli.openpgp_signature import (
    GnupgHome,
    GnupgPassphraseFile,
    OpenpgpSigner,
    SignOpenpgp,
    open_openpgp_signer,
    signature_path,
)
from signkit.cli.policy_file import DeskPolicy
from signkit.errors import FileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from signkit.model.plan import PlannedItem
    from signkit.model.policy import Policy
    from signkit.model.request import Item
    from signkit.prepare.release_list import ListedFile, Said
    from signkit.verify.digest import Sha256

_SUFFIX = ".request.json"

Artifact = Annotated[
    str | None, typer.Option(help="Artifact name; may hold {name} or {stem} of the file.")
]
Version = Annotated[str | None, typer.Option(help="Artifact version.")]
Target = Annotated[str | None, typer.Option(help="What it is for; may hold {name} or {stem}.")]
Release = Annotated[
    Path | None, typer.Option("--list", metavar="TOML", help="A release of many files.")
]
FilesFrom = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Paths, one a line (or NUL-separated); - is stdin."),
]
SequenceNumber = Annotated[
    int | None,
    typer.Option(min=1, help="Default: one more than the last response submitted here."),
]
Expires = Annotated[
    str | None, typer.Option(metavar="DATE", help="2027-01-31, or a whole UTC time.")
]
Metadata = Annotated[
    Path | None, typer.Option(metavar="JSON", help="Custom metadata for every file.")
]
Reason = Annotated[str | None, typer.Option(help="Why, for the operator to read.")]
Requester = Annotated[str | None, typer.Option(help="Who asks. Default: user@machine.")]
Scheme = Annotated[
    list[str] | None, typer.Option(help="Signatures wanted. Default: peridio, statement.")
]
RoleName = Annotated[str, typer.Option(help="The duty of the key that is to sign.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="The request to write.")
]
After = Annotated[
    Path | None,
    typer.Option(metavar="RESPONSE", help="The last response, where submit has not seen it here."),
]
Export = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write each message as a file, for a vault without signkit."),
]
Force = Annotated[bool, typer.Option(help="Replace a request and plan of that name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("prepare", help="Hash files and write a signing request.")(prepare)


def prepare(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...")] = None,
    *,
    artifact: Artifact = None,
    version: Version = None,
    target: Target = None,
    release: Release = None,
    files_from: FilesFrom = None,
    sequence: SequenceNumber = None,
    expires: Expires = None,
    metadata: Metadata = None,
    reason: Reason = None,
    requester: Requester = None,
    scheme: Scheme = None,
    role: RoleName = "release",
    after: After = None,
    policy: DeskPolicy = None,
    sign_openpgp: SignOpenpgp = None,
    gnupg_home: GnupgHome = None,
    gnupg_passphrase_file: GnupgPassphraseFile = None,
    out: Out = None,
    export_payloads: Export = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Hash every file once and write X.request.json (crosses the gap) and X.plan.json (stays)."""
    gc.disable()  # a hundred thousand items, and not a cycle among them
    from signkit.prepare.hashing import hash_files, total_size
    from signkit.prepare.release_list import Said

    said = Said(
        artifact=artifact,
        version=version,
        target=target,
        sequence=sequence,
        expires=_expiry(expires),
        custom_metadata=_metadata(metadata),
    )
    asked = _files(files or [], release, files_from, said)
    path = _request_path(asked.paths, release, out)
    _check_free(path, force=force)
    _check_export(export_payloads, len(asked.paths))
    if after is not None:
        take_response(after)
    rules = _policy(policy)
    person = open_openpgp_signer(path, sign_openpgp, gnupg_home, gnupg_passphrase_file)
    with output.progress("hashing", lambda: total_size(asked.paths)) as advance:
        # Of many files, other processes hash some from here on, while the rest is loaded, described
        # and written.
        found = hash_files(asked.paths, advance=advance)
        from signkit.prepare.build import build_items, build_wanted

        wanted = build_wanted(scheme or ["peridio", "statement"], role=role)
        result = _Result(
            requester=requester,
            reason=reason or asked.reason,
            policy=rules,
            person=person,
            as_json=as_json,
        )
        for item, planned in build_items(
            asked.describe(), found, wanted=wanted, next_sequence=result.next_sequence
        ):
            result.add(item, planned)
    result.write(path, force=force, export=export_payloads)


def _policy(path: Path | None) -> Policy | None:
    from signkit.cli.policy_file import load_policy

    return None if path is None else load_policy(path)


def _expiry(text: str | None) -> str | None:
    from signkit.cli.clock import parse_expiry

    return None if text is None else parse_expiry(text)


def _metadata(path: Path | None) -> dict[str, object]:
    from signkit.formats.files import read_file
    from signkit.formats.request import parse_metadata
    from signkit.verify import limits
    from signkit.verify.encoding import parse_json

    if path is None:
        return {}
    size = 2 * limits.CUSTOM_METADATA_SIZE
    value = parse_json(
        read_file(path, limit=size, what="metadata"), limit=size, what=f"metadata {path}"
    )
    return parse_metadata(value, what=str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """Which files, and how to find out what is said of each."""

    paths: Sequence[str]
    describe: Callable[[], Sequence[ListedFile]]
    reason: str | None = None


def _files(
    files: Sequence[Path], release: Path | None, files_from: Path | None, said: Said
) -> _Files:
    from signkit.formats.files import read_file
    from signkit.prepare.release_list import list_files, parse_path_list, parse_release_list
    from signkit.verify import limits

    if sum((bool(files), release is not None, files_from is not None)) != 1:
        message = "expected files, or --list, or --files-from: exactly one of the three"
        raise UsageError(message, hint="signkit prepare FILE --artifact A --version V --target T")
    if release is not None:
        data = read_file(release, limit=limits.RELEASE_LIST_SIZE, what="release list")
        parsed = parse_release_list(data, folder=release.parent)
        paths = [each.path for each in parsed.files]
        return _Files(paths=paths, describe=lambda: parsed.files, reason=parsed.reason)
    _check_named(said)
    if files_from is None:
        named = [str(path) for path in files]
        return _Files(paths=named, describe=lambda: list_files(named, said))
    data = (
        sys.stdin.buffer.read(limits.RELEASE_LIST_SIZE + 1)
        if str(files_from) == "-"
        else read_file(files_from, limit=limits.RELEASE_LIST_SIZE, what="path list")
    )
    listed = parse_path_list(data)
    return _Files(paths=listed, describe=lambda: list_files(listed, said))


def _check_named(said: Said) -> None:
    if None in {said.artifact, said.version, said.target}:
        message = "expected --artifact, --version and --target"
        raise UsageError(message, hint="or name them in a release list and give it with --list")


def _request_path(paths: Sequence[str], release: Path | None, out: Path | None) -> Path:
    if out is not None:
        if not out.name.endswith(_SUFFIX):
            message = f"--out: expected a name that ends in {_SUFFIX}, got {out.name!r}"
            raise UsageError(message)
        return out
    if release is not None:
        return release.with_name(release.stem + _SUFFIX)
    if not paths:
        message = "the list of files is empty"
        raise UsageError(message)
    first = Path(paths[0])
    return first.parent / ((first.stem if len(paths) == 1 else "release") + _SUFFIX)


def _plan_path(request: Path) -> Path:
    return request.with_name(request.name.removesuffix(_SUFFIX) + ".plan.json")


def _check_free(path: Path, *, force: bool) -> None:
    from signkit.formats.files import check_target

    check_target(path, replace=True)
    if path.exists() and not force:
        message = f"{path} exists already"
        hint = "its response may still be on the way; --force replaces it, --out names another"
        raise FileError(message, hint=hint)
    # A plan without its request is what a killed run leaves behind: it may go.
    check_target(_plan_path(path), replace=True)


def _check_export(folder: Path | None, item_count: int) -> None:
    from signkit.prepare.payloads import check_exportable

    if folder is not None:
        check_exportable(folder, item_count=item_count)


class _Result:
    """The request and its plan while they grow, and what is said of them in the end."""

    def __init__(
        self,
        *,
        requester: str | None,
        reason: str | None,
        policy: Policy | None,
        person: OpenpgpSigner | None,
        as_json: bool,
    ) -> None:
        from signkit.cli.clock import now, user_at_machine
        from signkit.cli.home import signkit_home
        from signkit.custody.identity import load_or_create_identity
        from signkit.formats.checkpoint import load_checkpoint
        from signkit.formats.plan import PlanWriter
        from signkit.formats.request import RequestWriter
        from signkit.model.request import Request

        self._checkpoint = load_checkpoint(signkit_home() / "checkpoint.json")
        self.next_sequence = self._checkpoint.next_sequence
        self._signer = load_or_create_identity(signkit_home(), "requester")
        self._head = Request(
            requester=requester or user_at_machine(),
            reason=reason,
            created=now(),
            previous_response=self._checkpoint.last_response,
            items=(),
        )
        self._request = RequestWriter(
            requester=self._head.requester,
            reason=reason,
            created=self._head.created,
            previous_response=self._head.previous_response,
        )
        self._plan = PlanWriter()
        self._count = self._size = 0
        self._policy, self._person = policy, person
        self._items: list[Item] = []  # only where a policy is to see them
        self._as_json = as_json
        self._described: list[dict[str, object]] = []

    def add(self, item: Item, planned: PlannedItem) -> None:
        self._request.add(item)
        self._plan.add(planned)
        self._count += 1
        self._size += item.size
        if self._policy is not None:
            self._items.append(item)
        if self._as_json:
            self._described.append(_describe(item))

    def write(self, path: Path, *, force: bool, export: Path | None) -> None:
        from signkit.formats.files import write_new
        from signkit.verify.digest import compute_digest

        if self._policy is not None:
            self._check(self._policy)
        with self._request.signed(self._signer) as data:
            digest = compute_digest(data)
            signature = None if self._person is None else self._person.sign(data)
            # The plan first: a request that exists always has its plan, and its signature.
            write_new(_plan_path(path), self._plan.encode(digest), mode=0o600, replace=True)
            if signature is not None:
                write_new(signature_path(path), signature, replace=True)
        write_new(path, data, replace=force)
        self._show(path, digest, exported=self._export(data, path.name, export))

    def _export(self, data: bytes, name: str, folder: Path | None) -> dict[str, object]:
        from signkit.prepare.payloads import export_payloads

        if folder is None:
            return {}
        count = export_payloads(data, folder, name=name)
        return {"payloads": str(folder), "message_count": count}

    def _check(self, policy: Policy) -> None:
        """Ask what the station will ask, as far as it can be told here."""
        from dataclasses import replace

        from signkit.cli.policy_file import check_at_desk
        from signkit.policy.facts import Facts, Signed

        seen = self._checkpoint.sequences
        facts = Facts(
            now=self._head.created,
            requester=self._signer.public_key.keyid,
            openpgp=None if self._person is None else self._person.fingerprint,
            signed={place: Signed(sequence) for place, sequence in seen.items()},
        )
        check_at_desk(replace(self._head, items=tuple(self._items)), policy, facts)

    def _show(self, path: Path, digest: Sha256, *, exported: dict[str, object]) -> None:
        from signkit.formats.display import human_size
        from signkit.formats.fingerprint import word_rows

        plan = _plan_path(path)
        lines = [
            f"request  {path}",
            f"SHA-256  {digest.hex()}",
            *(f"         {row}" for row in word_rows(digest)),
            f"plan     {plan} (stays here)",
            *([f"OpenPGP  {signature_path(path)}"] if self._person else []),
            f"items    {self._count}, {human_size(self._size)} in all",
        ]
        value: dict[str, object] = {
            "request": str(path),
            "plan": str(plan),
            **({"openpgp_signature": str(signature_path(path))} if self._person else {}),
            "sha256": digest.hex(),
            "item_count": self._count,
            "size": self._size,
            **exported,
            "items": self._described,
        }
        if exported:
            lines.append(
                f"messages {exported['payloads']}: {exported['message_count']}, SIGN.txt says how"
            )
        output.show_result(value, "\n".join(lines), as_json=self._as_json)


def _describe(item: Item) -> dict[str, object]:
    return {
        "name": item.name,
        "size": item.size,
        "digest": {"sha256": item.digest.hex()},
        "artifact": item.artifact,
        "version": item.version,
        "target": item.target,
        "sequence": item.sequence,
    }
