"""What the registry's description says of an answer, compared with the answer that was given.

Every raw client of the tests asks it, so that each test of the registry is also one of the
description: a status, a field or a value that is not declared fails wherever it first shows.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx

Schema = dict[str, Any]

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


@cache
def document() -> Schema:
    """The description as it is committed."""
    value: Schema = json.loads(DOCUMENT.read_text("utf-8"))
    return value


@cache
def _templates() -> list[tuple[re.Pattern[str], Schema]]:
    pairs = document()["paths"].items()
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), methods) for path, methods in pairs]


def operation(method: str, path: str) -> Schema | None:
    """What is declared of a request, or None where nothing is."""
    path = re.sub("//+", "/", path)
    for pattern, methods in _templates():
        if pattern.fullmatch(path):
            found: Schema | None = methods.get(method.lower())
            return found
    return None


def check_declared(answer: httpx.Response) -> None:
    """Fail where an answer is not one that the description declares for its request."""
    request = answer.request
    declared = operation(request.method, request.url.raw_path.decode().partition("?")[0])
    if declared is None:
        assert answer.status_code in {404, 405, 200}, "nothing is declared here"
        return
    where = f"{request.method} {request.url.path} {answer.status_code}"
    response = declared["responses"].get(str(answer.status_code))
    assert response is not None, f"{where}: the status is not declared"
    response = _resolved(response)
    for name in response.get("headers", {}):
        assert name in answer.headers, f"{where}: no header {name}"
    content = response.get("content", {})
    kind = answer.headers.get("content-type")
    assert (kind or None) == next(iter(content), None), f"{where}: content-type {kind}"
    if kind == "application/json" and request.method != "HEAD":
        wrong = list(_wrong(answer.json(), content[kind]["schema"], "answer"))
        assert not wrong, (where, wrong)


def _resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        _, *steps = schema["$ref"].split("/")
        schema = document()
        for step in steps:
            schema = schema[step]
    return schema


def _wrong(value: object, schema: Schema, where: str) -> list[str]:
    """Return what of a value is not as its schema says; fields that it does not name are wrong."""
    schema = _resolved(schema)
    if "anyOf" in schema:
        tried = [_wrong(value, each, where) for each in schema["anyOf"]]
        return [] if [] in tried else [problem for each in tried for problem in each]
    kind = schema.get("type")
    if kind is not None and not (
        isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    ):
        return [f"{where}: expected {kind}, got {value!r}"]
    if value not in schema.get("enum", [value]):
        return [f"{where}: got {value!r}"]
    if isinstance(value, str):
        fits = re.search(schema.get("pattern", ""), value)
        return [] if fits else [f"{where}: {value!r} does not fit {schema['pattern']}"]
    if isinstance(value, int):
        return [] if value >= schema.get("minimum", value) else [f"{where}: {value} is too small"]
    if isinstance(value, list):
        return [
            problem
            for place, member in enumerate(value)
            for problem in _wrong(member, schema["items"], f"{where}[{place}]")
        ]
    return _wrong_fields(value, schema, where) if isinstance(value, dict) else []


def _wrong_fields(value: dict[str, Any], schema: Schema, where: str) -> list[str]:
    fields = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    wrong = [
        f"{where}.{name} is missing" for name in schema.get("required", ()) if name not in value
    ]
    for name, member in value.items():
        if name in fields:
            wrong += _wrong(member, fields[name], f"{where}.{name}")
        elif others is False:
            wrong.append(f"{where}.{name} is not declared")
        elif others is not True:
            wrong += _wrong(member, others, f"{where}.{name}")
    return wrong
