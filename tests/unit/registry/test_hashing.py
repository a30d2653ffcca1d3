"""The follower, alone: in what order parts come, and what changes meanwhile."""

from __future__ import annotations

import asyncio
import threading
from hashlib import sha256

import pytest

from signkit.registry import hashing
from signkit.registry.content import load_parts, part_key, reset_content
from signkit.registry.database import Database, migrate
from signkit.registry.folder_store import FolderStore
from signkit.registry.hashing import ContentHasher, give_verdict
from signkit.registry.states import BinaryState, PartState
from signkit.registry.tables import Artifact, ArtifactVersion, Binary, BinaryPart, Organization

PARTS = [sha256(bytes([n])).digest() * 40_000 for n in range(11)]


class Registry:
    """The records and the parts, without a server."""

    def __init__(self, folder):
        self.database = Database(folder / "registry.sqlite3")
        migrate(self.database)
        self.store = FolderStore(folder / "content")
        self.opened: list[int] = []
        self.jobs = ContentHasher(self.database, self, workers=2)

    def begin(self, key):
        return self.store.begin(key)

    def open(self, key):
        self.opened.append(key.index)
        return self.store.open(key)

    def retain(self, keys):
        self.store.retain(keys)

    def discard(self, content):
        self.store.discard(content)

    def binary(self, content):
        with self.database.write() as session:
            organization = Organization(name="o")
            session.add(organization)
            session.flush()
            owner = {"organization_row": organization.row}
            artifact = Artifact(name="a", **owner)
            version = ArtifactVersion(artifact=artifact, version="1", **owner)
            binary = Binary(
                organization=organization,
                artifact_version=version,
                target="t",
                state=BinaryState.UPLOADABLE,
                revision=0,
                hash=sha256(content).hexdigest(),
                size=len(content),
                signatures=[],
            )
            session.add(binary)
        return binary

    def put(self, binary, index, data):
        digest = sha256(data).hexdigest()
        with self.database.write() as session:
            found = session.get_one(Binary, binary.row)
            for part in load_parts(session, found):
                if part.index == index:
                    session.delete(part)
            session.flush()
            part = BinaryPart(
                binary_row=found.row, index=index, hash=digest, size=len(data), state="valid"
            )
            session.add(part)
            writer = self.store.begin(part_key(found, part))
            writer.write([data])
            writer.keep()
        self.jobs.follow(binary.row)

    def state(self, binary, state=None):
        with self.database.write() as session:
            found = session.get_one(Binary, binary.row)
            if state:
                found.state = state
            return found.state, found.revision

    def hash_small(self, binary):
        with self.database.read() as session:
            found = session.get_one(Binary, binary.row)
            return self.jobs.hash_small(found, load_parts(session, found))

    def verdict(self, binary):
        self.state(binary, BinaryState.HASHING)
        self.jobs.conclude(binary.row).result(30)
        return self.state(binary)


@pytest.fixture
def registry(tmp_path):
    made = Registry(tmp_path)
    yield made
    made.jobs.close()
    made.database.close()


def hold_up(registry, monkeypatch):
    """Have hashing wait before each part; return the events that it does, and that it may go on."""
    begun, going_on = threading.Event(), threading.Event()
    opening = registry.open

    def open_late(key):
        begun.set()
        assert going_on.wait(30)
        return opening(key)

    monkeypatch.setattr(registry, "open", open_late)
    return begun, going_on


@pytest.mark.parametrize(
    "order", [range(11), range(10, -1, -1), [5, 3, 1, 0, 2, 4, 10, 9, 8, 7, 6]]
)
def test_parts_in_any_order(registry, order):
    binary = registry.binary(b"".join(PARTS))
    for place in order:
        registry.put(binary, place + 1, PARTS[place])
    assert registry.verdict(binary) == ("signable", 0)
    assert registry.opened == list(range(1, 12))


def test_nothing_is_hashed_twice_when_asked_twice(registry):
    binary = registry.binary(b"".join(PARTS))
    for index, data in enumerate(PARTS, 1):
        registry.put(binary, index, data)
    assert registry.verdict(binary) == registry.verdict(binary) == ("signable", 0)


def test_a_verdict_asked_for_while_the_first_part_is_hashed(registry, monkeypatch):
    """What the follower read before does not show the other parts: it goes on, not begins anew."""
    binary = registry.binary(b"".join(PARTS))
    begun, going_on = hold_up(registry, monkeypatch)
    registry.put(binary, 1, PARTS[0])
    assert begun.wait(30)
    for index, data in enumerate(PARTS[1:], 2):
        registry.put(binary, index, data)
    registry.state(binary, BinaryState.HASHING)
    verdict = registry.jobs.conclude(binary.row)
    going_on.set()
    verdict.result(30)
    assert registry.state(binary) == ("signable", 0)
    assert registry.opened == list(range(1, 12))


