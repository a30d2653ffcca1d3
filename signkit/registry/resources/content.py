"""What presigned URLs lead to. No token: the URL is the leave.

PUT       /upload/ORGANIZATION/BINARY/INDEX    one part
GET HEAD  /content/ORGANIZATION/BINARY         the whole content, or a range of it
"""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from signkit.registry.context import Registry
from signkit.registry.download import load_content, respond
from signkit.registry.intake import take_part
from signkit.registry.presign import check_download_url, check_part_url

router = APIRouter()


@router.put("/upload/{organization}/{binary}/{index}")
async def send_part(
    *, organization: UUID, binary: UUID, index: int, request: Request, registry: Registry
) -> Response:
    """Take a part in; answered 200 when it is verified and durable."""
    query = request.query_params
    grant = check_part_url(organization, binary, index, query, secret=registry.secret)
    await take_part(request, grant, registry)
    return Response(status_code=200)


@router.api_route("/content/{organization}/{binary}", methods=["GET", "HEAD"])
async def fetch_content(
    organization: UUID, binary: UUID, request: Request, registry: Registry
) -> Response:
    """Return the content, or the range of it that was asked for."""
    query = request.query_params
    key = check_download_url(organization, binary, query, secret=registry.secret)
    content = await run_in_threadpool(load_content, registry.database, key)
    return respond(request, content, registry.store)
