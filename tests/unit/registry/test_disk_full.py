"""No room: a clean answer, nothing half written, and it goes on once there is room again.

The server's process gets a limit on the size of files, which the kernel enforces as it would the
end of a disk.
"""

from __future__ import annotations

import resource
from contextlib import contextmanager
from hashlib import sha256
from uuid import uuid4

import httpx

DATA = sha256(b"full").digest() * 100_000


@contextmanager
def little_room(registry, size):
    """Let no file of the server grow beyond a size while the body runs."""
    which = resource.RLIMIT_FSIZE
    before = resource.prlimit(registry.process.pid, which)
    resource.prlimit(registry.process.pid, which, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(registry.process.pid, which, before)


def files(registry):
    content = registry.data / "content"
    return [path for path in content.rglob("*") if path.is_file()]


def test_no_room_for_a_part(api, registry):
    binary = api.binary(DATA)
    url = api.declare(binary, 1, DATA)["presigned_upload_url"]
    with little_room(registry, 1_000_000), httpx.Client() as client:
        answer = client.put(url, content=DATA)
        assert answer.status_code == 507
        assert answer.json() == {"errors": {"detail": "there is no room for the part"}}
        # The rest of the body was read, so the connection goes on.
        assert client.get(f"{api.url}/users/me").status_code == 401
    assert api.parts(binary)[0]["state"] == "uploadable"
    assert files(registry) == []
    assert api.send(url, DATA).status_code == 200
    assert api.hashed(binary)["state"] == "signable"


def test_no_room_for_a_record(api, registry):
    names = [uuid4().hex for _ in range(30)]
    statuses = []
    with little_room(registry, (registry.data / "registry.sqlite3-wal").stat().st_size + 60_000):
        for name in names:
            body = {"name": name, "custom_metadata": {"a": "x" * 20_000}}
            statuses.append(api.call("POST", "/artifacts", body).status_code)
    assert set(statuses) <= {201, 503, 507}
    assert statuses[-1] != 201
    kept = {
        name
        for name in names
        if api.call("GET", "/artifacts", params={"search": f"name:'{name}'"}).json()["artifacts"]
    }
    assert kept == {name for name, status in zip(names, statuses, strict=True) if status == 201}
    assert api.ask("POST", "/artifacts", {"name": "room again"})


def test_no_room_for_the_log(api, registry):
    with little_room(registry, 1):
        assert api.call("GET", "/users/me").status_code == 200
    assert api.call("GET", "/users/me").status_code == 200