def test_a_sender_waits_while_hashing_is_far_behind(registry, monkeypatch):
    monkeypatch.setattr(hashing, "_PACE_SECONDS", 30)
    binary = registry.binary(b"".join(PARTS))
    _, going_on = hold_up(registry, monkeypatch)
    for index, data in enumerate(PARTS[:8], 1):
        registry.put(binary, index, data)
    asyncio.run(registry.jobs.keep_pace(binary.row))  # eight are not far
    registry.put(binary, 9, PARTS[8])

    async def wait_for_it():
        waiting = asyncio.create_task(registry.jobs.keep_pace(binary.row))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        going_on.set()
        await waiting

    asyncio.run(wait_for_it())
    assert registry.opened


def test_a_sender_waits_no_longer_than_a_moment(registry, monkeypatch):
    monkeypatch.setattr(hashing, "_PACE_SECONDS", 0.05)
    binary = registry.binary(b"".join(PARTS))
    _, going_on = hold_up(registry, monkeypatch)
    for index, data in enumerate(PARTS, 1):
        registry.put(binary, index, data)
    asyncio.run(registry.jobs.keep_pace(binary.row))
    assert registry.opened == []
    going_on.set()


def test_nobody_waits_for_hashing_that_waits_for_a_part(registry, monkeypatch):
    """All but the first part are there: it is their sender who has to bring it."""
    monkeypatch.setattr(hashing, "_PACE_SECONDS", 30)
    binary = registry.binary(b"".join(PARTS))
    for index, data in enumerate(PARTS[1:], 2):
        registry.put(binary, index, data)
        asyncio.run(asyncio.wait_for(registry.jobs.keep_pace(binary.row), 10))
    registry.put(binary, 1, PARTS[0])
    assert registry.verdict(binary) == ("signable", 0)
    assert registry.opened == list(range(1, 12))


def test_a_part_replaced_after_it_was_hashed(registry):
    """The first part was other bytes when it was hashed: the verdict is on what is stored now."""
    binary = registry.binary(b"".join(PARTS))
    registry.put(binary, 1, PARTS[0][::-1])
    wait_until(lambda: registry.opened == [1])
    for index, data in enumerate(PARTS, 1):
        registry.put(binary, index, data)
    assert registry.verdict(binary) == ("signable", 0)
    assert registry.opened.count(1) == 2


def test_other_content(registry):
    binary = registry.binary(b"declared")
    registry.put(binary, 1, b"stored..")
    assert registry.verdict(binary) == ("uploadable", 1)


def test_right_hash_of_a_wrong_size(registry):
    binary = registry.binary(b"content")
    registry.put(binary, 1, b"content")
    with registry.database.write() as session:
        session.get_one(Binary, binary.row).size = 8
    assert registry.verdict(binary) == ("uploadable", 1)


def damage(folder, index, harm):
    (path,) = folder.glob(f"content/*/*/*/{index:05d}-*")
    if harm == "unlink":
        path.unlink()
    else:
        ends = {"shorten": b"", "change": b"x", "lengthen": bytes(10_000_000)}
        path.write_bytes(path.read_bytes()[:-1] + ends[harm])


@pytest.mark.parametrize("harm", ["unlink", "shorten", "change"])
def test_a_part_that_is_not_what_it_was(registry, tmp_path, harm):
    binary = registry.binary(PARTS[0] + PARTS[1])
    for index in (1, 2):
        registry.put(binary, index, PARTS[index - 1])
    wait_until(lambda: registry.opened == [1, 2])
    registry.jobs.forget(binary.row)
    damage(tmp_path, 2, harm)
    assert registry.verdict(binary) == ("uploadable", 1)


def test_a_reset_while_it_is_hashed(registry):
    binary = registry.binary(b"".join(PARTS))
    for index, data in enumerate(PARTS, 1):
        registry.put(binary, index, data)
    registry.state(binary, BinaryState.HASHING)
    verdict = registry.jobs.conclude(binary.row)
    with registry.database.write() as session:
        found = session.get_one(Binary, binary.row)
        if found.state == BinaryState.HASHING:
            reset_content(session, found)
    registry.jobs.forget(binary.row)
    verdict.result(30)
    assert registry.state(binary) in {("uploadable", 1), ("signable", 0)}


def test_a_binary_that_is_gone(registry):
    registry.jobs.follow(99)
    assert registry.jobs.conclude(99).result(30) is None
    registry.jobs.forget(99)


def test_no_verdict_on_what_is_not_being_hashed(registry):
    binary = registry.binary(b"x")
    registry.put(binary, 1, b"x")
    registry.jobs.conclude(binary.row).result(30)
    assert registry.state(binary) == ("uploadable", 0)


