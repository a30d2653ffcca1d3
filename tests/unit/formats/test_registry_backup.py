from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signkit.errors import SignkitError, TooLargeError
from signkit.formats import registry_backup
from signkit.formats.registry_backup import (
    encode_backup,
    encode_sums,
    object_path,
    parse_backup,
    parse_sums,
)
from signkit.verify.digest import Sha256
from tests.support.backup_vectors import FOLDER, vectors

STORED = json.loads((FOLDER / "EXPECT.json").read_text())
DIGESTS = st.binary(min_size=32, max_size=32).map(Sha256)


def parse(name, data):
    return parse_sums(data) if name.endswith(".sums") else parse_backup(data)


def test_the_stored_vectors_are_those_that_are_made():
    made = {name: (data, code) for name, (data, code) in vectors().items()}
    assert made == {name: ((FOLDER / name).read_bytes(), code) for name, code in STORED.items()}


@pytest.mark.parametrize("name", STORED)
def test_vector(name):
    data = (FOLDER / name).read_bytes()
    if STORED[name] == "accept":
        parse(name, data)
        return
    with pytest.raises(SignkitError) as caught:
        parse(name, data)
    assert caught.value.code == STORED[name]


@pytest.mark.parametrize("name", [name for name, code in STORED.items() if code == "accept"])
def test_every_truncation_is_refused(name):
    data = (FOLDER / name).read_bytes()
    for size in range(len(data)):
        with pytest.raises(SignkitError):
            parse(name, data[:size])


def test_a_record_says_what_was_written():
    data = (FOLDER / "valid/one-object.json").read_bytes()
    record = parse_backup(data)
    assert (record.created, record.step, record.object_size) == ("2026-01-31T12:00:00Z", "0002", 3)
    assert encode_backup(record) == data


@given(DIGESTS, st.sets(DIGESTS, max_size=20))
def test_sums_come_back_in_order(database, objects):
    found = parse_sums(encode_sums(database, objects))
    assert found.database == database
    assert list(found.objects) == sorted(objects)


def test_where_an_object_lies():
    assert object_path(Sha256(b"\xab" * 32)) == f"objects/ab/{'ab' * 32}"


def test_too_many_sums(monkeypatch):
    monkeypatch.setattr(registry_backup, "SUMS_SIZE", 10)
    with pytest.raises(TooLargeError, match="at most 10 bytes"):
        parse_sums(b"x" * 11)
