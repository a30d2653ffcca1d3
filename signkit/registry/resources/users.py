"""GET /users/me."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response
from typing_extensions import TypedDict

from signkit.registry.context import ApiRoute, CurrentCaller
from signkit.registry.description import WITH_TOKEN
from signkit.registry.prn import format_organization_prn
from signkit.registry.views import answer

router = APIRouter(prefix="/users", route_class=ApiRoute, tags=["users"], responses=WITH_TOKEN)


class UserView(TypedDict):
    """Whose token it is."""

    email: str
    username: str
    organization_prn: str


class UserAnswer(TypedDict):
    """The same, in its envelope."""

    data: UserView


@router.get("/me", response_model=UserAnswer)
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
