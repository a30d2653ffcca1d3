"""Presigned URLs: whoever holds one may do one thing to one piece of content, for a while.

The server signs what the URL allows with HMAC-SHA-256 under its own secret, and checks it without
a look at the database; what the database says is checked as well, when the URL is used.

Spec: docs/formats/registry-protocol.md section 7.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest, digest
from urllib.parse import urlencode
from uuid import UUID

from signkit.registry.problems import FORBIDDEN, RefusedError, refuse
from signkit.registry.store import ContentKey, PartKey

# The fields of each query before its signature, in the order in which they are signed.
PART_FIELDS = ("revision", "size", "hash", "expires")
CONTENT_FIELDS = ("revision", "expires")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartGrant:
    """Leave to send one part.

    Attributes:
        key: Where it is stored; holds the part's digest.
        size: Bytes.
    """

    key: PartKey
    size: int


def presign_part(grant: PartGrant, *, base: str, secret: bytes, seconds: int) -> str:
    """Return the URL to PUT a part to.

    Args:
        grant: What the URL allows.
        base: Scheme, host and port.
        secret: The server's secret.
        seconds: How long from now.
    """
    fields = {
        "revision": str(grant.key.content.revision),
        "size": str(grant.size),
        "hash": grant.key.digest,
        "expires": str(int(time.time()) + seconds),
    }
    path = _part_path(grant.key.content.organization, grant.key.content.binary, grant.key.index)
    return _sign("PUT", path, fields, base=base, secret=secret)


def presign_download(content: ContentKey, *, base: str, secret: bytes, seconds: int) -> str:
    """Return the URL to GET content from."""
    fields = {
        "revision": str(content.revision),
        "expires": str(int(time.time()) + seconds),
    }
    path = _content_path(content.organization, content.binary)
    return _sign("GET", path, fields, base=base, secret=secret)


def check_part_url(
    organization: UUID, binary: UUID, index: int, query: Mapping[str, str], *, secret: bytes
) -> PartGrant:
    """Check the URL that a part is sent to and return what it allows.

    Raises:
        RefusedError: 403, where a field is missing, was changed, or the time is over.
    """
    path = _part_path(organization, binary, index)
    fields = _check("PUT", path, query, PART_FIELDS, secret=secret)
    content = ContentKey(organization=organization, binary=binary, revision=int(fields["revision"]))
    key = PartKey(content=content, index=index, digest=fields["hash"])
    return PartGrant(key=key, size=int(fields["size"]))


def check_download_url(
    organization: UUID, binary: UUID, query: Mapping[str, str], *, secret: bytes
) -> ContentKey:
    """Check the URL that content is fetched from and return what it allows.

    Raises:
        RefusedError: 403, as in `check_part_url`.
    """
    path = _content_path(organization, binary)
    fields = _check("GET", path, query, CONTENT_FIELDS, secret=secret)
    return ContentKey(organization=organization, binary=binary, revision=int(fields["revision"]))


def _content_path(organization: UUID, binary: UUID) -> str:
    return f"/content/{organization}/{binary}"


def _part_path(organization: UUID, binary: UUID, index: int) -> str:
    return f"/upload/{organization}/{binary}/{index}"


def _sign(method: str, path: str, fields: Mapping[str, str], *, base: str, secret: bytes) -> str:
    signature = _signature(method, path, fields, secret)
    return f"{base}{path}?{urlencode({**fields, 'signature': signature})}"


def _check(
    method: str,
    path: str,
    query: Mapping[str, str],
    names: tuple[str, ...],
    *,
    secret: bytes,
) -> Mapping[str, str]:
    fields = {name: query.get(name, "") for name in names}
    expected = _signature(method, path, fields, secret)
    given = query.get("signature", "")
    if not compare_digest(given.encode("utf-8", "replace"), expected.encode("ascii")):
        raise _refuse("the URL's signature does not fit what it asks for")
    # From here on every field is as the server wrote it.
    if int(fields["expires"]) < time.time():
        raise _refuse("the URL has expired; ask for a new one")
    return fields


def _signature(method: str, path: str, fields: Mapping[str, str], secret: bytes) -> str:
    lines = ("signkit presigned url v1", method, path, urlencode(fields))
    return digest(secret, "\n".join(lines).encode("utf-8"), "sha256").hex()


def _refuse(detail: str) -> RefusedError:
    return refuse(FORBIDDEN, detail)
