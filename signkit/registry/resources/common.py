"""What the resources share: finding one by its name, a page of many, what is taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Select, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption
from starlette.responses import Response

from signkit.errors import MalformedError
from signkit.registry.access import Owned, visible
from signkit.registry.bodies import Body
from signkit.registry.bundle_tables import Bundle, BundleSignature
from signkit.registry.context import Parts
from signkit.registry.database import TookLongError, hold, taken_columns
from signkit.registry.filters import Keys
from signkit.registry.paging import Listed, PageOf, PageRequest, list_page, read_page
from signkit.registry.prn import Kind, parse_prn
from signkit.registry.problems import CONFLICT, NOT_FOUND, refuse, refuse_field
from signkit.registry.reading import Read, read_one
from signkit.registry.tables import (
    Artifact,
    ArtifactVersion,
    Binary,
    BinarySignature,
    SigningKey,
    now,
)
from signkit.registry.tokens import Caller
from signkit.registry.views import LOADED_ALONG, answer

_Changeable = Artifact | ArtifactVersion | Binary | Bundle | SigningKey

_KINDS = {
    Artifact: Kind.ARTIFACT,
    ArtifactVersion: Kind.ARTIFACT_VERSION,
    Binary: Kind.BINARY,
    BinarySignature: Kind.BINARY_SIGNATURE,
    Bundle: Kind.BUNDLE,
    BundleSignature: Kind.BUNDLE_SIGNATURE,
    SigningKey: Kind.SIGNING_KEY,
}


def find(
    session: Session, table: type[Listed], prn: str, caller: Caller, *options: ORMOption
) -> Listed:
    """Return the resource that a path names.

    Args:
        session: Where to look.
        table: The kind of resource.
        prn: The name as it came.
        caller: Whose resource it has to be.
        options: What to load along.

    Raises:
        RefusedError: 404, where the name is not one, is another organization's, or names nothing.
    """
    try:
        row = _look_up(session, table, prn, caller, *options)
    except MalformedError:
        row = None
    if row is None:
        raise refuse(NOT_FOUND, f"no such {_KINDS[table]}")
    return row


def find_referred(
    session: Session,
    table: type[Listed],
    prn: str,
    *options: ORMOption,
    caller: Caller,
    field: str,
) -> Listed:
    """Return the resource that a field of a body names.

    Raises:
        RefusedError: 422, where the name is not one, is another organization's, or names nothing.
    """
    try:
        row = _look_up(session, table, prn, caller, *options)
    except MalformedError as error:
        raise refuse_field(field, str(error)) from None
    if row is None:
        raise refuse_field(field, "does not exist")
    return row


def _look_up(
    session: Session, table: type[Listed], prn: str, caller: Caller, *options: ORMOption
) -> Listed | None:
    name = parse_prn(prn, kind=_KINDS[table], what="prn")
    if name.organization != caller.organization:
        return None
    query = hold(session, _query(table, caller, options), table)
    row: Listed | None = session.scalar(query, {"id": name.id})
    return row


@lru_cache(256)
def _query(table: Owned, caller: Caller, options: tuple[ORMOption, ...]) -> Select[Any]:
    """Return the query of one resource; made once for each, since that takes as long as it does."""
    query = select(table).where(table.id == bindparam("id"), *visible(table, caller))
    return query.options(*options, *LOADED_ALONG.get(table, ()))


async def answer_one(table: Read, prn: str, registry: Parts, caller: Caller) -> Response:
    """Answer one resource, in an envelope of its kind.

    Raises:
        RefusedError: as `find`.
    """
    return await _reading(registry, partial(_one, table, prn, registry, caller))


def _one(
    table: Read, prn: str, registry: Parts, caller: Caller, *, brief: bool = False
) -> Response:
    kind = _KINDS[table]
    try:
        name = parse_prn(prn, kind=kind, what="prn")
    except MalformedError:
        name = None
    view = None
    if name is not None and name.organization == caller.organization:
        with registry.database.read(brief=brief) as session:
            view = read_one(session.connection(), table, name.id, caller)
    if view is None:
        raise refuse(NOT_FOUND, f"no such {kind}")
    return answer({kind: view})


async def answer_page(
    table: Read, paging: PageRequest, registry: Parts, *, caller: Caller, keys: Keys
) -> Response:
    """Answer a list: the page that was asked for.

    Args:
        table: The resource.
        paging: Which page of what.
        registry: The application's parts.
        caller: Whose resources are listed.
        keys: What the resource can be searched by.

    Raises:
        RefusedError: the search does not parse, or the cursor is not one for this list.
    """
    page = PageOf(request=paging, keys=keys, caller=caller, secret=registry.secret)
    return await _reading(registry, partial(_page, table, page, registry))


def _page(table: Read, page: PageOf, registry: Parts, *, brief: bool = False) -> Response:
    with registry.database.read(brief=brief) as session:
        return answer(read_page(session.connection(), table, page))


async def _reading(registry: Parts, read: Callable[..., Response]) -> Response:
    """Read here, where that takes less than handing it to another thread, and waits for nobody.

    What turns out to take longer is begun again in a thread: the others do not wait for it.
    """
    if registry.database.is_local:
        with suppress(TookLongError):
            return read(brief=True)
    return await run_in_threadpool(read)


def answer_records(
    table: type[Listed], page: PageOf, registry: Parts, view: Callable[[Listed, UUID], object]
) -> Response:
    """Answer a list that is made of records: as `answer_page`.

    Args:
        table: The resource.
        page: Which page of what.
        registry: The application's parts.
        view: Turns a record into what is sent.

    Raises:
        RefusedError: the search does not parse, or the cursor is not one for this list.
    """
    with registry.database.read() as session:
        return answer(list_page(session, table, page, view))


@contextmanager
def refusing_taken(fields: Mapping[str, str]) -> Iterator[None]:
    """Turn a violated uniqueness within the block into 409.

    Args:
        fields: By the column `table.name`, the field that the client is told of.

    Raises:
        RefusedError: 409.
    """
    try:
        yield
    except IntegrityError as error:
        taken = taken_columns(error)
        for column, field in fields.items():
            if column in taken:
                raise refuse_field(field, "has already been taken", status=CONFLICT) from None
        raise


def change(row: _Changeable, body: Body, *names: str) -> None:
    """Put those fields of a body on record that were given, null where null was given.

    Args:
        row: The record; on one that is new nothing else happens, on another it becomes newer.
        body: Checked.
        names: The fields that may change; custom_metadata is kept as ASCII JSON, its names in
            the order given.
    """
    given = body.model_fields_set.intersection(names)
    for name in given:
        value = getattr(body, name)
        if name == "custom_metadata" and value is not None:
            value = json.dumps(value, separators=(",", ":"))
        setattr(row, name, value)
    if given and row.row is not None:
        row.updated_at = now()
