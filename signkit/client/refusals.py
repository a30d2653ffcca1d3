"""What an error answer means: the sentence for people, and whether to ask again.

What the registry or an object store writes into an error is untrusted text: it is quoted in part,
never acted on beyond the few codes named here.

Spec: registry contract sections 1.3 and 2.6; RFC 9110 section 15.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from signkit.client.answers import parse_answer
from signkit.client.http import Reply
from signkit.client.retry import BusyError
from signkit.errors import MalformedError, StatusError

_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
# An upload address that expired, was replaced or lost its upload: a fresh one may work.
_RENEWABLE = _RETRYABLE | {400, 403, 404, 409, 410, 412, 422}
# What a fresh address does not mend.
_HOPELESS_CODES = frozenset({"SignatureDoesNotMatch", "InvalidAccessKeyId", "RequestTimeTooSkewed"})
_TEXT_LENGTH = 200
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_SERVER_TIME = re.compile(rb"<ServerTime>([0-9TZ:.-]{1,40})</ServerTime>")
_UPLOAD_HINTS = {
    407: "signkit uses no proxy; reach the registry directly",
    413: "the registry's limit is lower than the plan's part size; prepare again",
    429: "the registry asks to slow down; run the command again later",
    500: "run the command again; where it happens again, the registry's log says why",
    507: "the registry's disk is full: make room there, and run the command again",
}
_HINTS = {
    **_UPLOAD_HINTS,
    401: "is the token right, and still valid? see --token-file",
    403: "give another token: `signkit registry token new --scope` makes one that may",
    404: "is the address right, and the name? what belongs to others is not there for this token",
}


def describe_refusal(reply: Reply, what: str) -> StatusError:
    """Return the error for an answer of the registry itself with an error status."""
    text = _registry_text(reply)
    retryable = reply.status in _RETRYABLE
    return _error(reply, f"{what}: {text}", hints=_HINTS, retryable=retryable)


def describe_upload_refusal(reply: Reply, what: str) -> StatusError:
    """Return the error for an upload that did not succeed, whoever answered."""
    matched = _CODE.search(reply.body[:4096])
    code = matched[1].decode("ascii") if matched else ""
    text = f"{what}: {_status_text(reply)}{f' ({code})' if code else ''}"
    if code == "RequestTimeTooSkewed":
        text += _skew(reply)
    retryable = reply.status in _RENEWABLE and code not in _HOPELESS_CODES
    return _error(reply, text, hints=_UPLOAD_HINTS, retryable=retryable)


def is_stored(reply: Reply) -> bool:
    """Say whether an upload's answer means that the part was stored.

    Success is 200 or 201 without a page or an error document: some stores answer 200 and put the
    error into the body, and so does a captive portal.
    """
    return reply.status in {200, 201} and not reply.body.lstrip().startswith(b"<")


def _error(reply: Reply, message: str, *, hints: Mapping[int, str], retryable: bool) -> StatusError:
    hint = hints.get(reply.status)
    if 300 <= reply.status < 400:
        hint = "redirects are not followed; give the address that the registry really has"
    if hint is None and reply.status in _RETRYABLE:
        when = f"in {reply.retry_after:.0f} s, as it asks" if reply.retry_after else "later"
        hint = f"it does not serve just now: run the command again {when}"
    if retryable:
        return BusyError(message, status=reply.status, hint=hint, retry_after=reply.retry_after)
    return StatusError(message, status=reply.status, hint=hint)


def _status_text(reply: Reply) -> str:
    if reply.status in {200, 201}:
        return "answered with a page instead of taking the part; is a portal or proxy in between?"
    return f"refused with status {reply.status}"


def _registry_text(reply: Reply) -> str:
    """Return what the registry says, from the first shape of the contract that fits."""
    try:
        value = parse_answer(reply.body)
    except MalformedError:
        value = None
    return f"{_status_text(reply)}{_said(value)}"


def _said(value: object) -> str:
    if not isinstance(value, Mapping):
        return ""
    errors = value.get("errors", value.get("status"))
    if isinstance(errors, Mapping):
        said = _field_errors(errors)
    elif isinstance(errors, list):
        codes = (error.get("code") for error in errors if isinstance(error, Mapping))
        said = ", ".join(code for code in codes if isinstance(code, str))
    else:
        said = errors if isinstance(errors, str) else ""
    return f": {said[:_TEXT_LENGTH]}" if said else ""


def _field_errors(errors: Mapping[str, object]) -> str:
    detail = errors.get("detail")
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{name}: {_words(words)}" for name, words in errors.items())


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(word) for word in value[:8])
    return str(value)[:_TEXT_LENGTH]


def _skew(reply: Reply) -> str:
    matched = _SERVER_TIME.search(reply.body[:4096])
    theirs = matched[1].decode("ascii") if matched else "unknown"
    ours = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f": this machine's clock says {ours}, the store's {theirs}"
