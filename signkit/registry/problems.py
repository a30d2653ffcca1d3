"""What the registry answers when it does not do what was asked, and the one table of statuses.

Two bodies, both of which the contract's clients read (contract section 1.3):

    {"errors": {"detail": "text"}}
    {"errors": {"field": ["text", ...], ...}}
"""

from __future__ import annotations

from collections.abc import Mapping

from signkit.errors import RegistryError

BAD_REQUEST = 400
UNAUTHENTICATED = 401
FORBIDDEN = 403
NOT_FOUND = 404
METHOD_NOT_ALLOWED = 405
TIMEOUT = 408
CONFLICT = 409
LENGTH_REQUIRED = 411
TOO_LARGE = 413
UNSUPPORTED = 415
INVALID = 422
TOO_MANY = 429
UNAVAILABLE = 503
DISK_FULL = 507


class RefusedError(RegistryError):
    """A request that is refused.

    Attributes:
        status: The HTTP status.
        errors: What stands under "errors".
        headers: Headers of the answer.
    """

    code = "request-refused-by-registry"

    def __init__(
        self,
        status: int,
        errors: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.status = status
        self.errors = dict(errors)
        self.headers = dict(headers or {})


def refuse(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> RefusedError:
    """Return a problem with one sentence."""
    return RefusedError(status, {"detail": detail}, headers=headers)


def refuse_field(name: str, text: str, *, status: int = INVALID) -> RefusedError:
    """Return a problem with one field."""
    return RefusedError(status, {name: [text]})
