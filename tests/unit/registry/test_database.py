from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from signkit.errors import RegistryError
from signkit.registry import (  # the metadata holds what was imported
    audit,  # noqa: F401
    bundle_tables,  # noqa: F401
    shared_tables,  # noqa: F401
)
from signkit.registry.database import Database, migrate
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
