"""API keys: made here, shown once, kept as SHA-256 only (control SK-REGISTRY-TOKEN).

A token is 256 random bits, so its plain SHA-256 cannot be guessed from the database, and looking
it up by that digest tells nothing about other tokens.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from signkit.errors import RegistryError
from signkit.registry.scopes import Scopes, format_scopes, read_scopes
from signkit.registry.tables import Artifact, Organization, Token, User, now
from signkit.verify.encoding import check_text
from signkit.verify.limits import LABEL_LENGTH

REMEMBERED_SECONDS = 1.0
"""How long a server may go on believing that a token is good (`callers`)."""

_TOKEN_SIZE = 32
_PREFIX = "skr_"
_LONGEST = 256
_MOST_ARTIFACTS = 250  # all of them stand in one line of the audit


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request.

    Attributes:
        organization_row: The organization's row: every query is bound to it.
        organization: The organization's id.
        username, email: The user that the token belongs to.
        token: The token's name.
        scopes: What it may do.
        artifacts: Ids of the artifacts that it is limited to, or None: every one.
        expires_at: When the token ends, in microseconds since 1970, or None: never.
    """

    organization_row: int
    organization: UUID
    username: str
    email: str
    token: str
    scopes: Scopes
    artifacts: frozenset[UUID] | None
    expires_at: int | None

    def lasts(self, moment: int) -> bool:
        """Say whether the token has not ended at a time in microseconds since 1970."""
        return self.expires_at is None or self.expires_at > moment


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token that is to be made.

    Attributes:
        name: Under which it is listed and revoked, 1 to 128 characters.
        organization: The name of the organization that it opens.
        scopes: What it may do.
        artifacts: Names of artifacts that it is limited to; none: every one, also those to come.
        expires: When it ends, `YYYY-MM-DDThh:mm:ssZ`, or None.
    """

    name: str
    organization: str
    scopes: Scopes
    artifacts: Collection[str] = ()
    expires: str | None = None


def new_token(session: Session, request: TokenRequest, organization: Organization) -> str:
    """Make a token.

    Args:
        session: A writing session.
        request: What it is to be.
        organization: The one that the request names.

    Returns:
        The token; it cannot be had again.

    Raises:
        MalformedError, TooLargeError: the name is empty, too long or holds control characters.
        RegistryError: the name is taken, or there is no such artifact, or there are too many.
    """
    check_text(request.name, what="token name", limit=LABEL_LENGTH)
    if session.scalar(select(Token.row).where(Token.name == request.name)) is not None:
        message = f"there is a token named {request.name!r} already"
        raise RegistryError(message, hint="choose another name; a revoked one stays taken")
    token = _PREFIX + secrets.token_hex(_TOKEN_SIZE)
    user = select(User).where(User.organization_row == organization.row).order_by(User.row)
    session.add(
        Token(
            user=session.scalars(user).first(),
            name=request.name,
            hash=token_digest(token),
            scopes=format_scopes(request.scopes),
            artifacts=_find_artifacts(session, request.artifacts, organization),
            expires_at=None if request.expires is None else _microseconds(request.expires),
        )
    )
    return token


def _find_artifacts(
    session: Session, names: Collection[str], organization: Organization
) -> str | None:
    if not names:
        return None
    if len(set(names)) > _MOST_ARTIFACTS:
        message = (
            f"a token is limited to at most {_MOST_ARTIFACTS} artifacts, got {len(set(names))}"
        )
        raise RegistryError(message, hint="make several tokens, or one that is not limited")
    ids = []
    for name in dict.fromkeys(names):
        found = session.scalar(
            select(Artifact.id).where(
                Artifact.organization_row == organization.row, Artifact.name == name
            )
        )
        if found is None:
            message = f"there is no artifact named {name!r} in {organization.name!r}"
            raise RegistryError(message, hint="a token is limited to artifacts that are there")
        ids.append(found.hex)
    return " ".join(ids)


def _microseconds(text: str) -> int:
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000


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
    """Return whose token it is, or None when it is unknown, revoked or past its end."""
    return None if len(token) > _LONGEST else find_caller_by_digest(session, token_digest(token))


def find_caller_by_digest(session: Session, digest: str) -> Caller | None:
    """Return whose token has a digest, as `find_caller`; whoever asks vouches that it was shown."""
    found = session.execute(_CALLER, {"digest": digest, "now": now()}).first()
    if found is None:
        return None
    row, organization, username, email, name, scopes, artifacts, expires_at = found
    return Caller(
        organization_row=row,
        organization=organization,
        username=username,
        email=email,
        token=name,
        scopes=read_scopes(scopes.split()),
        artifacts=limited_to(artifacts),
        expires_at=expires_at,
    )


# Every request asks it: columns alone cost a third of what records do.
_CALLER = (
    select(
        Organization.row,
        Organization.id,
        User.username,
        User.email,
        Token.name,
        Token.scopes,
        Token.artifacts,
        Token.expires_at,
    )
    .join(User, User.row == Token.user_row)
    .join(Organization, Organization.row == User.organization_row)
    .where(
        Token.hash == bindparam("digest"),
        Token.revoked_at.is_(None),
        or_(Token.expires_at.is_(None), Token.expires_at > bindparam("now")),
    )
)


def limited_to(artifacts: str | None) -> frozenset[UUID] | None:
    """Return the ids of the artifacts that a token is limited to, or None: every one.

    Args:
        artifacts: As the token's record holds them.
    """
    return None if artifacts is None else frozenset(UUID(text) for text in artifacts.split())


def token_digest(token: str) -> str:
    """Return what is kept of a token: its SHA-256, 64 hex digits."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
