"""The door of the console: who comes in, and what anybody sees who does not.

Control: SK-REGISTRY-CONSOLE (docs/design/assurance.md).
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from signkit.registry.console.render import asset, page
from signkit.registry.console.session import PATH, find_viewer, is_own, log_in, set_cookie
from signkit.registry.context import Handler, Registry, parts_of
from signkit.registry.limits import RateLimit
from signkit.registry.problems import FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, RefusedError

router = APIRouter(prefix="/console", include_in_schema=False)

_FORM_SIZE = 4096
_SEE_OTHER = 303
_PLACE = re.compile(r"/console(?:/[0-9a-z-]+){0,2}", re.ASCII)
_UNKNOWN = "this token is unknown, was revoked, or has ended"
_FOREIGN = "this form was sent from another site"


class ConsoleRoute(APIRoute):
    """A page that only who holds a token sees, and that refuses in words for people."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            viewer = await run_in_threadpool(find_viewer, parts_of(request), request)
            if viewer is None:
                place = request.url.path
                wanted = f"?next={place}" if _PLACE.fullmatch(place) and place != PATH else ""
                return RedirectResponse(f"{PATH}/login{wanted}", _SEE_OTHER)
            request.state.caller = viewer
            try:
                return await handler(request)
            except RefusedError as error:
                return _refusal(error.status, str(error), viewer=viewer)
            except RequestValidationError:
                return _refusal(NOT_FOUND, "there is no such page", viewer=viewer)

        return handle


def _refusal(status: int, text: str, *, viewer: object) -> Response:
    title = HTTPStatus(status).phrase
    return page("refusal", status=status, viewer=viewer, section="", title=title, text=text)


@router.get("/login")
async def show_login(request: Request) -> Response:
    """Return the form that asks for a token."""
    return _login_form(request.query_params.get("next", ""))


@router.post("/login")
async def take_login(request: Request, registry: Registry) -> Response:
    """Take a token, give a cookie, and go to where the person wanted to."""
    form = await _read_form(request)
    place = form.get("next", "")
    if not is_own(request):
        return _login_form(place, refusal=_FOREIGN, status=FORBIDDEN)
    limit: RateLimit = request.app.state.rate_limit
    address = f"address {request.client.host if request.client else ''}"
    try:
        limit.check(address)
    except RefusedError as error:
        return _login_form(place, refusal=str(error), status=error.status)
    cookie = await run_in_threadpool(log_in, registry, form.get("token", "").strip())
    if cookie is None:
        limit.count(address)
        return _login_form(place, refusal=_UNKNOWN, status=UNAUTHENTICATED)
    response = RedirectResponse(place if _PLACE.fullmatch(place) else PATH, _SEE_OTHER)
    set_cookie(response, cookie, secure=_is_secure(request, registry))
    return response


@router.post("/logout")
async def take_logout(request: Request, registry: Registry) -> Response:
    """Take the cookie away."""
    if not is_own(request):
        return _login_form("", refusal=_FOREIGN, status=FORBIDDEN)
    response = RedirectResponse(f"{PATH}/login", _SEE_OTHER)
    set_cookie(response, "", secure=_is_secure(request, registry))
    return response


@router.get("/assets/{name}")
async def read_asset(name: str) -> Response:
    """Return the style sheet or the icon."""
    found = asset(name)
    return found or Response(status_code=NOT_FOUND)


def _login_form(place: str, *, refusal: str = "", status: int = 200) -> Response:
    wanted = place if _PLACE.fullmatch(place) else ""
    return page("login", status=status, viewer=None, section="", wanted=wanted, refusal=refusal)


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; a body that is none, or too long, has no fields."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _FORM_SIZE:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    return {name: values[0] for name, values in fields.items()}


def _is_secure(request: Request, registry: Registry) -> bool:
    """Say whether the browser came by https, to this server or to the proxy before it."""
    public = registry.settings.public_url
    return (public or str(request.url)).startswith("https://")