def test_a_disk_that_fails_for_a_while(registry, monkeypatch):
    monkeypatch.setattr(hashing, "_RETRY_SECONDS", 0.01)
    binary = registry.binary(PARTS[0])
    failures = [OSError(5, "input/output error")] * 2
    real = registry.store.open

    def fail(key):
        if failures:
            raise failures.pop()
        return real(key)

    registry.store.open = fail
    registry.put(binary, 1, PARTS[0])
    assert registry.verdict(binary) == ("signable", 0)


def test_a_disk_that_fails_for_good_leaves_the_state(registry, monkeypatch):
    monkeypatch.setattr(hashing, "_RETRY_SECONDS", 0.01)
    binary = registry.binary(PARTS[0])
    real = registry.store.open

    def fail(_key):
        raise OSError(5, "input/output error")

    registry.store.open = fail
    registry.put(binary, 1, PARTS[0])
    assert registry.verdict(binary) == ("hashing", 0)
    registry.store.open = real
    assert registry.verdict(binary) == ("signable", 0)


def test_resume(registry):
    binary = registry.binary(PARTS[0])
    registry.put(binary, 1, PARTS[0])
    registry.state(binary, BinaryState.HASHING)
    registry.jobs.start()
    wait_until(lambda: registry.state(binary)[0] == "signable")


def test_more_binaries_than_are_followed(registry, monkeypatch):
    monkeypatch.setattr(hashing, "_FOLLOWED", 2)
    for row in range(50, 60):
        registry.jobs.follow(row)
    binary = registry.binary(PARTS[0])
    registry.put(binary, 1, PARTS[0])
    assert registry.verdict(binary) == ("signable", 0)


def test_closed_it_does_nothing(registry):
    registry.jobs.close()
    registry.jobs.follow(1)
    assert not registry.jobs.conclude(1).done()


def test_a_part_that_is_not_valid_is_not_hashed(registry):
    binary = registry.binary(PARTS[0])
    registry.put(binary, 1, PARTS[0])
    wait_until(lambda: registry.opened == [1])
    with registry.database.write() as session:
        (part,) = load_parts(session, session.get_one(Binary, binary.row))
        part.state = PartState.INVALID_HASH
    registry.jobs.forget(binary.row)
    registry.jobs.follow(binary.row)
    assert registry.verdict(binary) == ("uploadable", 1)
    assert registry.opened == [1]


def wait_until(true):
    pause = threading.Event()
    for _ in range(600):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError


def test_small_content_is_hashed_where_it_is_asked_for(registry):
    binary = registry.binary(b"content")
    registry.put(binary, 1, b"content")
    registry.state(binary, BinaryState.HASHABLE)
    hashed = registry.hash_small(binary)
    assert hashed is not None
    assert (hashed.revision, hashed.size) == (0, 7)
    assert hashed.digest == sha256(b"content").hexdigest()


@pytest.mark.parametrize("harm", ["shorten", "change", "lengthen"])
def test_what_is_hashed_there_is_what_is_stored(registry, tmp_path, harm):
    binary = registry.binary(b"content")
    registry.put(binary, 1, b"content")
    registry.state(binary, BinaryState.HASHABLE)
    damage(tmp_path, 1, harm)
    hashed = registry.hash_small(binary)
    with registry.database.write() as session:
        found = session.get_one(Binary, binary.row)
        found.state = BinaryState.HASHING
        assert give_verdict(session, found, hashed) != []
    assert registry.state(binary) == ("uploadable", 1)


def test_what_is_hashed_of_another_revision_is_no_verdict(registry):
    binary = registry.binary(b"content")
    registry.put(binary, 1, b"content")
    registry.state(binary, BinaryState.HASHABLE)
    hashed = registry.hash_small(binary)
    with registry.database.write() as session:
        found = session.get_one(Binary, binary.row)
        reset_content(session, found)
        found.state = BinaryState.HASHING
        assert give_verdict(session, found, hashed) == []
    assert registry.state(binary) == ("hashing", 1)


def test_what_a_job_has_to_hash(registry, tmp_path, monkeypatch):
    """Parts that are not settled, many bytes, what cannot be read, and several parts."""
    binary = registry.binary(b"content")
    registry.put(binary, 1, b"content")
    assert registry.hash_small(binary) is None
    registry.state(binary, BinaryState.HASHABLE)
    with monkeypatch.context() as changed:
        changed.setattr(hashing, "_SMALL", 6)
        assert registry.hash_small(binary) is None
    assert registry.hash_small(binary) is not None
    damage(tmp_path, 1, "unlink")
    assert registry.hash_small(binary) is None
    registry.put(binary, 1, b"con")
    registry.put(binary, 2, b"tent")
    assert registry.hash_small(binary) is None
