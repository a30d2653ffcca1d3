"""/readyz asks the store as well: not for long, and not for everybody who polls."""

from __future__ import annotations

import socket
from threading import Event, Thread

import httpx
import pytest
from botocore.config import Config

from signkit.registry.folder_store import FolderStore
from signkit.registry.footing_file import Bucket, load_footing_file
from signkit.registry.readiness import StoreReadiness
from signkit.registry.s3_store import S3Store
from signkit.registry.store import StoreUnavailableError
from tests.support.registry import running_registry
from tests.support.shared_footing import KEY, SECRET

pytestmark = pytest.mark.folder  # it has both footings itself


class Asked:
    """A store that answers or not, and counts."""

    def __init__(self):
        self.count, self.time, self.fails = 0, 0.0, False

    def check(self):
        self.count += 1
        if self.fails:
            raise StoreUnavailableError("gone")

    def clock(self):
        return self.time


def test_the_store_is_asked_once_for_all_who_poll():
    store = Asked()
    readiness = StoreReadiness(store.check, clock=store.clock)
    assert [readiness.answers() for _ in range(50)] == [True] * 50
    assert store.count == 1
    store.fails = True
    assert readiness.answers()
    store.time = 3.0
    assert not any(readiness.answers() for _ in range(50))
    assert store.count == 2
    store.fails, store.time = False, 6.0
    assert (readiness.answers(), store.count) == (True, 3)


def test_who_polls_while_the_store_is_asked_waits_for_its_answer():
    asked, answer, count = Event(), Event(), []

    def check():
        count.append(1)
        asked.set()
        assert answer.wait(20)

    readiness = StoreReadiness(check)
    threads = [Thread(target=readiness.answers) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert asked.wait(20)
    answer.set()
    for thread in threads:
        thread.join(20)
    assert count == [1]


def test_a_folder_that_is_gone(tmp_path):
    store = FolderStore(tmp_path / "content")
    assert StoreReadiness(store.check_answers).answers()
    (tmp_path / "content").rename(tmp_path / "away")
    assert not StoreReadiness(store.check_answers).answers()


def test_a_store_that_says_nothing_is_not_waited_for(monkeypatch):
    quick = Config(connect_timeout=0.2, read_timeout=0.2, retries={"total_max_attempts": 1})
    monkeypatch.setattr("signkit.registry.s3_store._QUICK", quick)
    # Those of every test: what boto3 found once it keeps.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = S3Store(Bucket(name="b", endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(StoreUnavailableError):
            store.check_answers()
        silent.settimeout(1)
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):  # it was tried once
            silent.accept()


@pytest.mark.sweep
def test_a_server_without_its_bucket_is_not_ready(shared_footing, tmp_path):
    data = shared_footing.make(tmp_path)
    with running_registry(tmp_path, data=data) as registry:
        assert httpx.get(f"{registry.url}/readyz").json() == {"status": "ok"}
        bucket = load_footing_file(data).bucket
        S3Store(bucket).client.delete_bucket(Bucket=bucket.name)
        until = 600
        while (answer := httpx.get(f"{registry.url}/readyz")).status_code == 200 and until:
            until -= 1
            Event().wait(0.05)
        assert (answer.status_code, answer.json()) == (503, {"status": "the store does not answer"})
        assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{registry.url}/healthz").status_code == 200
