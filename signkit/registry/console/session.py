"""Who looks: a cookie that names a token for a while, and that only this server can make.

    value = base64url( digest of the token, 32 bytes | end, 8 bytes | HMAC-SHA-256 over both )

The token itself is typed once and stays nowhere: its digest opens nothing without the HMAC. It is
looked up at every page, so that a token that is revoked sees nothing from then on. No server keeps
anything of a session.

Spec: docs/howto/console.md. Control: SK-REGISTRY-CONSOLE (docs/design/assurance.md).
"""

from __future__ import annotations

import struct
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BinasciiError
from hmac import compare_digest, digest

from fastapi import Request
from starlette.responses import Response

from signkit.registry.context import Parts
from signkit.registry.tokens import Caller, find_caller, find_caller_by_digest, token_digest

SECONDS = 2 * 3600
COOKIE = "signkit_console"
PATH = "/console"
_DOMAIN = b"signkit console session v1\n"
_FIELDS = struct.Struct(">32sQ")
_TAG_SIZE = 32
_LONGEST = 128
_OWN_SITE = frozenset({"same-origin", "none"})


def log_in(registry: Parts, token: str) -> str | None:
    """Return the cookie's value for a token, or None where it opens nothing."""
    with registry.database.read() as session:
        if find_caller(session, token) is None:
            return None
    fields = _FIELDS.pack(bytes.fromhex(token_digest(token)), int(time.time()) + SECONDS)
    return urlsafe_b64encode(fields + _tag(fields, registry.secret)).decode("ascii").rstrip("=")


def find_viewer(registry: Parts, request: Request) -> Caller | None:
    """Return who looks, or None: no cookie, one that has ended, or a token that was revoked."""
    named = _parse_cookie(request.cookies.get(COOKIE, ""), registry.secret)
    if named is None:
        return None
    with registry.database.read() as session:
        return find_caller_by_digest(session, named)


def _parse_cookie(text: str, secret: bytes) -> str | None:
    """Return the digest of the token that a cookie names, 64 hex digits."""
    if not text.isascii() or len(text) > _LONGEST:
        return None
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (BinasciiError, ValueError):
        return None
    fields = data[: _FIELDS.size]
    if len(fields) != _FIELDS.size or not compare_digest(
        data[_FIELDS.size :], _tag(fields, secret)
    ):
        return None
    token, end = _FIELDS.unpack(fields)
    return bytes(token).hex() if time.time() < end else None


def _tag(fields: bytes, secret: bytes) -> bytes:
    return digest(secret, _DOMAIN + fields, "sha256")[:_TAG_SIZE]


def set_cookie(response: Response, value: str, *, secure: bool) -> None:
    """Give the cookie to a browser: not to scripts, not to other sites' requests, not for long.

    Args:
        response: The answer.
        value: From `log_in`; empty takes the cookie away.
        secure: Whether the browser came by https.
    """
    response.set_cookie(
        COOKIE,
        value,
        max_age=SECONDS if value else 0,
        path=PATH,
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def is_own(request: Request) -> bool:
    """Say whether a form was sent from a page of this server, as far as the browser says."""
    return request.headers.get("sec-fetch-site", "none") in _OWN_SITE
