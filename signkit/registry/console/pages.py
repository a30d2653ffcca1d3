"""/console: pages to look at. Nothing here changes a record, and none of it is part of the API.

Every page is bound to what the token of whoever looks may read, by the same functions as the API:
`list_page` and `find`.

Spec: docs/howto/console.md. Control: SK-REGISTRY-CONSOLE (docs/design/assurance.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from signkit.registry.bundle_tables import Bundle
from signkit.registry.console import searches
from signkit.registry.console.audit import sees_audit, show_audit
from signkit.registry.console.door import ConsoleRoute
from signkit.registry.console.ledgers import find_ledgers
from signkit.registry.console.render import page
from signkit.registry.console.shown import (
    Keys,
    fingerprint_words,
    show_binary,
    show_bundle_hash,
    show_metadata,
    show_signatures,
    sum_up_bundle,
)
from signkit.registry.context import CurrentCaller, Registry
from signkit.registry.filters import Keys as SearchKeys
from signkit.registry.paging import Listed, PageOf, list_page
from signkit.registry.prn import Kind, Prn
from signkit.registry.problems import FORBIDDEN, NOT_FOUND, refuse
from signkit.registry.resources.common import find
from signkit.registry.states import BinaryState, PartState
from signkit.registry.tables import (
    Artifact,
    ArtifactVersion,
    Binary,
    BinaryPart,
    BinarySignature,
    SigningKey,
)
from signkit.registry.tokens import Caller

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)

_OK = 200
_CURSOR_LENGTH = 128
_LARGEST = 2**53 - 1
_STATES = ("", *BinaryState)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asks of a list.

    Attributes:
        text: What is searched for; empty for everything.
        state: A binary's state, or empty for any.
        cursor: Of the page, or None for the first.
    """

    text: str
    state: str
    cursor: str | None


async def _read_asked(
    q: Annotated[str, Query(max_length=searches.TEXT_LENGTH)] = "",
    state: Annotated[str, Query(max_length=16)] = "",
    page: Annotated[str | None, Query(max_length=_CURSOR_LENGTH)] = None,
) -> Asked:
    return Asked(text=q, state=state if state in _STATES else "", cursor=page)


Question = Annotated[Asked, Depends(_read_asked)]


class _View:
    """One look at the records, by one person."""

    def __init__(self, session: Session, registry: Registry, caller: Caller) -> None:
        self.session = session
        self.caller = caller
        self.keys = Keys(session, caller)
        self._secret = registry.secret

    def find(self, table: type[Listed], kind: Kind, identity: str) -> Listed:
        """Return what an address names, or refuse with 404."""
        prn = f"prn:1:{self.caller.organization}:{kind}:{identity[:64]}"
        return find(self.session, table, prn, self.caller)

    def list(
        self, table: type[Listed], asked: Asked, keys: SearchKeys, **wanted: str
    ) -> tuple[list[Listed], str | None]:
        """Return the rows of a page that have what is wanted, and the cursor of the next."""
        request = searches.page_request(asked.cursor, **wanted)
        rows: list[Listed] = []
        page = PageOf(request=request, keys=keys, caller=self.caller, secret=self._secret)
        found = list_page(self.session, table, page, lambda row, _organization: rows.append(row))
        cursor = found["next_page"]
        return rows, cursor if isinstance(cursor, str) else None

    def page(self, template: str, *, section: str, **values: object) -> Response:
        """Return a page as this person sees it."""
        return page(template, status=_OK, viewer=self.caller, section=section, **values)


def _prn(caller: Caller, kind: Kind, row: Artifact | ArtifactVersion | SigningKey) -> str:
    return str(Prn(organization=caller.organization, kind=kind, id=row.id))


@router.get("")
def list_binaries(asked: Question, registry: Registry, caller: CurrentCaller) -> Response:
    """Show binaries, the newest first."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        wanted = {"text": asked.text, "state": asked.state}
        rows, cursor = view.list(Binary, asked, searches.BINARIES, **wanted)
        return view.page(
            "binaries",
            section="releases",
            binaries=[show_binary(row, view.keys) for row in rows],
            states=[state.value for state in BinaryState],
            asked=asked,
            cursor=cursor,
        )


@router.get("/binaries/{identity}")
def show_one_binary(identity: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Show one binary: its facts, who signed it, and what that is worth."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        binary = view.find(Binary, Kind.BINARY, identity)
        query = select(func.count(), func.coalesce(func.sum(BinaryPart.size), 0)).where(
            BinaryPart.binary_row == binary.row, BinaryPart.state == PartState.VALID
        )
        part_count, part_size = session.execute(query).one()
        return view.page(
            "binary",
            section="releases",
            shown=show_binary(binary, view.keys),
            ledgers=find_ledgers(session, binary.signatures),
            prn=Prn(organization=caller.organization, kind=Kind.BINARY, id=binary.id),
            metadata=show_metadata(binary.custom_metadata),
            part_count=part_count,
            part_size=int(part_size),
        )


@router.get("/artifacts")
def list_artifacts(asked: Question, registry: Registry, caller: CurrentCaller) -> Response:
    """Show artifacts."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        rows, cursor = view.list(Artifact, asked, searches.ARTIFACTS, text=asked.text)
        return view.page(
            "artifacts",
            section="artifacts",
            artifacts=rows,
            asked=asked,
            cursor=cursor,
        )


