"""The application: put together from its parts, nothing of it global."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from signkit.registry.access_log import AccessLog
from signkit.registry.content import is_alive
from signkit.registry.context import Parts
from signkit.registry.database import Database
from signkit.registry.edge import Edge
from signkit.registry.folder import DataFolder
from signkit.registry.folder_store import FolderStore
from signkit.registry.hashing import ContentHasher
from signkit.registry.problems import DISK_FULL, INVALID, UNAVAILABLE, RefusedError
from signkit.registry.records import open_database
from signkit.registry.resources import (
    artifact_versions,
    artifacts,
    binaries,
    bundle_signatures,
    bundles,
    content,
    parts,
    signatures,
    signing_keys,
    users,
)
from signkit.registry.settings import Settings
from signkit.registry.store import ContentKey
from signkit.registry.upload import Receiver
from signkit.registry.views import answer

_RESOURCES = (
    users,
    artifacts,
    artifact_versions,
    signing_keys,
    parts,
    binaries,
    signatures,
    bundles,
    bundle_signatures,
    content,
)
_log = logging.getLogger(__name__)


def create_app(settings: Settings, folder: DataFolder) -> FastAPI:
    """Make the application.

    Args:
        settings: How it serves.
        folder: Its data folder, held by the caller (`folder.server_lock`).

    Raises:
        RegistryError: the records cannot be used.
    """
    database = open_database(folder)
    store = FolderStore(folder.content_path)
    jobs = ContentHasher(database, store, workers=settings.hash_workers)
    receiver = Receiver(store, idle_seconds=settings.idle_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        jobs.resume()
        threading.Thread(target=_sweep, args=(store, database), daemon=True).start()
        yield
        jobs.close()
        await receiver.close()
        database.close()

    app = FastAPI(
        title="signkit registry",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.parts = Parts(
        settings=settings,
        secret=folder.secret,
        database=database,
        store=store,
        jobs=jobs,
        receiver=receiver,
    )
    for resource in _RESOURCES:
        app.include_router(resource.router)
    _answer_errors(app)
    app.add_middleware(Edge, log=AccessLog(settings.access_log_path))
    return app


def _sweep(store: FolderStore, database: Database) -> None:
    """Remove the content that a server which died meant to remove."""

    def is_spoken_of(key: ContentKey) -> bool:
        with database.read() as session:
            return is_alive(session, key)

    if swept := store.sweep(is_spoken_of):
        _log.warning("removed %d contents that no record speaks of", swept)


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(RefusedError, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(OperationalError, _answer_database)
    app.add_exception_handler(PoolTimeoutError, _answer_database)
    app.add_exception_handler(Exception, _answer_defect)


async def _answer_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    response = answer({"errors": error.errors}, status=error.status)
    response.headers.update(error.headers)
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


async def _answer_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    detail = HTTPStatus(error.status_code).phrase.lower()
    response = answer({"errors": {"detail": detail}}, status=error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _answer_database(_request: Request, error: Exception) -> Response:
    _log.error("the database refuses: %s", error)
    if "disk is full" in str(error):
        return answer({"errors": {"detail": "there is no room for the record"}}, status=DISK_FULL)
    response = answer({"errors": {"detail": "the database is busy"}}, status=UNAVAILABLE)
    response.headers["retry-after"] = "1"
    return response


async def _answer_defect(_request: Request, _error: Exception) -> Response:
    # The framework raises the error again after this answer, and the server logs its traceback.
    detail = "a defect of the registry; its log says more"
    return answer({"errors": {"detail": detail}}, status=500)
