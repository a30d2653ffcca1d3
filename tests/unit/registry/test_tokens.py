from __future__ import annotations

import pytest
from sqlalchemy import select

from signkit.errors import MalformedError, RegistryError, TooLargeError, UsageError
from signkit.registry import organizations, tokens
from signkit.registry.database import Database, migrate
from signkit.registry.scopes import Scope, allows, format_scopes, needed_scopes, read_scopes
from signkit.registry.tables import Artifact, Token, User
from signkit.registry.tokens import TokenRequest

ADMIN = frozenset({Scope.ADMIN})


@pytest.fixture
def session(tmp_path):
    database = Database(tmp_path / "registry.sqlite3")
    migrate(database)
    with database.write() as session:
        organizations.ensure_organization(session)
        yield session
    database.close()


def make(session, name="ci", organization="default", **changes):
    asked = {"name": name, "organization": organization, "scopes": ADMIN, **changes}
    found = organizations.find_organization(session, organization)
    return tokens.new_token(session, TokenRequest(**asked), found)


def test_one_organization(session):
    organizations.ensure_organization(session)
    assert len(session.scalars(select(User)).all()) == 1


def test_only_the_digest_is_kept(session):
    token = make(session)
    (row,) = session.scalars(select(Token))
    assert len(token) == 4 + 64
    assert len(row.hash) == 64
    assert token[4:] not in {row.hash, row.name}


def test_who_holds_it(session):
    caller = tokens.find_caller(session, make(session, scopes=frozenset({Scope.UPLOAD})))
    assert caller is not None
    assert (caller.username, caller.email) == ("operator", "operator@localhost")
    assert (caller.token, format_scopes(caller.scopes)) == ("ci", "upload")
    assert caller.artifacts is None


@pytest.mark.parametrize("token", ["", "x", "skr_" + "0" * 64, "\udcff", "ü", "x" * 257])
def test_what_is_no_token(session, token):
    make(session)
    assert tokens.find_caller(session, token) is None


def test_revoked_once_and_for_all(session):
    token = make(session)
    first = tokens.revoke_token(session, "ci").revoked_at
    assert tokens.revoke_token(session, "ci").revoked_at == first
    assert tokens.find_caller(session, token) is None
    with pytest.raises(RegistryError, match="already"):
        make(session)


def test_a_token_ends(session):
    lasting = make(session, "lasting", expires="2999-12-31T23:59:59Z")
    over = make(session, "over", expires="1970-01-01T00:00:01Z")
    assert [token.expires_at for token in tokens.list_tokens(session)][1] == 1_000_000
    assert tokens.find_caller(session, lasting) is not None
    assert tokens.find_caller(session, over) is None


def test_names(session):
    with pytest.raises(MalformedError):
        make(session, "")
    with pytest.raises(TooLargeError):
        make(session, "x" * 129)
    with pytest.raises(RegistryError, match="no token named 'y'"):
        tokens.revoke_token(session, "y")


def test_limits_name_what_is_there(session):
    owner = organizations.find_organization(session, "default")
    artifact = Artifact(organization_row=owner.row, name="model")
    session.add(artifact)
    token = make(session, artifacts=["model", "model"])
    caller = tokens.find_caller(session, token)
    assert caller is not None
    assert caller.artifacts == frozenset({artifact.id})
    with pytest.raises(RegistryError, match="no artifact named 'other' in 'default'"):
        make(session, "more", artifacts=["model", "other"])


def test_a_limit_has_a_limit(session):
    with pytest.raises(RegistryError, match="at most 250 artifacts, got 251"):
        make(session, artifacts=[str(number) for number in range(251)])


def test_an_artifact_of_another_organization_is_none(session):
    other = organizations.new_organization(session, "other")
    session.add(Artifact(organization_row=other.row, name="theirs"))
    with pytest.raises(RegistryError, match="no artifact named 'theirs' in 'default'"):
        make(session, artifacts=["theirs"])


def test_a_limit_outlives_its_artifact(session):
    """What an artifact's removal takes away never opens the others."""
    owner = organizations.find_organization(session, "default")
    artifact = Artifact(organization_row=owner.row, name="model")
    session.add(artifact)
    token = make(session, artifacts=["model"])
    session.delete(artifact)
    session.flush()
    caller = tokens.find_caller(session, token)
    assert caller is not None
    assert caller.artifacts is not None


def test_a_token_opens_the_organization_that_it_was_made_for(session):
    other = organizations.new_organization(session, "other")
    caller = tokens.find_caller(session, make(session, organization="other"))
    assert caller is not None
    assert (caller.organization_row, caller.organization) == (other.row, other.id)
    assert caller.username == "operator@other"


def test_names_of_organizations(session):
    with pytest.raises(RegistryError, match="an organization named 'default' already"):
        organizations.new_organization(session, "default")
    with pytest.raises(RegistryError, match="no organization named 'nowhere'"):
        organizations.find_organization(session, "nowhere")
    with pytest.raises(MalformedError):
        organizations.new_organization(session, "a\nb")
    with pytest.raises(TooLargeError):
        organizations.new_organization(session, "x" * 101)


@pytest.mark.parametrize("words", [[], ["write"], ["read", "ADMIN"], [""]])
def test_what_is_no_scope(words):
    with pytest.raises(UsageError):
        read_scopes(words)


def test_scopes_have_one_order():
    assert format_scopes(read_scopes(["admin", "read", "upload", "read"])) == "read upload admin"


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/artifacts", {"read"}),
        ("HEAD", "/what/comes/later", {"read"}),
        ("POST", "/binaries", {"upload"}),
        ("PATCH", "/binaries/{prn}", {"upload", "attach"}),
        ("POST", "/binary_signatures", {"attach"}),
        ("POST", "/signing_keys", set()),
        ("DELETE", "/artifacts/{prn}", set()),
        ("POST", "/what/comes/later", set()),
    ],
)
def test_what_requests_need(method, path, needed):
    assert needed_scopes(method, path) == needed


@pytest.mark.parametrize(
    ("held", "needed", "enough"),
    [
        ("read", {"read"}, True),
        ("upload", {"read"}, True),
        ("read", {"upload"}, False),
        ("upload", {"attach"}, False),
        ("attach", {"upload", "attach"}, True),
        ("upload attach", set(), False),
        ("admin", set(), True),
        ("admin", {"upload"}, True),
    ],
)
def test_what_is_enough(held, needed, enough):
    wanted = frozenset(map(Scope, needed))
    assert allows(read_scopes(held.split()), wanted) is enough
