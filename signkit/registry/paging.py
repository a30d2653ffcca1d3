"""Lists a page at a time: keyset pagination with cursors that only this server can make.

A cursor says where the last page ended (time and id) and is bound by an HMAC to the organization,
resource, order and search it was made for, so it can neither be forged nor used elsewhere.

Spec: docs/formats/registry-protocol.md section 5.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest, digest
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from signkit.errors import MalformedError
from signkit.registry.access import visible
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.filters import Condition, Keys, compile_search
from signkit.registry.problems import refuse_field
from signkit.registry.search import QUERY_LENGTH, parse_search
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, BinarySignature, SigningKey
from signkit.registry.tokens import Caller
from signkit.registry.views import LOADED_ALONG

Listed = TypeVar(
    "Listed",
    Artifact,
    ArtifactVersion,
    Binary,
    BinarySignature,
    Bundle,
    BundleSignature,
    SigningKey,
)
"""A resource that has a name and stands in a list."""

_PLACE = struct.Struct(">q16s")
_TAG_SIZE = 16
_LONGEST = 128


class Order(StrEnum):
    """By time of insertion."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """What page of what list a client asks for."""

    search: str | None
    limit: int
    order: Order
    page: str | None


def _read_page_request(
    search: Annotated[str | None, Query(max_length=QUERY_LENGTH)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    order: Annotated[Order, Query()] = Order.DESCENDING,
    page: Annotated[str | None, Query(max_length=_LONGEST)] = None,
) -> PageRequest:
    return PageRequest(search=search, limit=limit, order=order, page=page)


Paging = Annotated[PageRequest, Depends(_read_page_request)]


def list_page(
    session: Session,
    table: type[Listed],
    request: PageRequest,
    *,
    keys: Keys,
    caller: Caller,
    secret: bytes,
    view: Callable[[Listed, UUID], object],
) -> dict[str, object]:
    """Return one page of a list as it is sent.

    Args:
        session: A reading session.
        table: The resource.
        request: What the client asks for.
        keys: What the resource can be searched by.
        caller: Whose resources are listed.
        secret: The server's secret.
        view: Turns a row into what is sent.

    Raises:
        RefusedError: the search does not parse, or the cursor is not one for this list.
    """
    bound = "\n".join(
        (str(caller.organization), table.__tablename__, request.order, request.search or "")
    )
    statement = select(table).where(*visible(table, caller))
    statement = statement.options(*LOADED_ALONG.get(table, ()))
    statement = statement.where(*_conditions(request, keys, caller))
    place = tuple_(table.inserted_at, table.id)
    columns = (table.inserted_at, table.id)
    if request.order is Order.DESCENDING:
        statement = statement.order_by(*(column.desc() for column in columns))
    else:
        statement = statement.order_by(*columns)
    if request.page is not None:
        last = tuple_(*_parse_cursor(request.page, secret, bound))
        later = place < last if request.order is Order.DESCENDING else place > last
        statement = statement.where(later)
    rows = list(session.scalars(statement.limit(request.limit + 1)))
    shown = rows[: request.limit]
    next_page = None
    if len(rows) > request.limit:
        next_page = _format_cursor(shown[-1].inserted_at, shown[-1].id, secret, bound)
    members = [view(row, caller.organization) for row in shown]
    return {table.__tablename__: members, "next_page": next_page}


def _conditions(request: PageRequest, keys: Keys, caller: Caller) -> list[Condition]:
    if request.search is None:
        return []
    try:
        return compile_search(parse_search(request.search), keys, caller)
    except MalformedError as error:
        raise refuse_field("search", str(error)) from None


def _format_cursor(inserted_at: int, identity: UUID, secret: bytes, bound: str) -> str:
    place = _PLACE.pack(inserted_at, identity.bytes)
    return urlsafe_b64encode(place + _tag(place, secret, bound)).decode("ascii").rstrip("=")


def _parse_cursor(text: str, secret: bytes, bound: str) -> tuple[int, UUID]:
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (BinasciiError, UnicodeEncodeError):
        data = b""
    place = data[: _PLACE.size]
    if len(place) != _PLACE.size or not compare_digest(
        data[_PLACE.size :], _tag(place, secret, bound)
    ):
        raise refuse_field("page", "not a cursor of this list, order and search")
    inserted_at, identity = _PLACE.unpack(place)
    return inserted_at, UUID(bytes=identity)


def _tag(place: bytes, secret: bytes, bound: str) -> bytes:
    message = b"signkit page cursor v1\n" + bound.encode("utf-8") + b"\n" + place
    return digest(secret, message, "sha256")[:_TAG_SIZE]
