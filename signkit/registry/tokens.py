"""API keys: made here, shown once, kept as SHA-256 only.

A token is 256 random bits, so its plain SHA-256 cannot be guessed from the database, and looking
it up by that digest tells nothing about other tokens.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import RegistryError
from signkit.registry.tables import Organization, Token, User, now
from signkit.verify.encoding import check_text
from signkit.verify.limits import LABEL_LENGTH

_TOKEN_SIZE = 32
_PREFIX = "skr_"
_LONGEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request.

    Attributes:
        organization_row: The organization's row: every query is bound to it.
        organization: The organization's id.
        username, email: The user that the token belongs to.
    """

    organization_row: int
    organization: UUID
    username: str
    email: str


def ensure_organization(session: Session) -> None:
    """Make the one organization and its user on first start."""
    if session.scalar(select(Organization.row).limit(1)) is None:
        organization = Organization(name="default")
        session.add(organization)
        session.flush()
        user = User(username="operator", email="operator@localhost")
        user.organization_row = organization.row
        session.add(user)


def new_token(session: Session, name: str) -> str:
    """Make a token.

    Args:
        session: A writing session.
        name: Under which it is listed and revoked, 1 to 128 characters.

    Returns:
        The token; it cannot be had again.

    Raises:
        MalformedError, TooLargeError: the name is empty, too long or holds control characters.
        RegistryError: the name is taken.
    """
    check_text(name, what="token name", limit=LABEL_LENGTH)
    if session.scalar(select(Token.row).where(Token.name == name)) is not None:
        message = f"there is a token named {name!r} already"
        raise RegistryError(message, hint="choose another name; a revoked one stays taken")
    token = _PREFIX + secrets.token_hex(_TOKEN_SIZE)
    user_row = session.scalars(select(User.row).order_by(User.row)).first()
    session.add(Token(user_row=user_row, name=name, hash=token_digest(token)))
    return token


def list_tokens(session: Session) -> list[Token]:
    """Return every token, also the revoked ones, oldest first."""
    return list(session.scalars(select(Token).order_by(Token.row)))


def revoke_token(session: Session, name: str) -> Token:
    """Revoke a token, at once and for good.

    Raises:
        RegistryError: no token has the name.
    """
    token = session.scalar(select(Token).where(Token.name == name))
    if token is None:
        message = f"there is no token named {name!r}"
        raise RegistryError(message, hint="see signkit registry token list")
    token.revoked_at = token.revoked_at or now()
    return token


def find_caller(session: Session, token: str) -> Caller | None:
    """Return whose token it is, or None when it is unknown or revoked."""
    return None if len(token) > _LONGEST else find_caller_by_digest(session, token_digest(token))


def find_caller_by_digest(session: Session, digest: str) -> Caller | None:
    """Return whose token has a digest, as `find_caller`; whoever asks vouches that it was shown."""
    found = session.scalar(select(Token).where(Token.hash == digest, Token.revoked_at.is_(None)))
    if found is None:
        return None
    user = found.user
    return Caller(
        organization_row=user.organization_row,
        organization=user.organization.id,
        username=user.username,
        email=user.email,
    )


def token_digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256, 64 hex digits."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
