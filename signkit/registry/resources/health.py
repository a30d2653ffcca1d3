"""What a supervisor and a load balancer ask. No token: the answers say nothing about anybody.

GET /healthz   the process serves
GET /readyz    requests should be sent here: database and store answer, and the server does not stop
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from signkit.registry.context import Registry
from signkit.registry.problems import UNAVAILABLE
from signkit.registry.tables import Organization
from signkit.registry.views import answer

router = APIRouter()

_OK = "ok"


@router.get("/healthz", include_in_schema=False)
async def read_health() -> Response:
    """Say that the process serves."""
    return answer({"status": _OK})


@router.get("/readyz", include_in_schema=False)
def read_readiness(request: Request, registry: Registry) -> Response:
    """Say whether requests should be sent here."""
    if request.app.state.stopping:
        return _unavailable("the server stops")
    try:
        with registry.database.read() as session:
            session.execute(select(Organization.row).limit(1))
    except SQLAlchemyError:
        return _unavailable("the database does not answer")
    if not request.app.state.store.answers():
        return _unavailable("the store does not answer")
    return answer({"status": _OK})


def _unavailable(reason: str) -> Response:
    response = answer({"status": reason}, status=UNAVAILABLE)
    response.headers["retry-after"] = "1"
    return response
