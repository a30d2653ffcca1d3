"""The application: put together from its parts, nothing of it global."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp

from signkit.registry.callers import Callers
from signkit.registry.console import door, pages
from signkit.registry.context import Parts
from signkit.registry.database import is_full
from signkit.registry.description import describe
from signkit.registry.edge import Edge
from signkit.registry.limits import RateLimit
from signkit.registry.log import Log
from signkit.registry.metrics import Metrics
from signkit.registry.problems import (
    DISK_FULL,
    INVALID,
    METHOD_NOT_ALLOWED,
    UNAVAILABLE,
    RefusedError,
)
from signkit.registry.readiness import StoreReadiness
from signkit.registry.resources import (
    artifact_versions,
    artifacts,
    binaries,
    bundle_signatures,
    bundles,
    content,
    description,
    health,
    manifests,
    parts,
    signatures,
    signing_keys,
    users,
)
from signkit.registry.store import StoreUnavailableError
from signkit.registry.tracing import configure_tracing
from signkit.registry.views import answer

RESOURCES = (
    users,
    artifacts,
    artifact_versions,
    signing_keys,
    parts,
    binaries,
    signatures,
    bundles,
    bundle_signatures,
    manifests,
    health,
    description,
    door,
    pages,
)
_log = logging.getLogger(__name__)


class _Application(FastAPI):
    """The framework's application within the edge, through which the answer to a defect goes, too."""

    def __init__(self, *, log: Log, metrics: Metrics, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._log = log
        self._metrics = metrics

    def build_middleware_stack(self) -> ASGIApp:
        """Put the edge outside of everything that the framework does."""
        return Edge(super().build_middleware_stack(), log=self._log, metrics=self._metrics)


def create_app(registry: Parts, log: Log) -> FastAPI:
    """Make the application.

    Args:
        registry: What it is made of, opened by the caller (`footing.open_parts`).
        log: Gets a line for each request.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        registry.jobs.start()
        yield
        registry.jobs.close()
        if registry.receiver is not None:
            await registry.receiver.close()
        registry.database.close()

    metrics = Metrics()
    app = _Application(
        log=log,
        metrics=metrics,
        title="signkit registry",
        openapi_url=None,
        redirect_slashes=False,
        telemetry=configure_tracing(),
        lifespan=lifespan,
    )
    app.state.parts = registry
    routers = [resource.router for resource in RESOURCES]
    if registry.receiver is not None:
        routers.append(content.router)
    for router in routers:
        # Its routes themselves: those of a router that is included are looked for twice, each time.
        app.router.routes += router.routes
    app.state.routers = routers
    app.state.describe = cache(lambda: describe(app, routers))
    _answer_errors(app)
    app.state.stopping = False
    app.state.store = StoreReadiness(registry.store.check_answers)
    app.state.rate_limit = RateLimit(registry.settings.rate_limit)
    app.state.callers = Callers(registry.database)
    app.state.metrics = metrics
    return app


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(RefusedError, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(OperationalError, _answer_database)
    app.add_exception_handler(PoolTimeoutError, _answer_database)
    app.add_exception_handler(StoreUnavailableError, _answer_store)
    app.add_exception_handler(Exception, _answer_defect)


async def _answer_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    response = answer({"errors": error.errors}, status=error.status)
    response.headers.update(error.headers)
    if "expect" in request.headers:
        # Whether the body still comes is the client's choice: nobody could tell what follows.
        response.headers["connection"] = "close"
    return response


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors: dict[str, list[str]] = {}
    for item in error.errors():
        place = [str(step) for step in item["loc"][1:]] or [str(item["loc"][0])]
        message = str(item["msg"]).removeprefix("Value error, ")
        errors.setdefault(place[0], []).append(message[:1].lower() + message[1:])
    return answer({"errors": errors}, status=INVALID)


async def _answer_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # TRACE would show a request's credentials: it is allowed nowhere, also where nothing is.
    status = METHOD_NOT_ALLOWED if request.method == "TRACE" else error.status_code
    response = answer({"errors": {"detail": HTTPStatus(status).phrase.lower()}}, status=status)
    response.headers.update(error.headers or {})
    if status == METHOD_NOT_ALLOWED:
        response.headers["allow"] = _allowed(request)
    return response


def _allowed(request: Request) -> str:
    """Return the methods that a path has: the framework names those of the first route alone."""
    routes = (route for router in request.app.state.routers for route in router.routes)
    found = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in found for method in route.methods}))


async def _answer_database(_request: Request, error: Exception) -> Response:
    _log.error("the database refuses: %s", error)
    if isinstance(error, SQLAlchemyError) and is_full(error):
        return answer({"errors": {"detail": "there is no room for the record"}}, status=DISK_FULL)
    response = answer({"errors": {"detail": "the database is busy"}}, status=UNAVAILABLE)
    response.headers["retry-after"] = "1"
    return response


async def _answer_store(_request: Request, error: Exception) -> Response:
    _log.error("the content store refuses: %s", error)
    detail = "the content store cannot be reached"
    response = answer({"errors": {"detail": detail}}, status=UNAVAILABLE)
    response.headers["retry-after"] = "1"
    return response


async def _answer_defect(_request: Request, _error: Exception) -> Response:
    # The framework raises the error again after this answer, and the server logs its traceback.
    detail = "a defect of the registry; its log says more"
    return answer({"errors": {"detail": detail}}, status=500)
