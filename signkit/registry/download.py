"""Content on its way out: the parts in order, whole or a range (RFC 9110 sections 13 and 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from signkit.registry.content import content_key, load_parts, part_key
from signkit.registry.context import Parts, url_terms
from signkit.registry.database import Database
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, ContentStore, PartKey
from signkit.registry.tables import Binary, Organization

DOWNLOADABLE = frozenset({BinaryState.SIGNABLE, BinaryState.SIGNED})
_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.ASCII)
_UNSATISFIABLE = 416
_PRIVATE = "private, no-transform"
_SHARED = "public, max-age=31536000, immutable, no-transform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What can be fetched.

    Attributes:
        key: Where it is kept.
        digest: SHA-256, 64 lower-case hex digits; also the ETag.
        parts: Keys and sizes in order.
        size: Bytes.
    """

    key: ContentKey
    digest: str
    parts: tuple[tuple[PartKey, int], ...]
    size: int


def content_url(request: Request, registry: Parts, binary: Binary) -> str:
    """Return where the content of a binary can be fetched for a while.

    Raises:
        RefusedError: the Host header is missing or is none.
    """
    settings = registry.settings
    terms = url_terms(request, registry, seconds=settings.download_url_seconds)
    if settings.content_url is not None:
        terms = replace(terms, base=settings.content_url)
    return registry.store.download_url(content_key(binary), terms=terms)


def load_content(database: Database, key: ContentKey) -> Content:
    """Return the content that a URL leads to.

    Raises:
        RefusedError: 404, where there is no such binary; 409, where its content is not complete and
            verified, or is not the content that the URL was made for.
    """
    with database.read() as session:
        binary = session.scalar(
            select(Binary)
            .join(Organization, Organization.row == Binary.organization_row)
            .where(Organization.id == key.organization, Binary.id == key.binary)
        )
        if binary is None:
            raise refuse(NOT_FOUND, "no such binary")
        if binary.revision != key.revision or binary.state not in DOWNLOADABLE:
            raise refuse(CONFLICT, f"the content is gone or not complete: {binary.state}")
        parts = load_parts(session, binary)
        keys = tuple((part_key(binary, part), part.size) for part in parts)
    return Content(key=key, digest=binary.hash, parts=keys, size=binary.size)


def respond(
    request: Request, content: Content, store: ContentStore, *, shared: bool = False
) -> Response:
    """Answer a GET or HEAD of content.

    Args:
        request: What was asked.
        content: From `load_content`.
        store: Where its parts are.
        shared: Whether caches between the registry and its devices may keep it.
    """
    etag = f'"{content.digest}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": _SHARED if shared else _PRIVATE,
        "content-disposition": "attachment",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    start, end = 0, content.size
    wanted = _parse_range(request, content.size, etag)
    if wanted is not None:
        start, end = wanted
        if start >= end:
            headers["content-range"] = f"bytes */{content.size}"
            return Response(status_code=_UNSATISFIABLE, headers=headers)
        headers["content-range"] = f"bytes {start}-{end - 1}/{content.size}"
    headers["content-length"] = str(end - start)
    status = 200 if wanted is None else 206
    media_type = "application/octet-stream"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    # The framework reads it in threads.
    pieces = store.read(content.key, content.parts, start=start, end=end)
    return StreamingResponse(pieces, status, headers=headers, media_type=media_type)


def _parse_range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return the range asked for as start and end, or None where all of it is to be sent.

    A range that is not one, several ranges, and a range of other content mean all of it.
    """
    if request.headers.get("if-range", etag) != etag:
        return None
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        return (max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size
