"""The registry's own description: an OpenAPI 3.1 document, made from the routes that answer.

A route says what it answers with `one`, `page` and `refusals`; `describe` adds what every route
shares: the token, the version header, the request id.

Spec: docs/formats/registry-protocol.md section 2; OpenAPI 3.1.
Controls: SK-REGISTRY-DECLARED (docs/design/assurance.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, create_model
from typing_extensions import TypedDict

from signkit.registry.context import VERSION_1, VERSION_2, ApiRoute
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
    TOO_MANY,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNSUPPORTED,
)

Document = dict[str, Any]
Responses = dict[int | str, Document]

_DEFECT = 500
_INTRODUCTION = (
    "The binary-management protocol, as the embedded registry of signkit speaks it. Requests carry"
    " a token; presigned URLs are the leave by themselves. What each field means, the states of a"
    " binary and the grammar of searches are said in docs/formats/registry-protocol.md."
)
_Sentences = Annotated[list[str], Field(min_length=1)]


class Detail(TypedDict):
    """One sentence."""

    detail: str


class Refusal(TypedDict):
    """What was not done, and why."""

    errors: Detail


class FieldRefusal(TypedDict):
    """What was not done, and which fields are at fault; or one sentence."""

    errors: Detail | Annotated[dict[str, _Sentences], Field(min_length=1)]


_MEANINGS: dict[int, tuple[str, type]] = {
    BAD_REQUEST: ("what was sent is not what was declared", Refusal),
    UNAUTHENTICATED: ("no token, or one that does not count", Refusal),
    FORBIDDEN: (
        "the token does not reach that far, or the URL was changed or has expired",
        Refusal,
    ),
    NOT_FOUND: ("no such resource", Refusal),
    TIMEOUT: ("the sender paused too long", Refusal),
    CONFLICT: ("taken, in use, or not in this state", FieldRefusal),
    LENGTH_REQUIRED: ("no content-length", Refusal),
    TOO_LARGE: ("beyond the limit", Refusal),
    UNSUPPORTED: ("a body that is not sent as it is", Refusal),
    INVALID: ("understood, and wrong", FieldRefusal),
    TOO_MANY: ("asked too often", Refusal),
    _DEFECT: ("a defect of the registry", Refusal),
    UNAVAILABLE: ("the database is busy, or the content store cannot be reached", Refusal),
    DISK_FULL: ("there is no room", Refusal),
}
_HEADERS = {
    UNAUTHENTICATED: {"www-authenticate": {"required": True, "schema": {"type": "string"}}},
    TOO_MANY: {"retry-after": {"required": True, "schema": {"type": "string"}}},
    UNAVAILABLE: {"retry-after": {"required": True, "schema": {"type": "string"}}},
}
_REQUEST_ID = {
    "description": "Stands in the access log.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
}
_EVERYWHERE = {"peridio-request-id": {"$ref": "#/components/headers/peridio-request-id"}}
_VERSION = {
    "name": "x-api-version",
    "in": "header",
    "required": False,
    "description": "Version of the API; bundles differ by it.",
    "schema": {"type": "string", "enum": [VERSION_1, VERSION_2], "default": VERSION_2},
}
_SCHEMES = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "authorization",
        "description": "`Token KEY`",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same key, as `Bearer KEY`."},
}


def one(name: str, view: object) -> type[BaseModel]:
    """Return the type of an answer with one resource under its name."""
    return create_model(f"{_title(name)}Answer", **{name: (view, ...)})  # type: ignore[call-overload,no-any-return]


def page(name: str, view: Any) -> type[BaseModel]:  # noqa: ANN401  (a type, or a union of types)
    """Return the type of an answer with one page of a list, under the resource's plural."""
    fields = {name: (list[view], ...), "next_page": (str | None, ...)}
    return create_model(f"{_title(name)}Page", **fields)  # type: ignore[call-overload,no-any-return]


def _title(name: str) -> str:
    return name.title().replace("_", "")


def refusals(*statuses: int) -> Responses:
    """Return what a route declares of the statuses that it refuses with."""
    return {
        status: {"description": meaning, "model": shape}
        for status, (meaning, shape) in _MEANINGS.items()
        if status in statuses
    }


# Whatever is asked, the disk may be full or the database busy.
ALWAYS = refusals(_DEFECT, UNAVAILABLE, DISK_FULL)
WITH_TOKEN = refusals(UNAUTHENTICATED, FORBIDDEN, INVALID, TOO_MANY) | ALWAYS
WITH_BODY = (TIMEOUT, TOO_LARGE, UNSUPPORTED)


def describe(app: FastAPI, routers: Iterable[APIRouter]) -> Document:
    """Make the description.

    Args:
        app: The application.
        routers: Those that it includes.
    """
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.unique_id = route.name
    document = get_openapi(
        title=app.title,
        version=VERSION_2,
        openapi_version="3.1.0",
        description=_INTRODUCTION,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    with_token = {
        route.path for router in routers for route in router.routes if isinstance(route, ApiRoute)
    }
    document["components"] |= {
        "securitySchemes": _SCHEMES,
        "headers": {"peridio-request-id": _REQUEST_ID},
        "parameters": {"x-api-version": _VERSION},
        "responses": {f"{status}": _refused(status) for status in _MEANINGS},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete(operation, with_token=path in with_token)
    _link(document)
    return document


def _refused(status: int) -> Document:
    """Return what an answer with this status is, the same wherever it is given."""
    meaning, shape = _MEANINGS[status]
    schema = {"$ref": f"#/components/schemas/{shape.__name__}"}
    return {
        "description": meaning,
        "headers": {**_HEADERS.get(status, {}), **_EVERYWHERE},
        "content": {"application/json": {"schema": schema}},
    }


def _complete(operation: Document, *, with_token: bool) -> None:
    """Add what every operation shares, and say what is the same everywhere only once."""
    if with_token:
        operation["security"] = [{scheme: []} for scheme in _SCHEMES]
        version = {"$ref": "#/components/parameters/x-api-version"}
        operation.setdefault("parameters", []).append(version)
    responses = operation["responses"]
    for status, response in responses.items():
        if int(status) in _MEANINGS:
            responses[status] = {"$ref": f"#/components/responses/{status}"}
            continue
        response["headers"] = _EVERYWHERE
        if response["description"] == "Successful Response":
            response["description"] = "done"
    operation["responses"] = dict(sorted(responses.items()))


def _link(document: Document) -> None:
    """Say of each resource that is made what can be done with it by its name."""
    for path, operations in document["paths"].items():
        made = operations.get("post", {}).get("responses", {}).get("201")
        if made is None:
            continue
        schema = made["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        (name,) = document["components"]["schemas"][schema]["properties"]
        made["links"] = {
            operation["operationId"]: {
                "operationId": operation["operationId"],
                "parameters": {"prn": f"$response.body#/{name}/prn"},
            }
            for other, others in document["paths"].items()
            for operation in others.values()
            if other.startswith(f"{path}/{{prn}}")
        }
