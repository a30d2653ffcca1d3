"""`signkit show`: any of the documents, rendered as the station renders it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signkit.cli import output
from signkit.cli.review import HtmlFile, write_page
from signkit.errors import MalformedError, UsageError

_HINT = "`signkit show` reads requests, responses (also combined ones), statements and trust roots"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("show", help="Show a document as the station shows it.")(show)


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Request, response, ...")],
    *,
    html: HtmlFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what it says as JSON.")] = False,
) -> None:
    """Show one document; its own signature is checked, who may sign is not."""
    from signkit.formats.files import read_file
    from signkit.verify import limits

    data = read_file(file, limit=limits.RESPONSE_SIZE, what="document")
    value, text = _render(data, file.name, html)
    output.show_result(value, text, as_json=as_json)


def _render(data: bytes, name: str, html: Path | None) -> tuple[dict[str, object], str]:
    from signkit.formats import combined, request, response
    from signkit.verify import limits, statement, trust
    from signkit.verify.encoding import Fields, parse_json

    if combined.is_combined(data):
        _check_no_page(html, name)
        return _combined(data, name)
    document = Fields(parse_json(data, limit=limits.RESPONSE_SIZE, what="document"), "document")
    kind = document.text("payloadType") if document.has("payloadType") else ""
    if kind == request.PAYLOAD_TYPE:
        return _request(data, name, html)
    renderers = {
        response.PAYLOAD_TYPE: _response,
        statement.PAYLOAD_TYPE: _statement,
        trust.PAYLOAD_TYPE: _trust,
    }
    if kind not in renderers:
        message = f"{name}: expected the payloadType of a signkit document, got {kind!r:.80}"
        raise MalformedError(message, hint=_HINT)
    _check_no_page(html, name)
    return renderers[kind](data, name)


def _check_no_page(html: Path | None, name: str) -> None:
    if html is not None:
        message = f"--html: {name} is no request, and only of requests there is a page"
        raise UsageError(message, hint="leave --html out")


def _request(data: bytes, name: str, html: Path | None) -> tuple[dict[str, object], str]:
    from signkit.formats.request import encode_request, open_request
    from signkit.station.delta import compute_delta
    from signkit.station.review import Review
    from signkit.station.review_text import review_request
    from signkit.station.review_value import review_value

    verified = open_request(data)
    review = Review(verified=verified, name=name, delta=compute_delta(verified.request))
    if html is not None:
        write_page(html, review, replace=False)
    value = {
        "document": "request",
        "sha256": verified.digest.hex(),
        "requester_keyid": verified.requester_key.keyid,
        "request": _value(encode_request(verified.request)),
        "review": review_value(review),
    }
    return value, review_request(review)


def _response(data: bytes, name: str) -> tuple[dict[str, object], str]:
    from signkit.cli.render import render_response
    from signkit.formats.response import encode_response, open_response

    verified = open_response(data)
    value = {
        "document": "response",
        "sha256": verified.digest.hex(),
        "station_keyid": verified.station_key.keyid,
        "response": _value(encode_response(verified.response)),
    }
    return value, render_response(verified, name=name)


def _combined(data: bytes, name: str) -> tuple[dict[str, object], str]:
    from signkit.cli.render import render_answer
    from signkit.formats.combined import open_answer

    answer = open_answer(data)
    value = {
        "document": "combined response",
        "sha256": answer.digest.hex(),
        "combined": _value(data),
    }
    return value, render_answer(answer, name=name)


def _statement(data: bytes, _name: str) -> tuple[dict[str, object], str]:
    from signkit.cli.render import render_statement
    from signkit.formats.statement import read_statement_unverified

    said, keyids, payload = read_statement_unverified(data)
    value = {"document": "statement", "verified": False, "keyids": list(keyids)}
    value["statement"] = _value(payload)
    return value, render_statement(said, keyids, verified=False)


def _trust(data: bytes, _name: str) -> tuple[dict[str, object], str]:
    from signkit.cli.trust import describe
    from signkit.formats.trust import parse_draft

    return describe(parse_draft(data))


def _value(data: bytes) -> object:
    from signkit.verify import limits
    from signkit.verify.encoding import parse_json

    return parse_json(data, limit=limits.RESPONSE_SIZE, what="document")
