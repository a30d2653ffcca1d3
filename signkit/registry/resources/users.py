"""GET /users/me."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from signkit.registry.context import ApiRoute, CurrentCaller
from signkit.registry.prn import format_organization_prn
from signkit.registry.views import answer

router = APIRouter(prefix="/users", route_class=ApiRoute)


@router.get("/me")
def read_me(caller: CurrentCaller) -> Response:
    """Say whose token it is."""
    return answer(
        {
            "data": {
                "email": caller.email,
                "username": caller.username,
                "organization_prn": format_organization_prn(caller.organization),
            }
        }
    )
