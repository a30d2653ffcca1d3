"""Lists a page at a time: keyset pagination with cursors that only this server can make.

A cursor says where the last page ended (time and id) and is bound by an HMAC to the organization,
resource, order and search it was made for, so it can neither be forged nor used elsewhere.

Spec: docs/formats/registry-protocol.md section 5.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hmac import compare_digest, digest
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import BigInteger, Connection, Integer, Select, Uuid, bindparam, select, tuple_
from sqlalchemy.orm import Session

from signkit.errors import MalformedError
from signkit.registry.access import visible
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.filters import Condition, Keys, compile_search
from signkit.registry.problems import refuse_field
from signkit.registry.reading import Read, query_visible, show
from signkit.registry.search import QUERY_LENGTH, Clause, parse_search
from signkit.registry.tables import (
    Artifact,
    ArtifactVersion,
    Base,
    Binary,
    BinarySignature,
    SigningKey,
)
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

_Row = TypeVar("_Row", bound=Any)
_PLACE = struct.Struct(">q16s")
_TAG_SIZE = 16
_LONGEST = 128
_CALLERS = 1024


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


# Asynchronous, so that the framework does not send it to another thread.
async def _read_page_request(
    search: Annotated[str | None, Query(max_length=QUERY_LENGTH)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    order: Annotated[Order, Query()] = Order.DESCENDING,
    page: Annotated[str | None, Query(max_length=_LONGEST)] = None,
) -> PageRequest:
    return PageRequest(search=search, limit=limit, order=order, page=page)


Paging = Annotated[PageRequest, Depends(_read_page_request)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOf:
    """What a page is made of, besides the records.

    Attributes:
        request: What the client asks for.
        keys: What the resource can be searched by.
        caller: Whose resources are listed.
        secret: The server's secret.
    """

    request: PageRequest
    keys: Keys
    caller: Caller
    secret: bytes

    def clauses(self) -> tuple[Clause, ...]:
        """Return what is searched for; nothing where everything is listed.

        Raises:
            RefusedError: the search does not parse.
        """
        try:
            return () if self.request.search is None else parse_search(self.request.search)
        except MalformedError as error:
            raise refuse_field("search", str(error)) from None


def list_page(
    session: Session, table: type[Listed], page: PageOf, view: Callable[[Listed, UUID], object]
) -> dict[str, object]:
    """Return one page of a list as it is sent, made of records.

    Args:
        session: A reading session.
        table: The resource.
        page: Which page of what.
        view: Turns a record into what is sent.

    Raises:
        RefusedError: the search does not parse, or the cursor is not one for this list.
    """
    query = select(table).where(*visible(table, page.caller))
    query = query.options(*LOADED_ALONG.get(table, ()))
    after = page.request.page is not None
    query = _query_place(query, table, page.request.order, after=after)
    query = query.where(*_conditions(page))
    rows, next_page = _cut(session.scalars(query, _values(table, page)).all(), table, page)
    return {
        table.__tablename__: [view(row, page.caller.organization) for row in rows],
        "next_page": next_page,
    }


def read_page(connection: Connection, table: Read, page: PageOf) -> dict[str, object]:
    """Return one page of a list as it is sent, made of columns.

    Args:
        connection: Of a reading session.
        table: The resource.
        page: Which page of what.

    Raises:
        RefusedError: as `list_page`.
    """
    query = query_page(table, page)
    rows, next_page = _cut(connection.execute(query, _values(table, page)).all(), table, page)
    members = show(connection, table, rows, page.caller.organization)
    return {table.__tablename__: members, "next_page": next_page}


def query_page(table: Read, page: PageOf) -> Select[Any]:
    """Return the query of a page that is made of columns; its limit and place are parameters.

    Raises:
        RefusedError: the search does not parse.
    """
    after = page.request.page is not None
    query = _query_columns(table, page.caller, page.request.order, after=after)
    return query if page.request.search is None else query.where(*_conditions(page))


@lru_cache(_CALLERS)
def _query_columns(table: Read, caller: Caller, order: Order, *, after: bool) -> Select[Any]:
    """Return the query of a page without a search; made once for each, which takes longest."""
    return _query_place(query_visible(table, caller), table, order, after=after)


def _query_place(
    query: Select[Any], table: type[Base], order: Order, *, after: bool
) -> Select[Any]:
    """Return a query in order, and after a place."""
    columns = (table.inserted_at, table.id)
    descending = order is Order.DESCENDING
    query = query.order_by(*(column.desc() if descending else column for column in columns))
    if after:
        place = tuple_(*columns)
        last = tuple_(bindparam("last_time", type_=BigInteger), bindparam("last_id", type_=Uuid))
        query = query.where(place < last if descending else place > last)
    return query.limit(bindparam("limit", type_=Integer))


def _values(table: type[Base], page: PageOf) -> dict[str, object]:
    """Return the values of a query that `_query_place` returned."""
    values: dict[str, object] = {"limit": page.request.limit + 1}
    if page.request.page is not None:
        last = _parse_cursor(page.request.page, page.secret, _bound(table, page))
        values |= {"last_time": last[0], "last_id": last[1]}
    return values


def _cut(
    rows: Sequence[_Row], table: type[Base], page: PageOf
) -> tuple[Sequence[_Row], str | None]:
    """Return the rows of a page, and the cursor of the next."""
    shown = rows[: page.request.limit]
    if len(rows) == len(shown):
        return shown, None
    last = shown[-1]
    return shown, _format_cursor(last.inserted_at, last.id, page.secret, _bound(table, page))


def _bound(table: type[Base], page: PageOf) -> str:
    """Return what a cursor is for."""
    request = page.request
    return "\n".join(
        (
            str(page.caller.organization),
            table.__tablename__,
            request.order,
            request.search or "",
        )
    )


def _conditions(page: PageOf) -> list[Condition]:
    try:
        return compile_search(page.clauses(), page.keys, page.caller)
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
