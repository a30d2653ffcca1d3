"""Who calls is remembered for a moment, and no longer."""

from __future__ import annotations

import asyncio

import pytest

from signkit.registry import organizations, tokens
from signkit.registry.callers import Callers
from signkit.registry.database import Database
from signkit.registry.scopes import Scope
from signkit.registry.tables import Base, now
from signkit.registry.tokens import REMEMBERED_SECONDS, TokenRequest


class Records(Database):
    """A database with an organization, whose readings are counted, and a clock."""

    def __init__(self, path):
        super().__init__(path)
        Base.metadata.create_all(self.engine)
        with self.write() as session:
            organizations.ensure_organization(session)
        self.readings = 0
        self.slowness = 0.0
        self.seconds = 100.0
        self.callers = Callers(self, clock=lambda: self.seconds)

    def read(self, *, brief=False):
        self.readings += 1
        self.seconds += self.slowness
        return super().read(brief=brief)

    def make(self, name="ci", expires=None):
        request = TokenRequest(
            name=name,
            organization="default",
            scopes=frozenset({Scope.READ}),
            expires=expires,
        )
        with self.write() as session:
            owner = organizations.find_organization(session, "default")
            return tokens.new_token(session, request, owner)

    def revoke(self, name="ci"):
        with self.write() as session:
            tokens.revoke_token(session, name)

    def find(self, token):
        caller = asyncio.run(self.callers.find(token))
        return caller and caller.token


@pytest.fixture
def records(tmp_path):
    made = Records(tmp_path / "x.sqlite3")
    yield made
    made.close()


def test_asked_once_a_moment(records):
    token = records.make()
    assert [records.find(token) for _ in range(3)] == ["ci"] * 3
    assert records.readings == 1
    records.seconds += REMEMBERED_SECONDS
    assert records.find(token) == "ci"
    assert records.readings == 2


def test_one_asks_again_while_the_others_go_on(records):
    token = records.make()
    assert records.find(token) == "ci"
    records.seconds += REMEMBERED_SECONDS / 2

    async def find_twenty_times():
        return await asyncio.gather(*(records.callers.find(token) for _ in range(20)))

    assert {caller.token for caller in asyncio.run(find_twenty_times())} == {"ci"}
    assert records.readings == 2


def test_revoked_at_the_latest_after_that_moment(records):
    token = records.make()
    assert records.find(token) == "ci"
    records.revoke()
    records.seconds += REMEMBERED_SECONDS
    assert records.find(token) is None
    assert records.find(token) is None


def test_the_moment_begins_before_the_records_are_read(records):
    token = records.make()
    records.slowness = REMEMBERED_SECONDS
    assert records.find(token) == "ci"
    records.revoke()
    assert records.find(token) is None


def test_an_end_is_an_end(records, monkeypatch):
    token = records.make(expires="2999-12-31T23:59:59Z")
    assert records.find(token) == "ci"
    monkeypatch.setattr("signkit.registry.callers.now", lambda: now() + 10**6 * 10**11)
    assert (records.find(token), records.readings) == ("ci", 2)


def test_what_is_no_token_is_not_remembered(records):
    token = "skr_" + "0" * 64
    assert records.find(token) is None
    assert (records.find(token), records.readings) == (None, 2)


def test_they_do_not_become_ever_more(records, monkeypatch):
    monkeypatch.setattr("signkit.registry.callers._MOST", 2)
    made = [records.make(str(number)) for number in range(3)]
    assert [records.find(token) for token in made] == ["0", "1", "2"]
    assert (records.find(made[2]), records.readings) == ("2", 3)
    assert (records.find(made[0]), records.readings) == ("0", 4)
