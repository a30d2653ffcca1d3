"""What the operator of a registry does to its data folder from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signkit.errors import RegistryError
from signkit.registry import tokens
from signkit.registry.database import Database
from signkit.registry.records import open_records
from signkit.registry.tables import Token
from signkit.registry.views import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it can be listed.

    Attributes:
        name: Its name.
        inserted_at: When it was made, ISO 8601 in UTC.
        revoked_at: When it was revoked, or None.
    """

    name: str
    inserted_at: str
    revoked_at: str | None


def make_token(data: Path, name: str) -> str:
    """Make a token; the data folder is made when it is not there.

    Returns:
        The token, which cannot be had again.

    Raises:
        RegistryError: the folder cannot be used, or the name is taken.
        FormatError: the name is empty, too long or holds control characters.
    """
    with _records(data) as database, database.write() as session:
        return tokens.new_token(session, name)


def list_tokens(data: Path) -> list[TokenRecord]:
    """Return every token, oldest first.

    Raises:
        RegistryError: there is no such data folder, or it cannot be used.
    """
    _check_there(data)
    with _records(data) as database, database.read() as session:
        return [_record(token) for token in tokens.list_tokens(session)]


def revoke_token(data: Path, name: str) -> TokenRecord:
    """Revoke a token; a server that runs refuses it from then on.

    Raises:
        RegistryError: there is no such data folder or token, or the folder cannot be used.
    """
    _check_there(data)
    with _records(data) as database, database.write() as session:
        return _record(tokens.revoke_token(session, name))


def _check_there(data: Path) -> None:
    if not data.is_file() and not (data / "registry.sqlite3").is_file():
        message = f"there is no registry in {data}"
        raise RegistryError(message, hint="make one with signkit registry serve")


@contextmanager
def _records(data: Path) -> Iterator[Database]:
    database = open_records(data)
    try:
        yield database
    finally:
        database.close()


def _record(token: Token) -> TokenRecord:
    revoked = token.revoked_at
    return TokenRecord(
        name=token.name,
        inserted_at=format_time(token.inserted_at),
        revoked_at=None if revoked is None else format_time(revoked),
    )
