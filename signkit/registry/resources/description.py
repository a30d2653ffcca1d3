"""/openapi.json and /docs: what the registry says of itself; no token, for it is no secret."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from signkit.registry.reference import STYLE_POLICY, reference_page
from signkit.registry.views import answer

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
async def read_description(request: Request) -> Response:
    """Return the OpenAPI document."""
    return answer(request.app.state.describe())


@router.get("/docs", include_in_schema=False)
async def read_reference(request: Request) -> Response:
    """Return the same for people: one page, that asks for nothing else."""
    return Response(
        reference_page(request.app.state.describe()),
        media_type="text/html; charset=utf-8",
        headers={"content-security-policy": STYLE_POLICY},
    )
