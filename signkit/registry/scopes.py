"""What a token may do: four scopes, and the one table of what each request needs.

Every token may read. `upload` brings content in, `attach` brings signatures and bundles in, `admin`
does everything. A request that no line of the table names needs `admin`, so that a route which
somebody adds is closed until a line opens it (control SK-REGISTRY-SCOPE).

Spec: docs/formats/registry-protocol.md section 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from signkit.errors import UsageError


class Scope(StrEnum):
    """One thing that a token may do; every other scope includes READ, and ADMIN all of them."""

    READ = "read"
    UPLOAD = "upload"
    ATTACH = "attach"
    ADMIN = "admin"


Scopes = frozenset[Scope]

_UPLOAD = frozenset({Scope.UPLOAD})
_ATTACH = frozenset({Scope.ATTACH})
# A request may be made with any one of the scopes that stand beside it, or with admin.
_NEEDS = {
    ("POST", "/artifacts"): _UPLOAD,
    ("PATCH", "/artifacts/{prn}"): _UPLOAD,
    ("POST", "/artifact_versions"): _UPLOAD,
    ("PATCH", "/artifact_versions/{prn}"): _UPLOAD,
    ("POST", "/binaries"): _UPLOAD,
    # What each field needs is for the route to say.
    ("PATCH", "/binaries/{prn}"): _UPLOAD | _ATTACH,
    ("PUT", "/binaries/{prn}/parts/{index}"): _UPLOAD,
    ("POST", "/binary_signatures"): _ATTACH,
    ("POST", "/bundles"): _ATTACH,
    ("POST", "/bundle_signatures"): _ATTACH,
}
_NOTHING: Scopes = frozenset()


def needed_scopes(method: str, path: str) -> Scopes:
    """Return the scopes one of which a request needs; none of them but admin where it is empty.

    Args:
        method: Of the request.
        path: The route's, with its parameters in braces.
    """
    if method in {"GET", "HEAD"}:
        return frozenset({Scope.READ})
    return _NEEDS.get((method, path), _NOTHING)


def allows(held: Scopes, needed: Scopes) -> bool:
    """Say whether a token's scopes are enough."""
    return Scope.ADMIN in held or Scope.READ in needed or bool(held & needed)


def read_scopes(words: Iterable[str]) -> Scopes:
    """Read scopes as they are typed.

    Raises:
        UsageError: none, or a word that is no scope.
    """
    scopes = set()
    for word in words:
        if word not in set(Scope):
            message = f"expected a scope, one of {', '.join(Scope)}, got {word[:40]!r}"
            raise UsageError(message)
        scopes.add(Scope(word))
    if not scopes:
        message = "a token without a scope could do nothing"
        raise UsageError(message, hint=f"give --scope: {', '.join(Scope)}")
    return frozenset(scopes)


def format_scopes(scopes: Scopes) -> str:
    """Return scopes as they are kept and shown: in the order of the class, with spaces between."""
    return " ".join(scope for scope in Scope if scope in scopes)
