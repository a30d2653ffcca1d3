"""kill -9 at any moment: what was acknowledged is there, what was not leaves nothing."""

from __future__ import annotations

import sqlite3
import threading
from hashlib import sha256
from itertools import count

import httpx
import pytest

from tests.support.registry import running_registry
from tests.support.registry_api import calling

SIZE = 400_000


def piece(index):
    return sha256(str(index).encode()).digest() * (SIZE // 32)


@pytest.mark.parametrize("moment", [3, 9, 20])
def test_killed_while_parts_come_in(tmp_path, moment):
    parts = [piece(index) for index in range(24)]
    acknowledged: list[int] = []
    enough = threading.Event()
    with running_registry(tmp_path) as registry, calling(registry) as api:
        binary = api.binary(b"".join(parts))
        urls = [
            api.declare(binary, index, data)["presigned_upload_url"]
            for index, data in enumerate(parts, 1)
        ]
        threads = begin(urls, parts, acknowledged, enough, moment)
        assert enough.wait(60)
        registry.kill()
        for thread in threads:
            thread.join()
    check_integrity(registry.data)
    with running_registry(tmp_path) as registry, calling(registry) as api:
        valid = {part["index"] for part in api.parts(binary) if part["state"] == "valid"}
        assert set(acknowledged) <= valid
        assert list((registry.data / "content" / "incoming").iterdir()) == []
        for index, data in enumerate(parts, 1):
            if index not in valid:
                url = api.declare(binary, index, data)["presigned_upload_url"]
                assert api.send(url, data).status_code == 200
        assert api.hashed(binary)["state"] == "signable"
        url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
        assert sha256(api.bare.get(url).content).hexdigest() == binary["hash"]


def begin(urls, parts, acknowledged, enough, moment):
    """Send parts from three threads; say so once enough were acknowledged."""
    following = count()

    def send():
        with httpx.Client(timeout=30) as client:
            while (place := next(following)) < len(urls):
                try:
                    answer = client.put(urls[place], content=parts[place])
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    acknowledged.append(place + 1)
                if len(acknowledged) >= moment:
                    enough.set()

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    return threads


def check_integrity(data):
    with sqlite3.connect(data / "registry.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    database.close()


def test_killed_while_hashing(tmp_path):
    """The verdict that the last server did not come to is given by the next one."""
    content = b"to be hashed again"
    with running_registry(tmp_path) as registry, calling(registry) as api:
        good, bad = api.binary(content), api.binary(content)
        for binary, data in ((good, content), (bad, content[::-1])):
            api.upload(binary, data)
            assert api.move(binary, "hashable").status_code == 200
        registry.kill()
    with sqlite3.connect(registry.data / "registry.sqlite3") as database:
        database.execute("UPDATE binaries SET state = 'hashing'")
    database.close()
    with running_registry(tmp_path) as registry, calling(registry) as api:
        assert api.settled(good)["state"] == "signable"
        assert api.settled(bad)["state"] == "uploadable"


def test_content_that_no_record_speaks_of_is_removed(tmp_path):
    with running_registry(tmp_path) as registry, calling(registry) as api:
        binary = api.signable(b"kept")
        registry.kill()
    organization = binary["organization_prn"].rpartition(":")[2]
    content = registry.data / "content"
    identity = binary["prn"].rpartition(":")[2]
    (content / organization / identity / "7").mkdir()
    (content / "incoming" / "tmpx").write_bytes(b"half a part")
    with running_registry(tmp_path) as registry, calling(registry) as api:
        assert api.hashed is not None
        url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
        assert api.bare.get(url).content == b"kept"
        wait_until(lambda: not (content / organization / identity / "7").exists())
        assert list((content / "incoming").iterdir()) == []


def wait_until(true):
    pause = threading.Event()
    for _ in range(400):
        if true():
            return
        pause.wait(0.05)
    raise AssertionError
