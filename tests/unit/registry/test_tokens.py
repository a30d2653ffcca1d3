from __future__ import annotations

import pytest
from sqlalchemy import select

from signkit.errors import MalformedError, RegistryError, TooLargeError
from signkit.registry import tokens
from signkit.registry.database import Database, migrate
from signkit.registry.tables import Token, User


@pytest.fixture
def session(tmp_path):
    database = Database(tmp_path / "registry.sqlite3")
    migrate(database)
    with database.write() as session:
        tokens.ensure_organization(session)
        yield session
    database.close()


def test_one_organization(session):
    tokens.ensure_organization(session)
    assert len(session.scalars(select(User)).all()) == 1


def test_only_the_digest_is_kept(session):
    token = tokens.new_token(session, "ci")
    (row,) = session.scalars(select(Token))
    assert len(token) == 4 + 64
    assert len(row.hash) == 64
    assert token[4:] not in {row.hash, row.name}


def test_who_holds_it(session):
    token = tokens.new_token(session, "ci")
    caller = tokens.find_caller(session, token)
    assert caller is not None
    assert (caller.username, caller.email) == ("operator", "operator@localhost")


@pytest.mark.parametrize("token", ["", "x", "skr_" + "0" * 64, "\udcff", "ü", "x" * 257])
def test_what_is_no_token(session, token):
    tokens.new_token(session, "ci")
    assert tokens.find_caller(session, token) is None


def test_revoked_once_and_for_all(session):
    token = tokens.new_token(session, "ci")
    first = tokens.revoke_token(session, "ci").revoked_at
    assert tokens.revoke_token(session, "ci").revoked_at == first
    assert tokens.find_caller(session, token) is None
    with pytest.raises(RegistryError, match="already"):
        tokens.new_token(session, "ci")


def test_names(session):
    with pytest.raises(MalformedError):
        tokens.new_token(session, "")
    with pytest.raises(TooLargeError):
        tokens.new_token(session, "x" * 129)
    with pytest.raises(RegistryError, match="no token named 'y'"):
        tokens.revoke_token(session, "y")
