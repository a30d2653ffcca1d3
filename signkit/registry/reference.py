"""The OpenAPI document as one page for people: HTML that asks for nothing else, and no script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from typing import Any

_Document = dict[str, Any]

_STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: #1b1b1b; background: #fff; }
h2 { margin-top: 3rem; border-bottom: 2px solid #1b1b1b; }
h3 { margin: 2rem 0 0; }
code { font: 0.95em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: 0.2rem 0.8rem 0.2rem 0; text-align: left;
  vertical-align: top; }
nav a { display: inline-block; margin-right: 1rem; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616; }
  a { color: #8ab4f8; }
  h2 { border-color: #e6e6e6; }
  th, td { border-color: #444; }
}
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode("utf-8")).digest()).decode("ascii")
STYLE_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
"""The Content-Security-Policy under which the page is shown: its own style and nothing else."""


def reference_page(document: _Document) -> str:
    """Return the page.

    Args:
        document: From `description.describe`.
    """
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    tags = list(dict.fromkeys(operation["tags"][0] for _, _, operation in operations))
    title = escape(document["info"]["title"])
    answers = document["components"]["responses"]
    body = [
        f"<h1>{title}</h1><p>{escape(document['info']['description'])}</p>",
        '<p>The same for programs: <a href="openapi.json">openapi.json</a></p>',
        "<nav>",
        *(f'<a href="#{escape(tag)}">{escape(tag)}</a> ' for tag in (*tags, "shapes")),
        "</nav>",
    ]
    for tag in tags:
        body.append(f'<h2 id="{escape(tag)}">{escape(tag)}</h2>')
        body += [_operation(*each, answers) for each in operations if each[2]["tags"][0] == tag]
    body.append('<h2 id="shapes">shapes</h2>')
    body += [_shape(name, shape) for name, shape in document["components"]["schemas"].items()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>"
    )


def _operation(method: str, path: str, operation: _Document, answers: _Document) -> str:
    parameters = [each for each in operation.get("parameters", ()) if "name" in each]
    responses = {
        status: answers[status] if "$ref" in said else said
        for status, said in operation["responses"].items()
    }
    return "".join(
        [
            f'<h3 id="{escape(operation["operationId"])}">',
            f"<code>{method.upper()} {escape(path)}</code></h3>",
            f"<p>{escape(operation['description'])}</p>",
            _table(
                ("parameter", "in", "type"),
                ((each["name"], each["in"], _type(each["schema"])) for each in parameters),
            ),
            _body(operation.get("requestBody")),
            _table(
                ("status", "meaning", "answer"),
                (
                    (status, said["description"], _content(said))
                    for status, said in responses.items()
                ),
            ),
        ]
    )


def _body(body: _Document | None) -> str:
    return "" if body is None else f"<p>Body: {_content(body)}</p>"


def _content(carrier: _Document) -> str:
    """Return what a body or an answer holds, as HTML."""
    kinds = carrier.get("content", {}).items()
    return ", ".join(
        _type(media.get("schema", {})) if kind == "application/json" else escape(kind)
        for kind, media in kinds
    )


def _shape(name: str, shape: _Document) -> str:
    required = set(shape.get("required", ()))
    rows = (
        (field, _type(schema), "yes" if field in required else "no")
        for field, schema in shape.get("properties", {}).items()
    )
    return "".join(
        [
            f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3>',
            f"<p>{escape(shape.get('description', ''))}</p>",
            "" if "properties" in shape else f"<p>{_type(shape)}</p>",
            _table(("field", "type", "always there"), rows),
        ]
    )


def _type(schema: _Document) -> str:
    """Return a type in a few words, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    bounds = ("format", "pattern", "minLength", "maxLength", "minimum", "maximum", "default")
    said = "".join(
        f", {name} <code>{escape(str(schema[name]))}</code>" for name in bounds if name in schema
    )
    return f"{escape(str(schema.get('type', 'any JSON')))}{said}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table whose last cells are HTML already, or nothing where there is no row."""
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
