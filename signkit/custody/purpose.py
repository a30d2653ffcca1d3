"""Does a use of a key lie within its purpose? One check for each field, each with its sentence.

Spec: docs/formats/sealed-key.md section 3.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from signkit.errors import KeyUseDeniedError
from signkit.model.purpose import Purpose
from signkit.verify.trust import matches_glob

_HINT = "signkit keys show says what the key is for; another use needs another key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One signature that a key is asked for.

    Attributes:
        scheme: What is signed, a name of the table of schemes.
        artifact: The artifact's name.
        target: The target.
        roles: The roles that the request wants this signature from.
        now: RFC 3339 UTC text, by the station's clock.
        number: The signature's place in this ceremony, from 1.
    """

    scheme: str
    artifact: str
    target: str
    roles: Collection[str]
    now: str
    number: int


def check_use(name: str, purpose: Purpose, use: Use) -> None:
    """Check one use of a key against its purpose.

    Args:
        name: What people call the key.
        purpose: What its file says.
        use: What it is asked for.

    Raises:
        KeyUseDeniedError: the key is not for this; the message says in which respect.
    """
    for why in (
        _check_scheme(purpose, use),
        _check_role(purpose, use),
        _check_scope("artifact", purpose.artifacts, use.artifact),
        _check_scope("target", purpose.targets, use.target),
        _check_window(purpose, use.now),
        _check_count(purpose, use.number),
    ):
        if why:
            message = f"the key {name} is not for this: {why}"
            raise KeyUseDeniedError(message, hint=_HINT)


def _check_scheme(purpose: Purpose, use: Use) -> str | None:
    if purpose.schemes is None or use.scheme in purpose.schemes:
        return None
    return f"expected the scheme {' or '.join(purpose.schemes)}, got {use.scheme}"


def _check_role(purpose: Purpose, use: Use) -> str | None:
    if purpose.role is None or purpose.role in use.roles:
        return None
    wanted = ", ".join(map(repr, use.roles)) or "none"
    return f"its role is {purpose.role!r}, and the request wants {use.scheme} of {wanted}"


def _check_scope(what: str, globs: tuple[str, ...], text: str) -> str | None:
    if any(matches_glob(glob, text) for glob in globs):
        return None
    return f"expected the {what} {' or '.join(globs)}, got {text!r}"


def _check_window(purpose: Purpose, now: str) -> str | None:
    if purpose.not_before is not None and now < purpose.not_before:
        return f"it may sign from {purpose.not_before} on, and it is {now}"
    if purpose.not_after is not None and now >= purpose.not_after:
        return f"it might sign until {purpose.not_after}, and it is {now}"
    return None


def _check_count(purpose: Purpose, number: int) -> str | None:
    if purpose.most_signatures is None or number <= purpose.most_signatures:
        return None
    return f"a ceremony is limited to {purpose.most_signatures} signatures, and this is {number}"
