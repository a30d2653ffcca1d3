"""What a request finds: the application's parts, the caller, the body, and the route class."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from signkit.errors import FormatError, MalformedError
from signkit.formats.registry_audit import parse_ledger_point
from signkit.model.audit import Actor, ActorKind
from signkit.registry.access import demand
from signkit.registry.audit import Acting, current_acting
from signkit.registry.bodies import BODY_SIZE, parse_body
from signkit.registry.callers import Callers
from signkit.registry.database import Database
from signkit.registry.hashing import ContentJobs
from signkit.registry.limits import RateLimit
from signkit.registry.problems import (
    BAD_REQUEST,
    TIMEOUT,
    TOO_LARGE,
    UNAUTHENTICATED,
    UNSUPPORTED,
    RefusedError,
    refuse,
    refuse_field,
)
from signkit.registry.scopes import needed_scopes
from signkit.registry.settings import Settings
from signkit.registry.store import ContentStore, UrlTerms
from signkit.registry.tokens import Caller
from signkit.registry.upload import Receiver

VERSION_1, VERSION_2 = "1", "2"
_LEDGER = "signkit-ledger"
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
_CHALLENGE = {"www-authenticate": 'Bearer realm="signkit registry"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the application is made of.

    Attributes:
        settings: How it serves.
        secret: 32 bytes, the key of presigned URLs and cursors.
        database: The records.
        store: The content.
        jobs: Hashes content.
        receiver: Takes parts in; None where clients send them to the store itself.
    """

    settings: Settings
    secret: bytes
    database: Database
    store: ContentStore
    jobs: ContentJobs
    receiver: Receiver | None


def parts_of(request: Request) -> Parts:
    """Return what the application is made of."""
    return cast("Parts", request.app.state.parts)


# Asynchronous, so that the framework does not send them to another thread.
async def _find_parts(request: Request) -> Parts:
    return parts_of(request)


async def _version_of(request: Request) -> str:
    return request.headers.get("x-api-version", VERSION_2)


async def _caller_of(request: Request) -> Caller:
    return cast("Caller", request.state.caller)


Registry = Annotated[Parts, Depends(_find_parts)]
CurrentCaller = Annotated[Caller, Depends(_caller_of)]
ApiVersion = Annotated[str, Depends(_version_of)]
Handler = Callable[[Request], Coroutine[object, object, Response]]


class ApiRoute(APIRoute):
    """A route that knows its caller before it reads anything, and reads JSON strictly."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            _check_version(request)
            caller = await _admit(request)
            demand(caller, needed_scopes(request.method, self.path))
            request.state.caller = caller
            current_acting.set(_acting(request, caller))
            if self.body_field is not None:
                request = await _JsonRequest.read(request)
            return await handler(request)

        return handle


class _JsonRequest(Request):
    """A request whose body was read within its limit and parsed by our own parser."""

    @classmethod
    async def read(cls, request: Request) -> Request:
        if request.headers.get("content-encoding", "identity") != "identity":
            raise refuse(UNSUPPORTED, "content-encoding: expected the body as it is")
        body = bytearray()
        seconds = parts_of(request).settings.idle_seconds
        try:
            async with asyncio.timeout(seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > BODY_SIZE:
                        raise refuse(TOO_LARGE, f"body: expected at most {BODY_SIZE} bytes")
        except TimeoutError:
            detail = f"the body did not arrive within {seconds:g} seconds"
            raise refuse(TIMEOUT, detail, headers={"connection": "close"}) from None
        strict = cls(request.scope, request.receive)
        # What the framework reads next. Parsed here, because it would call a refusal of ours
        # "an error parsing the body".
        strict._body = bytes(body)
        try:
            strict._json = parse_body(strict._body) if body else None
        except MalformedError as error:
            raise refuse_field("body", str(error)) from None
        return strict


def _check_version(request: Request) -> None:
    if request.headers.get("x-api-version", VERSION_2) not in {VERSION_1, VERSION_2}:
        raise refuse_field("x-api-version", f"expected {VERSION_1} or {VERSION_2}")


async def _admit(request: Request) -> Caller:
    """Return who calls; one who asks too often is turned away before anything is looked up."""
    limit: RateLimit = request.app.state.rate_limit
    address = f"address {request.client.host if request.client else ''}"
    limit.check(address)
    try:
        caller = await _authenticate(request)
    except RefusedError:
        limit.count(address)
        raise
    token = f"token {caller.token}"
    limit.check(token)
    limit.count(token)
    return caller


def _acting(request: Request, caller: Caller) -> Acting:
    """Return who acts, and upon which point of a station's ledger the request says that it does."""
    ledger = None
    text = request.headers.get(_LEDGER)
    if text is not None:
        try:
            ledger = parse_ledger_point(text, what=_LEDGER)
        except FormatError as error:
            raise refuse_field(_LEDGER, str(error)) from None
    return Acting(actor=Actor(kind=ActorKind.TOKEN, name=caller.token), ledger=ledger)


async def _authenticate(request: Request) -> Caller:
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() not in {"token", "bearer"} or not token.strip():
        detail = "expected the header authorization: Token KEY, once"
        raise refuse(UNAUTHENTICATED, detail, headers=_CHALLENGE)
    callers: Callers = request.app.state.callers
    caller = await callers.find(token.strip())
    if caller is None:
        raise refuse(
            UNAUTHENTICATED, "a token that is unknown, revoked or past its end", headers=_CHALLENGE
        )
    return caller


def base_url(request: Request, settings: Settings) -> str:
    """Return how this client reaches the registry: scheme, host and port.

    Raises:
        RefusedError: the Host header is missing or is none.
    """
    if settings.public_url is not None:
        return settings.public_url
    host = request.headers.get("host", "")
    if _HOST.fullmatch(host) is None:
        raise refuse(BAD_REQUEST, "expected a Host header with a name or address")
    return f"{request.url.scheme}://{host}"


def url_terms(request: Request, registry: Parts, *, seconds: int) -> UrlTerms:
    """Return how a presigned URL is made for whoever makes this request.

    Raises:
        RefusedError: as `base_url`.
    """
    base = base_url(request, registry.settings)
    return UrlTerms(base=base, secret=registry.secret, seconds=seconds)
