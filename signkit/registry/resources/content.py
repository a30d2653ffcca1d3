"""What presigned URLs lead to. No token: the URL is the leave.

PUT       /upload/ORGANIZATION/BINARY/INDEX    one part
GET HEAD  /content/ORGANIZATION/BINARY         the whole content, or a range of it
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from signkit.registry.context import Registry
from signkit.registry.description import ALWAYS, refusals
from signkit.registry.download import load_content, respond
from signkit.registry.intake import take_part
from signkit.registry.presign import (
    CONTENT_FIELDS,
    PART_FIELDS,
    check_download_url,
    check_part_url,
)
from signkit.registry.problems import (
    BAD_REQUEST,
    CONFLICT,
    DISK_FULL,
    FORBIDDEN,
    INVALID,
    LENGTH_REQUIRED,
    NOT_FOUND,
    TIMEOUT,
    TOO_LARGE,
)

router = APIRouter(tags=["content"], responses=ALWAYS)


_BYTES: dict[str, Any] = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
}
_EMPTY: dict[int | str, dict[str, Any]] = {
    304: {"description": "it is the one named in if-none-match"},
    416: {"description": "the range begins beyond the end"},
}
_FETCH: dict[int | str, dict[str, Any]] = {
    200: {"description": "all of it", "content": _BYTES},
    206: {"description": "the range asked for", "content": _BYTES},
    **_EMPTY,
    **refusals(FORBIDDEN, NOT_FOUND, CONFLICT, INVALID),
}


def _presigned(*names: str) -> dict[str, Any]:
    """Return the query that a presigned URL has, for the description: it is checked by its HMAC."""
    fields = (*names, "signature")
    text = {"type": "string"}
    return {
        "parameters": [
            {"name": name, "in": "query", "required": True, "schema": text} for name in fields
        ]
    }


@router.put(
    "/upload/{organization}/{binary}/{index}",
    responses={
        200: {"description": "verified and durable"},
        **refusals(
            *(BAD_REQUEST, FORBIDDEN, NOT_FOUND, TIMEOUT, CONFLICT, LENGTH_REQUIRED, TOO_LARGE),
            *(INVALID, DISK_FULL),
        ),
    },
    response_class=Response,
    openapi_extra={
        **_presigned(*PART_FIELDS),
        "requestBody": {"content": _BYTES, "required": True},
    },
)
async def send_part(
    *, organization: UUID, binary: UUID, index: int, request: Request, registry: Registry
) -> Response:
    """Take a part in; answered 200 when it is verified and durable."""
    query = request.query_params
    grant = check_part_url(organization, binary, index, query, secret=registry.secret)
    await take_part(request, grant, registry)
    return Response(status_code=200)


@router.head(
    "/content/{organization}/{binary}",
    operation_id="check_content",
    responses=_FETCH,
    response_class=Response,
    openapi_extra=_presigned(*CONTENT_FIELDS),
)
@router.get(
    "/content/{organization}/{binary}",
    responses=_FETCH,
    response_class=Response,
    openapi_extra=_presigned(*CONTENT_FIELDS),
)
async def fetch_content(
    organization: UUID, binary: UUID, request: Request, registry: Registry
) -> Response:
    """Return the content, or the range of it that was asked for."""
    query = request.query_params
    key = check_download_url(organization, binary, query, secret=registry.secret)
    content = await run_in_threadpool(load_content, registry.database, key)
    shared = registry.settings.content_url is not None
    return respond(request, content, registry.store, shared=shared)
