from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from signkit.errors import RegistryError
from signkit.registry import (  # the metadata holds what was imported
    audit,  # noqa: F401
    bundle_tables,  # noqa: F401
    shared_tables,  # noqa: F401
)
from signkit.registry.database import Database, TookLongError, migrate
from signkit.registry.tables import Artifact, Base, Organization


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "registry.sqlite3")
    migrate(made)
    yield made
    made.close()


def add(database, name):
    with database.write() as session:
        session.add(Organization(name=name))


def names(database):
    with database.read() as session:
        return list(session.scalars(select(Organization.name).order_by(Organization.row)))


def test_the_migrations_make_what_the_tables_say(database):
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_changes_nothing(database):
    add(database, "kept")
    migrate(database)
    assert names(database) == ["kept"]


def test_a_newer_database_is_refused(database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegistryError, match="at step 9999, which this signkit does not know"):
        migrate(database)


def test_what_is_no_database_is_refused(tmp_path):
    path = tmp_path / "registry.sqlite3"
    path.write_bytes(b"no database, " * 1000)
    broken = Database(path)
    with pytest.raises(RegistryError, match="cannot be used"):
        migrate(broken)
    broken.close()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 15_000)],
)
def test_pragmas(database, pragma, value):
    with database.read() as session:
        assert session.scalar(text(f"PRAGMA {pragma}")) == value


def test_what_raises_is_undone(database):
    def fail():
        with database.write() as session:
            session.add(Organization(name="gone"))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert names(database) == []


def test_references_are_kept(database):
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Artifact(organization_row=7, name="of nobody"))


def test_a_reader_sees_one_moment(database):
    add(database, "one")
    with database.read() as session:
        before = session.scalars(select(Organization.name)).all()
        add(database, "two")
        assert session.scalars(select(Organization.name)).all() == before == ["one"]
    assert names(database) == ["one", "two"]


def test_writers_take_turns(database):
    threads = [threading.Thread(target=add, args=(database, str(n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(database), key=int) == [str(n) for n in range(20)]


def test_lower_knows_more_than_ascii(database):
    with database.read() as session:
        assert session.scalar(text("SELECT lower('ÄÉ')")) == "äé"
        assert session.scalar(text("SELECT lower(NULL)")) is None


COUNT = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT :last)"
    " SELECT max(i) FROM n"
)


def test_what_is_to_be_brief_is_given_up(database):
    with pytest.raises(TookLongError), database.read(brief=True) as session:
        session.scalar(COUNT, {"last": -1})
    with database.read(brief=True) as session:
        assert session.scalar(COUNT, {"last": 1}) == 1
    # The same connection, which nobody hurries any more.
    with database.read() as session:
        assert session.scalar(COUNT, {"last": 1_000_000}) == 1_000_000


def test_another_failure_of_what_is_to_be_brief_is_that_failure(database):
    with pytest.raises(OperationalError, match="no such table"), database.read(brief=True) as found:
        found.execute(text("SELECT * FROM missing"))
