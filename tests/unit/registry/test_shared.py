"""The footing that many processes share, on a real PostgreSQL and a real store: the quick core.

The tests of the folder footing run on it as well: scripts/footings.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from itertools import count
from uuid import UUID, uuid4

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import make_url, select, text, update
from sqlalchemy.exc import DBAPIError

from signkit.errors import RegistryError
from signkit.registry import (  # the metadata holds what was imported
    bundle_tables,  # noqa: F401
    shared_tables,  # noqa: F401
)
from signkit.registry.audit import AuditLine
from signkit.registry.audit_check import check_audits, read_line
from signkit.registry.clean_up import SHARDS, give_up, sweep
from signkit.registry.content import content_key, find_binary
from signkit.registry.database import Database, migrate
from signkit.registry.footing_file import load_footing_file
from signkit.registry.s3_store import S3Store
from signkit.registry.shared import open_shared_database
from signkit.registry.states import BinaryState
from signkit.registry.store import ContentKey, StoreUnavailableError, UploadGoneError
from signkit.registry.tables import Base, Binary, BinaryPart
from signkit.registry.verdict import StoppedError, give_verdict
from tests.support.keys import PROD
from tests.support.registry import running_registry, running_shared
from tests.support.registry_api import calling

MIB = 1024 * 1024
LARGE = sha256(b"first").digest() * (5 * MIB // 32)
SMALL = b"the last part may be small"


@pytest.fixture(scope="module")
def registry(shared_footing, tmp_path_factory):
    with running_shared(shared_footing, tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture(scope="module")
def api(registry):
    with calling(registry) as api:
        yield api


@pytest.fixture(scope="module")
def footing(registry):
    return load_footing_file(registry.data)


@pytest.fixture(scope="module")
def store(footing):
    return S3Store(footing.bucket)


@pytest.fixture(scope="module")
def database(footing):
    database, _ = open_shared_database(footing)
    yield database
    database.close()


def send_all(api, binary, *parts):
    for index, data in enumerate(parts, 1):
        url = api.declare(binary, index, data)["presigned_upload_url"]
        assert api.send(url, data).status_code == 200


def on_record(database, binary):
    """Return the record of a binary and the name of its content."""
    identity = binary["prn"].rpartition(":")[2]
    with database.read() as session:
        row = session.scalar(select(Binary.row).where(Binary.id == identity))
        found = find_binary(session, row)
        assert found is not None
        return found, content_key(found)


def everything(store):
    """Return what the bucket holds: names of objects, and of uploads under way."""
    bucket = {"Bucket": store._bucket}
    objects = store.client.list_objects_v2(**bucket).get("Contents", ())
    uploads = store.client.list_multipart_uploads(**bucket).get("Uploads", ())
    return [item["Key"] for item in (*objects, *uploads)]


def test_bytes_go_to_the_store_and_come_from_it(api, footing):
    binary = api.binary(LARGE + SMALL)
    urls = [
        api.declare(binary, index, data)["presigned_upload_url"]
        for index, data in enumerate((LARGE, SMALL), 1)
    ]
    assert all(url.startswith(footing.bucket.endpoint) for url in urls)
    assert [part["state"] for part in api.parts(binary)] == ["uploadable"] * 2
    assert api.send(urls[1], SMALL).status_code == 200
    assert [part["state"] for part in api.parts(binary)] == ["uploadable", "valid"]
    assert [api.send(urls[0], LARGE).status_code for _ in range(2)] == [200, 200]
    assert [part["state"] for part in api.parts(binary)] == ["valid"] * 2
    assert api.hashed(binary)["state"] == "signable"
    url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
    assert url.startswith(footing.bucket.endpoint)
    assert api.bare.get(url).content == LARGE + SMALL
    some = api.bare.get(url, headers={"range": f"bytes={len(LARGE) - 2}-{len(LARGE) + 2}"})
    assert (some.status_code, some.content) == (206, LARGE[-2:] + SMALL[:3])
    assert api.sign(binary).status_code == 201
    assert api.send(urls[0], LARGE).status_code == 404


def test_the_server_takes_no_part_itself(api):
    path = f"/upload/{'0' * 8}-0000-0000-0000-{'0' * 12}/{'0' * 8}-0000-0000-0000-{'0' * 12}/1"
    assert api.bare.put(f"{api.url}{path}", content=b"x").status_code == 404


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (SMALL[::-1], {}, 400),
        (SMALL[::-1], {"x-amz-checksum-sha256": b64encode(sha256(SMALL[::-1]).digest())}, 403),
        (SMALL[:-1], {}, 403),
        (SMALL + b"x", {}, 403),
        (SMALL, {"x-amz-checksum-sha256": ""}, 403),
    ],
)
def test_the_store_refuses_what_was_not_declared(api, data, headers, status):
    binary = api.binary(SMALL)
    url = api.declare(binary, 1, SMALL)["presigned_upload_url"]
    checksum = b64encode(sha256(SMALL).digest()).decode()
    answer = api.bare.put(url, content=data, headers={"x-amz-checksum-sha256": checksum, **headers})
    assert (answer.status_code, api.parts(binary)[0]["state"]) == (status, "uploadable")


def test_a_part_declared_otherwise_begins_a_new_upload(api, database, store):
    binary = api.binary(SMALL)
    before = api.declare(binary, 1, SMALL)["presigned_upload_url"]
    _, first = on_record(database, binary)
    api.send(before, SMALL)
    again = api.declare(binary, 1, SMALL[::-1])
    assert again["state"] == "uploadable"
    # Whoever has the old URL can no longer put the old bytes in the new one's place.
    assert api.send(before, SMALL).status_code == 404
    assert [part["state"] for part in api.parts(binary)] == ["uploadable"]
    assert api.send(again["presigned_upload_url"], SMALL[::-1]).status_code == 200
    assert [part["state"] for part in api.parts(binary)] == ["valid"]
    assert f"content/{first.binary}/{first.organization}/0" not in everything(store)


@pytest.mark.parametrize(("index", "size"), [(1, 10), (2, 10), (1, 5 * MIB - 1), (3, 26)])
def test_only_the_last_part_may_be_small(api, index, size):
    binary = api.binary(LARGE + SMALL)
    body = {"expected_binary_size": binary["size"], "hash": "0" * 64, "size": size}
    answer = api.call("PUT", f"/binaries/{binary['prn']}/parts/{index}", body)
    if (index, size) == (2, 10):  # it could be the last of parts that do not add up
        assert answer.status_code == 201
        return
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["size"])


def test_other_content_leaves_nothing(api, database, store):
    binary = api.binary(SMALL)
    send_all(api, binary, SMALL[::-1])
    assert api.move(binary, "hashable").status_code == 200
    assert api.move(binary, "hashing").status_code in {200, 422}
    now = api.settled(binary)
    assert (now["state"], now["revision"]) == ("uploadable", 1)
    _, content = on_record(database, binary)
    wait_until(lambda: not any(str(content.binary) in name for name in everything(store)))


@pytest.mark.parametrize("end", ["uploadable", "DELETE"])
def test_a_reset_leaves_nothing(api, database, store, end):
    binary = api.binary(SMALL)
    send_all(api, binary, SMALL)
    _, content = on_record(database, binary)
    assert any(str(content.binary) in name for name in everything(store))
    if end == "DELETE":
        assert api.call("DELETE", f"/binaries/{binary['prn']}").status_code == 204
    else:
        assert api.move(binary, end).status_code == 200
    assert not any(str(content.binary) in name for name in everything(store))


def test_an_upload_that_the_store_gave_up_is_begun_anew(api, database, store):
    binary = api.binary(SMALL)
    send_all(api, binary, SMALL)
    assert [part["state"] for part in api.parts(binary)] == ["valid"]
    _, content = on_record(database, binary)
    store.discard(content)
    assert api.parts(binary) == []
    assert api.read(binary)["revision"] == 1
    send_all(api, binary, SMALL)
    assert api.hashed(binary)["state"] == "signable"


def test_zero_bytes(api):
    binary = api.hashed(api.binary(b""))
    assert binary["state"] == "signable"
    url = api.ask("GET", f"/binaries/{binary['prn']}/download_url")
    assert api.bare.get(url).content == b""


def test_two_servers_are_one_registry(api, registry, tmp_path):
    """A token, a cursor and an upload of one server count at the other."""
    version = api.version()
    for target in ("a", "b", "c"):
        body = {"artifact_version_prn": version, "hash": "0" * 64, "size": 1, "target": target}
        api.ask("POST", "/binaries", body)
    (tmp_path / "registry.token").write_text(registry.token)
    with running_registry(tmp_path, data=registry.data) as second, calling(second) as other:
        page = api.call("GET", "/binaries", params={"limit": 2}).json()
        following = other.call("GET", "/binaries", params={"limit": 2, "page": page["next_page"]})
        assert following.status_code == 200
        binary = api.binary(LARGE + SMALL)
        url = other.declare(binary, 1, LARGE)["presigned_upload_url"]
        assert other.send(url, LARGE).status_code == 200
        url = api.declare(binary, 2, SMALL)["presigned_upload_url"]
        assert other.send(url, SMALL).status_code == 200
        assert other.move(binary, "hashable").status_code == 200
        assert api.move(binary, "hashing").status_code == 200
        assert other.settled(binary)["state"] == "signable"
        second.kill()


def test_the_audit_is_one_chain_whoever_writes_it(api, registry, database, tmp_path):
    """Three server processes at once, one of them killed: no line is lost, torn or written twice."""
    made: list[str] = []

    def make(other, dies=None):
        for number in range(12):
            try:
                answer = other.call("POST", "/artifacts", {"name": uuid4().hex})
            except httpx.TransportError:
                return
            assert answer.status_code == 201, answer.text
            made.append(answer.json()["artifact"]["prn"].rpartition(":")[2])
            if dies is not None and number == 5:
                dies.kill()

    with ExitStack() as stack:
        servers = []
        for name in ("second", "third"):
            folder = tmp_path / name
            folder.mkdir()
            (folder / "registry.token").write_text(registry.token)
            server = stack.enter_context(running_registry(folder, data=registry.data))
            servers.append((stack.enter_context(calling(server)), server))
        (second, _), (third, dying) = servers
        work = [(api,), (api,), (second,), (second,), (third, dying), (third,)]
        with ThreadPoolExecutor(len(work)) as threads:
            for done in [threads.submit(make, *arguments) for arguments in work]:
                done.result()
    assert len(made) >= 4 * 12 + 6
    with database.read() as session:
        assert list(check_audits(session)) == []
        lines = session.scalars(select(AuditLine).order_by(AuditLine.sequence)).all()
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    told = Counter(read_line(line).entry.id for line in lines)
    assert {told[identity] for identity in made} == {1}


def test_one_of_many_who_make_the_same_at_once(api):
    statuses = at_once(8, lambda client: client.post("/artifacts", json={"name": "raced"}), api)
    assert sorted(statuses) == [201] + [409] * 7


def test_one_signature_of_many_who_sign_at_once(api):
    binary = api.signable(SMALL)
    key = api.key()

    body = {
        "binary_prn": binary["prn"],
        "signing_key_prn": key["prn"],
        "signature": PROD.sign(binary["hash"].encode()).hex(),
    }
    statuses = at_once(8, lambda client: client.post("/binary_signatures", json=body), api)
    assert sorted(statuses) == [200] * 7 + [201]
    assert len(api.read(binary)["signatures"]) == 1


def at_once(number, call, api):
    statuses: list[int] = []

    def run():
        with httpx.Client(base_url=api.url, headers=api.http.headers, timeout=60) as client:
            statuses.append(call(client).status_code)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_the_migrations_make_what_the_tables_say(database):
    with database.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert [change for change in found if "procrastinate" not in str(change)] == []


def test_a_reader_cannot_write_and_sees_one_moment(database):
    with database.read() as session:
        before = session.scalar(text("SELECT count(*) FROM binaries"))
        with database.write() as writing:
            writing.execute(update(Binary).values(updated_at=Binary.updated_at))
        assert session.scalar(text("SELECT count(*) FROM binaries")) == before
        with pytest.raises(DBAPIError, match="read-only transaction"):
            session.execute(update(Binary).values(updated_at=1))


def test_a_database_that_is_not_there():
    missing = Database(make_url("postgresql://signkit@127.0.0.1:1/nowhere"))
    with pytest.raises(RegistryError, match="the database cannot be used: connection"):
        migrate(missing)


def test_a_store_that_is_not_there(footing):

    gone = S3Store(replace(footing.bucket, endpoint="http://127.0.0.1:1"))
    key = ContentKey(organization=_ID, binary=_ID, revision=0)
    with pytest.raises(StoreUnavailableError, match="Could not connect"):
        gone.begin_upload(key)


_ID = UUID(int=0)
_revisions = count(1)


class TestFinish:
    """Putting content together: asked once, twice, and after somebody died in between."""

    def upload(self, store, data=SMALL):
        key = ContentKey(organization=_ID, binary=_ID, revision=next(_revisions))
        upload = store.begin_upload(key)
        store.client.upload_part(
            Bucket=store._bucket,
            Key=f"content/{_ID}/{_ID}/{key.revision}",
            UploadId=upload,
            PartNumber=1,
            Body=data,
        )
        return key, upload

    def test_twice(self, store):
        key, upload = self.upload(store)
        for _ in range(2):
            store.finish(key, upload, size=len(SMALL))
        assert b"".join(store.read(key, (), start=4, end=len(SMALL))) == SMALL[4:]
        assert store.arrived(key, upload) == {}

    def test_of_nothing(self, store):
        key = ContentKey(organization=_ID, binary=_ID, revision=next(_revisions))
        with pytest.raises(UploadGoneError):
            store.finish(key, "no-such-upload", size=5)
        with pytest.raises(UploadGoneError):
            store.arrived(key, "no-such-upload")
        with pytest.raises(FileNotFoundError):
            next(store.read(key, (), start=0, end=5))

    def test_discard_of_nothing(self, store):
        key, _ = self.upload(store)
        for _ in range(2):
            store.discard(key)


def test_a_worker_that_is_stopped_leaves_the_job(api, database, store):
    binary = api.binary(SMALL)
    send_all(api, binary, SMALL)
    assert api.move(binary, "hashable").status_code == 200
    row = on_record(database, binary)[0].row
    with database.write() as session:
        session.get_one(Binary, row).state = BinaryState.HASHING
    with pytest.raises(StoppedError):
        give_verdict(database, store, row, is_stopped=lambda: True)
    for _ in range(2):
        give_verdict(database, store, row, is_stopped=lambda: False)
    assert api.read(binary)["state"] == "signable"


def test_content_that_went_missing_is_sent_anew(api, database, store):
    binary = api.binary(SMALL)
    send_all(api, binary, SMALL)
    assert api.move(binary, "hashable").status_code == 200
    found, content = on_record(database, binary)
    store.discard(content)
    with database.write() as session:
        session.get_one(Binary, found.row).state = BinaryState.HASHING
    give_verdict(database, store, found.row, is_stopped=lambda: False)
    assert (api.read(binary)["state"], api.read(binary)["revision"]) == ("uploadable", 1)


def test_content_that_no_record_speaks_of_is_removed(api, database, store):
    kept = api.signable(SMALL)
    waiting = api.binary(SMALL)
    send_all(api, waiting, SMALL)
    _, content = on_record(database, kept)
    dead = ContentKey(organization=content.organization, binary=content.binary, revision=9)
    store.begin_upload(dead)
    store.client.put_object(
        Bucket=store._bucket, Key=f"content/{dead.binary}/{dead.organization}/8", Body=b"x"
    )
    shard = content.binary.bytes[0]
    assert sweep(database, store, shard, before=time.time() - 3600) == 0
    assert sweep(database, store, shard, before=time.time() + 3600) >= 2
    assert api.send_back(kept) == SMALL
    for other in range(SHARDS):
        if other == on_record(database, waiting)[1].binary.bytes[0]:
            sweep(database, store, other, before=time.time() + 3600)
    assert api.hashed(waiting)["state"] == "signable"


def test_an_upload_that_nobody_went_on_with_is_taken_back(api, database, store):
    idle, busy = api.binary(SMALL), api.binary(SMALL)
    for binary in (idle, busy):
        send_all(api, binary, SMALL)
    found, content = on_record(database, idle)
    with database.write() as session:
        old = {"updated_at": 1}
        session.execute(update(Binary).where(Binary.row == found.row).values(old))
        session.execute(update(BinaryPart).where(BinaryPart.binary_row == found.row).values(old))
    assert give_up(database, store, before=time.time() - 3600) == 1
    assert give_up(database, store, before=time.time() - 3600) == 0
    assert (api.parts(idle), api.read(idle)["revision"]) == ([], 1)
    assert not any(str(content.binary) in name for name in everything(store))
    assert api.hashed(busy)["state"] == "signable"


def wait_until(true):
    pause = threading.Event()
    for _ in range(400):
        if true():
            return
        pause.wait(0.05)
    raise AssertionError
