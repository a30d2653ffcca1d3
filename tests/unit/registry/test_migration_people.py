"""From the steps before tokens had scopes: nothing is lost, and nobody may do less."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import column, insert, table, text

from signkit.registry import organizations, tokens
from signkit.registry.database import Database, migrate
from signkit.registry.scopes import format_scopes

TOKEN = "skr_" + "7" * 64


def put(session, name, /, **values):
    """Insert a row as it was before the classes of today."""
    values = {"inserted_at": 1, "updated_at": 1, **values}
    session.execute(insert(table(name, *map(column, values))), values)


@pytest.fixture(params=["0001", "0002"])
def database(request, tmp_path):
    """A database at an earlier step, with an organization, a user, tokens and an artifact in it."""
    made = Database(tmp_path / "registry.sqlite3")
    config = Config()
    config.set_main_option("script_location", "signkit.registry:migrations")
    with made.engine.execution_options(signkit_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, request.param)
    with made.write() as session:
        put(session, "organizations", id=f"{1:032x}", name="default")
        put(session, "users", id=f"{2:032x}", organization_row=1, username="operator", email="o@l")
        put(
            session,
            "tokens",
            id=f"{3:032x}",
            user_row=1,
            name="old",
            hash=tokens.token_digest(TOKEN),
        )
        put(session, "tokens", id=f"{4:032x}", user_row=1, name="gone", hash="0", revoked_at=5)
        put(session, "artifacts", id=f"{5:032x}", organization_row=1, name="model")
    yield made
    made.close()


def test_an_old_token_is_admin_of_the_default_organization(database):
    migrate(database)
    with database.write() as session:
        organizations.ensure_organization(session)
        caller = tokens.find_caller(session, TOKEN)
        assert caller is not None
        assert (format_scopes(caller.scopes), caller.artifacts) == ("admin", None)
        assert caller.organization_row == organizations.find_organization(session, "default").row
        listed = [(each.name, each.expires_at) for each in tokens.list_tokens(session)]
        assert listed == [("old", None), ("gone", None)]
        assert tokens.list_tokens(session)[1].revoked_at == 5
        assert session.scalar(text("SELECT name FROM artifacts")) == "model"
