"""What the operator of a registry does to its data folder from the command line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from signkit.errors import RegistryError
from signkit.model.audit import Actor, ActorKind
from signkit.registry import organizations, tokens
from signkit.registry.audit import acting, list_lines
from signkit.registry.database import Database
from signkit.registry.prn import format_organization_prn
from signkit.registry.records import open_records
from signkit.registry.tables import Artifact, Organization, Token
from signkit.registry.tokens import REMEMBERED_SECONDS, TokenRequest
from signkit.registry.views import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it can be listed; times are ISO 8601 in UTC.

    Attributes:
        name: Its name.
        organization: The name of the organization that it opens.
        scopes: What it may do, in words with spaces between.
        artifacts: Names of the artifacts that it is limited to, or None: every one.
        inserted_at: When it was made.
        expires_at: When it ends, or None.
        revoked_at: When it was revoked, or None.
    """

    name: str
    organization: str
    scopes: str
    artifacts: tuple[str, ...] | None
    inserted_at: str
    expires_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRecord:
    """An organization as it can be listed.

    Attributes:
        name: Its name, which clients never see.
        prn: Its name for clients.
        inserted_at: When it was made, ISO 8601 in UTC.
    """

    name: str
    prn: str
    inserted_at: str


def make_token(data: Path, request: TokenRequest, *, who: str) -> str:
    """Make a token; the data folder is made when it is not there.

    Args:
        data: The data folder.
        request: What the token is to be.
        who: Who does so, as the audit will say.

    Returns:
        The token, which cannot be had again.

    Raises:
        RegistryError: the folder cannot be used, the name is taken, or there is no such
            organization or artifact.
        FormatError: the name is empty, too long or holds control characters.
    """
    with _records(data) as database, _operating(who), database.write() as session:
        organization = organizations.find_organization(session, request.organization)
        return tokens.new_token(session, request, organization)


def list_tokens(data: Path) -> list[TokenRecord]:
    """Return every token, oldest first.

    Raises:
        RegistryError: there is no such data folder, or it cannot be used.
    """
    _check_there(data)
    with _records(data) as database, database.read() as session:
        return [_record(session, token) for token in tokens.list_tokens(session)]


def revoke_token(data: Path, name: str, *, who: str) -> TokenRecord:
    """Revoke a token; every server that runs refuses it when this returns.

    Raises:
        RegistryError: there is no such data folder or token, or the folder cannot be used.
    """
    _check_there(data)
    with _records(data) as database, _operating(who), database.write() as session:
        record = _record(session, tokens.revoke_token(session, name))
    time.sleep(REMEMBERED_SECONDS)
    return record


def make_organization(data: Path, name: str, *, who: str) -> OrganizationRecord:
    """Make an organization; a server that runs knows it from then on.

    Raises:
        RegistryError: the folder cannot be used, or the name is taken.
        FormatError: the name is empty, too long or holds control characters.
    """
    with _records(data) as database, _operating(who), database.write() as session:
        made = organizations.new_organization(session, name)
        session.flush()
        return _show(made)


def list_organizations(data: Path) -> list[OrganizationRecord]:
    """Return every organization, oldest first.

    Raises:
        RegistryError: there is no such data folder, or it cannot be used.
    """
    _check_there(data)
    with _records(data) as database, database.read() as session:
        return [_show(each) for each in organizations.list_organizations(session)]


def export_audit(data: Path, organization: str) -> Iterator[bytes]:
    """Yield the audit of an organization piece by piece, as one file.

    Raises:
        RegistryError: there is no such data folder or organization, or it cannot be used.
    """
    _check_there(data)
    with _records(data) as database, database.read() as session:
        found = organizations.find_organization(session, organization)
        yield from list_lines(session, found)


def _check_there(data: Path) -> None:
    if not data.is_file() and not (data / "registry.sqlite3").is_file():
        message = f"there is no registry in {data}"
        raise RegistryError(message, hint="make one with signkit registry serve")


def _operating(who: str) -> AbstractContextManager[None]:
    return acting(Actor(kind=ActorKind.OPERATOR, name=who))


@contextmanager
def _records(data: Path) -> Iterator[Database]:
    database = open_records(data)
    try:
        yield database
    finally:
        database.close()


def _record(session: Session, token: Token) -> TokenRecord:
    limit = tokens.limited_to(token.artifacts)
    names = None
    if limit is not None:
        query = select(Artifact.name).where(
            Artifact.organization_row == token.user.organization_row, Artifact.id.in_(limit)
        )
        names = tuple(sorted(session.scalars(query)))
    return TokenRecord(
        name=token.name,
        organization=token.user.organization.name,
        scopes=token.scopes,
        artifacts=names,
        inserted_at=format_time(token.inserted_at),
        expires_at=_time(token.expires_at),
        revoked_at=_time(token.revoked_at),
    )


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else format_time(microseconds)


def _show(row: Organization) -> OrganizationRecord:
    return OrganizationRecord(
        name=row.name,
        prn=format_organization_prn(row.id),
        inserted_at=format_time(row.inserted_at),
    )
