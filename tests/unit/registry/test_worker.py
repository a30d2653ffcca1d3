"""Workers that die, and jobs that were lost: the records say what is to be done."""

from __future__ import annotations

import signal
import time
from hashlib import sha256

import pytest
from sqlalchemy import update

from signkit.registry.footing_file import load_footing_file
from signkit.registry.shared import open_shared_database
from signkit.registry.states import BinaryState
from signkit.registry.tables import Binary
from tests.support.registry import running_registry, running_worker
from tests.support.registry_api import calling

MIB = 1024 * 1024
PIECES = [sha256(bytes([n])).digest() * (8 * MIB // 32) for n in range(4)]
pytestmark = pytest.mark.sweep


@pytest.fixture
def data(shared_footing, tmp_path):
    return shared_footing.make(tmp_path)


@pytest.fixture
def api(data, tmp_path):
    with running_registry(tmp_path, data=data) as registry, calling(registry) as api:
        yield api


def hashable(api):
    """Make a binary of four parts that waits to be hashed."""
    binary = api.binary(b"".join(PIECES))
    for index, data in enumerate(PIECES, 1):
        assert api.send(api.declare(binary, index, data)["presigned_upload_url"], data).is_success
    assert api.move(binary, "hashable").status_code == 200
    return binary


def states(api, binaries, seconds):
    """Wait until none is hashing, and return their states."""
    until = time.monotonic() + seconds
    while True:
        found = [api.read(binary)["state"] for binary in binaries]
        if "hashing" not in found or time.monotonic() > until:
            return found
        time.sleep(0.2)


def test_nobody_works_and_then_somebody(api, data):
    binary = hashable(api)
    answer = api.move(binary, "hashing")
    assert (answer.status_code, answer.json()["binary"]["state"]) == (200, "hashing")
    with running_worker(data):
        assert states(api, [binary], 30) == ["signable"]


def test_a_job_that_was_never_asked_for(api, data):
    """The server died between the commit and the queue."""
    binary = hashable(api)
    database, _ = open_shared_database(load_footing_file(data))
    with database.write() as session:
        session.execute(update(Binary).values(state=BinaryState.HASHING))
    database.close()
    with running_worker(data):
        assert states(api, [binary], 60) == ["signable"]


def test_a_worker_that_is_killed_at_work(api, data):
    binaries = [hashable(api) for _ in range(6)]
    for binary in binaries:
        assert api.move(binary, "hashing").status_code == 200
    with running_worker(data, "--jobs", "2") as worker:
        time.sleep(0.3)
        worker.kill()
        worker.wait()
    with running_worker(data):
        assert states(api, binaries, 120) == ["signable"] * 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [0, 3])
def test_a_worker_that_is_told_to_stop_ends_well(data, number, seconds):
    with running_worker(data) as worker:
        time.sleep(seconds)
        worker.send_signal(number)
        assert worker.wait(40) == 0
    assert (data.parent / "worker.err").read_text() == ""