@router.get("/artifacts/{identity}")
def show_artifact(
    identity: str, asked: Question, registry: Registry, caller: CurrentCaller
) -> Response:
    """Show one artifact and its versions."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        artifact = view.find(Artifact, Kind.ARTIFACT, identity)
        name = _prn(caller, Kind.ARTIFACT, artifact)
        rows, cursor = view.list(ArtifactVersion, asked, searches.VERSIONS, artifact_prn=name)
        return view.page(
            "artifact",
            section="artifacts",
            artifact=artifact,
            prn=name,
            metadata=show_metadata(artifact.custom_metadata),
            versions=rows,
            asked=asked,
            cursor=cursor,
        )


@router.get("/versions/{identity}")
def show_version(
    identity: str, asked: Question, registry: Registry, caller: CurrentCaller
) -> Response:
    """Show one version of an artifact and its binaries."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        version = view.find(ArtifactVersion, Kind.ARTIFACT_VERSION, identity)
        name = _prn(caller, Kind.ARTIFACT_VERSION, version)
        rows, cursor = view.list(Binary, asked, searches.BINARIES, artifact_version_prn=name)
        return view.page(
            "version",
            section="artifacts",
            version=version,
            prn=name,
            metadata=show_metadata(version.custom_metadata),
            binaries=[show_binary(row, view.keys) for row in rows],
            asked=asked,
            cursor=cursor,
        )


@router.get("/keys")
def list_keys(asked: Question, registry: Registry, caller: CurrentCaller) -> Response:
    """Show signing keys."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        rows, cursor = view.list(SigningKey, asked, searches.KEYS, text=asked.text)
        return view.page("keys", section="keys", keys=rows, asked=asked, cursor=cursor)


@router.get("/keys/{identity}")
def show_key(identity: str, asked: Question, registry: Registry, caller: CurrentCaller) -> Response:
    """Show one signing key and what it signed."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        key = view.find(SigningKey, Kind.SIGNING_KEY, identity)
        name = _prn(caller, Kind.SIGNING_KEY, key)
        rows, cursor = view.list(BinarySignature, asked, searches.SIGNATURES, signing_key_prn=name)
        return view.page(
            "key",
            section="keys",
            key=key,
            prn=name,
            words=fingerprint_words(key.keyid),
            signed=[(row.binary, show_signatures([row], row.binary.hash)[0]) for row in rows],
            asked=asked,
            cursor=cursor,
        )


@router.get("/bundles")
def list_bundles(asked: Question, registry: Registry, caller: CurrentCaller) -> Response:
    """Show bundles."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        rows, cursor = view.list(Bundle, asked, searches.BUNDLES, text=asked.text)
        return view.page("bundles", section="bundles", bundles=rows, asked=asked, cursor=cursor)


@router.get("/bundles/{identity}")
def show_bundle(identity: str, registry: Registry, caller: CurrentCaller) -> Response:
    """Show one bundle: its members, who signed it, and what that is worth."""
    with registry.database.read() as session:
        view = _View(session, registry, caller)
        bundle = view.find(Bundle, Kind.BUNDLE, identity)
        binaries = [session.get_one(Binary, member.binary_row) for member in bundle.members]
        members = [show_binary(binary, view.keys) for binary in binaries]
        signatures = show_signatures(bundle.signatures, bundle.hash)
        hash_verdict = show_bundle_hash(bundle, binaries, caller)
        return view.page(
            "bundle",
            section="bundles",
            bundle=bundle,
            prn=Prn(organization=caller.organization, kind=Kind.BUNDLE, id=bundle.id),
            verdict=sum_up_bundle(hash_verdict, signatures, members),
            hash_verdict=hash_verdict,
            signatures=signatures,
            members=members,
        )


@router.get("/audit")
def list_audit(
    registry: Registry,
    caller: CurrentCaller,
    before: Annotated[int, Query(ge=1, le=_LARGEST)] = _LARGEST,
) -> Response:
    """Show what was changed, by whom, the newest first: to a token that may do everything."""
    if not sees_audit(caller):
        raise refuse(FORBIDDEN, "this needs a token with the scope admin, for every artifact")
    with registry.database.read() as session:
        lines, cursor = show_audit(session, caller, before=before)
        return page("audit", viewer=caller, section="audit", lines=lines, cursor=cursor)


@router.get("/{rest:path}")
def refuse_page(rest: str) -> Response:  # noqa: ARG001
    """Say that there is no such page."""
    raise refuse(NOT_FOUND, "there is no such page")
